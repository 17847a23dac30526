// The recipes of docs/recipes.md, run as written against the real server.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import WebSocket from 'ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Client, type Entry } from '../src/index.ts';
import { sleep, startServer, until, type Server } from './lib/server.ts';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const text = readFileSync(here('../../../docs/recipes.md'), 'utf8');

let server: Server, folder: string, ada: Client, bob: Client;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'keywire-recipes-'));
  server = await startServer();
  [ada, bob] = [connect(server.wsUrl('/ws'), { WebSocket }), connect(server.wsUrl('/ws'), { WebSocket })];
});
afterAll(async () => {
  ada.close();
  bob.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A recipe as a module. */
async function recipe<T>(name: string): Promise<T> {
  const [, code] = new RegExp(`\`\`\`ts\\n// ${name}\\n(.*?)\`\`\``, 's').exec(text)!;
  const built = await build({
    stdin: { contents: code!, loader: 'ts', resolveDir: here('.') }, bundle: true, format: 'esm', platform: 'node', target: 'es2022', alias: { keywire: here('../src/index.ts') }, write: false,
  });
  const file = path.join(folder, name.replace('.ts', '.mjs'));
  writeFileSync(file, built.outputFiles[0]!.text);
  return await import(/* @vite-ignore */ pathToFileURL(file).href) as T;
}

test('presence: who comes and goes is told, also who just falls silent', async () => {
  const { beHere, whoIsHere } = await recipe<{ beHere(kw: Client, room: string, person: string): () => void; whoIsHere(kw: Client, room: string, tell: (people: string[]) => void): () => void }>('presence.ts');
  const seen: string[] = [];
  const stop = whoIsHere(ada, 'r', people => seen.push(people.join('+')));
  await until(() => seen.at(-1) === '');
  const [adaLeaves, bobLeaves] = [beHere(ada, 'r', 'ada'), beHere(bob, 'r', 'bob')];
  await until(() => seen.at(-1) === 'ada+bob');
  bobLeaves();
  await until(() => seen.at(-1) === 'ada');
  await server.command('PEXPIRE', 'here:r:ada', 50);
  await until(() => seen.at(-1) === '');
  adaLeaves();
  stop();
  const told = seen.length;
  await server.command('SET', 'here:r:bob', 1, 'PX', 20);
  await sleep(60);
  expect(seen.length).toBe(told);
});

test('optimistic writes: shown at once, never stepping back, and gone if they are refused', async () => {
  interface Editable { readonly value: Record<string, string>; set(field: string, value: string): Promise<void>; close(): void }
  const { editable } = await recipe<{ editable(kw: Client, key: string, changed: () => void): Editable }>('optimistic.ts');
  await server.command('HSET', 'doc', 'title', 'old', 'text', 't');
  const seen: string[] = [];
  const doc = editable(ada, 'doc', () => seen.push(doc?.value.title ?? ''));
  await until(() => doc.value.title === 'old');
  const written = doc.set('title', 'new');
  expect(doc.value).toEqual({ title: 'new', text: 't' });
  await written;
  expect(await server.command('HGET', 'doc', 'title')).toBe('new');
  expect(seen.slice(seen.indexOf('new'))).not.toContain('old');
  await bob.command(['HSET', 'doc', 'title', "bob's"]);
  await until(() => doc.value.title === "bob's");
  await server.command('SET', 'other', 'no hash');
  const refused = editable(ada, 'other', () => {});
  const failing = refused.set('title', 'x');
  expect(refused.value.title).toBe('x');
  await expect(failing).rejects.toMatchObject({ code: 'WRONGTYPE' });
  expect(refused.value).toEqual({});
  doc.close();
  refused.close();
});

test('pages: rows move between them, and the old ones stay until the new ones are there', async () => {
  interface Page { readonly rows: [string, number][]; readonly pages: number; readonly isOld: boolean }
  const { pages } = await recipe<{ pages(kw: Client, board: string, size: number, show: (page: Page) => void): { goTo(page: number): void; close(): void } }>('pages.ts');
  await server.command('ZADD', 'board', ...Array.from({ length: 25 }, (_, n) => [n, `p${n}`]).flat());
  let shown: Page | undefined;
  const seen: Page[] = [];
  const view = pages(ada, 'board', 10, page => seen.push(shown = page));
  await until(() => shown?.rows[0]?.[0] === 'p24' && shown.pages === 3);
  view.goTo(2);
  await until(() => shown!.rows.length === 5 && shown!.rows[0]![0] === 'p4');
  expect(seen.slice(seen.findIndex(({ rows }) => rows.length > 0)).every(({ rows }) => rows.length > 0)).toBe(true);
  await server.command('ZADD', 'board', 100, 'p0');
  await until(() => shown!.rows[0]![0] === 'p5');
  view.close();
});

test('older messages: what is there, what comes, and what was before, without a gap', async () => {
  const { older, latest } = await recipe<{ older(kw: Client, stream: string, before?: string, count?: number): Promise<Entry[]>; latest(kw: Client, stream: string, show: (entry: Entry) => void, count?: number): Promise<() => void> }>('older.ts');
  for (let n = 1; n <= 20; n += 1) await server.command('XADD', 'log', `${n}-0`, 'n', n);
  const seen: string[] = [];
  const stop = await latest(ada, 'log', ([id]) => seen.push(id), 5);
  await server.command('XADD', 'log', '21-0', 'n', 21);
  await until(() => seen.at(-1) === '21-0');
  expect(seen).toEqual(['16-0', '17-0', '18-0', '19-0', '20-0', '21-0']);
  const before = await older(ada, 'log', seen[0], 5);
  expect(before).toEqual([11, 12, 13, 14, 15].map(n => [`${n}-0`, { n: String(n) }]));
  expect(await older(ada, 'log', '1-0')).toEqual([]);
  stop();
  const empty = await latest(ada, 'nothing yet', ([id]) => seen.push(id));
  await server.command('XADD', 'nothing yet', '1-0', 'f', 'v');
  await until(() => seen.at(-1) === '1-0');
  empty();
});
