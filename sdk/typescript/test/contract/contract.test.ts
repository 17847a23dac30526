// Every scenario of sdk/contract, played by this SDK; the types of frames.ts against docs/protocol.md; and that all of its frames passed.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as f from '../../src/frames.ts';
import { startServer, type Server } from '../lib/server.ts';
import { Player, scenarios, seen } from './player.ts';

let server: Server;
beforeAll(async () => { server = await startServer(); });
afterAll(() => server?.stop());

describe.concurrent('scenarios', () => {
  test.each(scenarios)('%s: %s', { timeout: 30_000 }, async (_file, _name, scenario) => {
    await new Player(scenario).play(server);
  });
});

/** Which members a frame must and may have, forced by the compiler to be those of its type. */
type Members<T> = { [K in keyof T]-?: undefined extends T[K] ? 'may' : 'must' };

const must = 'must', may = 'may';
const FRAMES = {
  hello: { hello: must } satisfies Members<f.HelloFrame>,
  result: { id: must, result: must as never } satisfies Members<f.ResultFrame>,
  error: { id: may, error: must } satisfies Members<f.ErrorFrame>,
  liveOpened: { id: must, feed: must, rev: must, via: must, tag: may, value: may as never, same: may, error: may, stale: may } satisfies Members<f.LiveOpened>,
  channelOpened: { id: must, feed: must, stale: may } satisfies Members<f.ChannelOpened>,
  streamOpened: { id: must, feed: must, from: must, stale: may } satisfies Members<f.StreamOpened>,
  patch: { feed: must, rev: must, tag: must, patch: must } satisfies Members<f.PatchFrame>,
  value: { feed: must, rev: must, tag: must, value: must as never } satisfies Members<f.ValueFrame>,
  failed: { feed: must, rev: must, error: must } satisfies Members<f.FailedFrame>,
  message: { feed: must, channel: may, message: must } satisfies Members<f.MessageFrame>,
  entries: { feed: must, entries: must } satisfies Members<f.EntriesFrame>,
  gap: { feed: must, gap: must } satisfies Members<f.GapFrame>,
  missed: { feed: must, missed: must } satisfies Members<f.MissedFrame>,
  stale: { feed: must, stale: must } satisfies Members<f.StaleFrame>,
  closed: { feed: must, closed: must } satisfies Members<f.ClosedFrame>,
};
const VERBS = {
  command: { command: must } satisfies Members<f.CommandVerb>,
  commands: { commands: must, atomic: must } satisfies Members<f.CommandsVerb>,
  live: { live: must, every: may, json: may, have: may } satisfies Members<f.LiveVerb>,
  subscribe: { subscribe: must } satisfies Members<f.SubscribeVerb>,
  psubscribe: { psubscribe: must } satisfies Members<f.PsubscribeVerb>,
  follow: { follow: must, from: may } satisfies Members<f.FollowVerb>,
  close: { close: must } satisfies Members<f.CloseVerb>,
  auth: { auth: must } satisfies Members<f.AuthVerb>,
  ping: { ping: must as never } satisfies Members<f.PingVerb>,
};
const HELLO = {
  version: must, node: must, user: must, expires: must, ping_interval_ms: must, reconnect_ms: must, limits: must,
} satisfies Members<f.Hello>;

const page = readFileSync(new URL('../../../../docs/protocol.md', import.meta.url), 'utf8');
/** The rows of the table whose first heading is this. */
function table(heading: string): string[][] {
  const lines = page.split('\n');
  const begin = lines.findIndex(line => line.startsWith(`| ${heading} |`));
  expect(begin, `a table with the heading ${heading}`).toBeGreaterThan(0);
  const end = lines.findIndex((line, i) => i > begin && !line.startsWith('|'));
  return lines.slice(begin + 2, end).map(line => line.split(' | ').map(cell => cell.replace(/^\| | \|$/g, '')));
}
/** The frames in a cell, with something in place of what is left out. */
const framesIn = (cell: string): Record<string, unknown>[] => [...cell.matchAll(/`(\{"(?:hello|id|feed|error)".*?\})`/g)].map(([, text]) =>
  JSON.parse(text!.replace(/:…/g, ':null').replace(/:anything/g, ':null').replace(/,…/g, '').replace(/([[{])…/g, '$1')) as Record<string, unknown>);

const documented = [...table('frame').flatMap(([cell]) => framesIn(cell!)), ...table('verb').flatMap(cells => framesIn(cells.at(-1)!))];

/** The name of the one kind of frame that these members make. */
function kind(members: Record<string, string>[] | Record<string, Record<string, string>>, frame: Record<string, unknown>): string {
  const keys = Object.keys(frame);
  const fits = Object.entries(members).filter(([, table]) => keys.every(key => key in table)
    && Object.entries(table).every(([key, need]) => need === may || keys.includes(key)));
  return fits.map(([name]) => name).join(' or ');
}

describe('the types of the frames are those of docs/protocol.md', () => {
  test('every documented frame has a type, and every type is documented', () => {
    expect(documented.length).toBeGreaterThan(18);
    for (const frame of documented) expect([JSON.stringify(frame), kind(FRAMES, frame)]).toEqual([expect.anything(), expect.stringMatching(/^\w+$/)]);
    const errors = framesIn(page.match(/`\{"id":1,"error".*?\}\}`/)![0]);
    expect(new Set([...documented, ...errors].map(frame => kind(FRAMES, frame)))).toEqual(new Set(Object.keys(FRAMES)));
  });

  test('so are the verbs and their options', () => {
    const rows = table('verb');
    expect(rows.map(([verb]) => verb!.replaceAll('`', ''))).toEqual(Object.keys(VERBS));
    for (const [verb, value, options] of rows) {
      const name = verb!.replaceAll('`', '') as keyof typeof VERBS;
      const documentedOptions = [...`${options} ${name === 'commands' ? value!.replace(/"(\w+)":true/, '$1') : ''}`.matchAll(/`(\w+)/g)].map(([, option]) => option);
      expect([name, ...documentedOptions].sort()).toEqual(Object.keys(VERBS[name]).sort());
    }
  });

  test('so are the members of hello, and the members inside of gaps and errors', () => {
    const [cell] = table('frame').filter(([frame]) => frame!.includes('"hello"'));
    const [, words] = cell!;
    const names = [...words!.replace(/\([^)]*`message_bytes_max`[^)]*\)/, '').matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(names).toEqual(Object.keys(HELLO));
    const gap = documented.find(frame => 'gap' in frame)!.gap as object;
    expect(Object.keys(gap)).toEqual(Object.keys({ after: must, first: must } satisfies Members<f.Gap>));
    const closed = documented.find(frame => 'closed' in frame)!.closed as object;
    expect(Object.keys(closed)).toEqual(Object.keys({ code: must, message: must } satisfies Members<f.ErrorBody>));
  });
});

test('every frame and every verb that docs/protocol.md knows passed in a scenario', () => {
  expect(new Set(seen.frames.map(frame => kind(FRAMES, withoutBrand(frame))))).toEqual(new Set([...Object.keys(FRAMES), '']));
  expect(new Set(seen.requests.map(({ id, ...verb }) => kind(VERBS, verb)))).toEqual(new Set(Object.keys(VERBS)));
  const options = new Set(seen.requests.flatMap(Object.keys));
  for (const option of ['every', 'json', 'have', 'from', 'atomic']) expect(options).toContain(option);
});

/** One scenario sends members that nobody knows. */
function withoutBrand({ brand: _, ...frame }: Record<string, unknown>): Record<string, unknown> { return frame; }
