// The client and the real server together: restarts, a proxy that cuts at random, many writers, and that nothing is left behind.
import { once } from 'node:events';
import net from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { connect, type Client, type Entry } from '../src/index.ts';
import { sleep, startServer, until, type Server } from './lib/server.ts';

/** How often the soak's connection is cut; `scripts/test --long` makes it longer. */
const CUTS = process.env.KEYWIRE_LONG ? 300 : 15;

let server: Server;
beforeAll(async () => { server = await startServer({ set: { 'limits.reconnect_ms': '10,50' } }); });
afterAll(() => server?.stop());

const open = (url = server.wsUrl('/ws')): Client => connect(url, { WebSocket, lingerMs: 50 });

/** A proxy before the server whose connections can be cut. */
async function proxy(): Promise<{ url: string; cut(): void; stop(): Promise<void> }> {
  const pairs = new Set<net.Socket>();
  const listener = net.createServer(client => {
    const upstream = net.connect(server.port, '127.0.0.1');
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      pairs.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => { pairs.delete(from); to.destroy(); });
    }
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => pairs.forEach(socket => socket.destroy());
  return {
    url: `ws://127.0.0.1:${(listener.address() as net.AddressInfo).port}/ws`,
    cut,
    async stop() { cut(); listener.close(); await once(listener, 'close'); },
  };
}

describe('with the real server', () => {
  test('a value on screen in three lines', async () => {
    const screen: unknown[] = [];
    await server.command('SET', 'three-lines', '1');
    const kw = open();
    kw.live(['GET', 'three-lines']).onChange(value => screen.push(value));
    await until(() => screen.at(-1) === '1');
    await kw.command(['INCR', 'three-lines']);
    await until(() => screen.at(-1) === '2');
    kw.close();
  });

  test('loops', async () => {
    const kw = open();
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const [, fields] of kw.follow('loop', { from: '0' })) {
        seen.push(fields.n);
        if (seen.length === 3) break;
      }
    })();
    for (const n of [1, 2, 3, 4]) await server.command('XADD', 'loop', '*', 'n', n);
    await loop;
    expect(seen).toEqual(['1', '2', '3']);
    kw.close();
  });

  test('the types of replies are what the server answers', async () => {
    const kw = open();
    const [k, h, z] = ['types:k', 'types:h', 'types:z'];
    const set: 'OK' = await kw.command(['SET', k, '1']);
    const get: string | null = await kw.command(['GET', k]);
    const count: number = await kw.command(['incr', k]);
    const hash: number = await kw.command(['HSET', h, 'f', 'v']);
    const fields: Record<string, string> = await kw.command(['HGETALL', h]);
    const added: number = await kw.command(['ZADD', z, 1, 'a', 2.5, 'b']);
    const members: string[] = await kw.command(['ZRANGE', z, 0, -1]);
    const scored: [string, number][] = await kw.command(['ZRANGE', z, 0, -1, 'WITHSCORES']);
    const rank: [number, number] | null = await kw.command(['ZRANK', z, 'b', 'WITHSCORE']);
    const popped: [string, number] | [] = await kw.command(['ZPOPMIN', z]);
    const many: [string, number][] = await kw.command(['ZPOPMIN', z, 5]);
    const old: string | null = await kw.command(['SET', k, 'x', 'GET']);
    const entry: string | null = await kw.command(['XADD', 'types:s', '1-0', 'f', 'v']);
    const range: [string, string[]][] = await kw.command(['XRANGE', 'types:s', '-', '+']);
    expect([set, get, count, hash, fields, added, members, scored, rank, popped, many, old, entry, range]).toEqual(
      ['OK', '1', 2, 1, { f: 'v' }, 2, ['a', 'b'], [['a', 1], ['b', 2.5]], [1, 2.5], ['a', 1], [['b', 2.5]], '2', '1-0', [['1-0', ['f', 'v']]]]);
    const [first, second] = await kw.commands([['INCR', 'types:n'], ['GET', 'types:n']]);
    expect([first satisfies number | Error, second satisfies string | null | Error]).toEqual([1, '1']);
    const cart = kw.live<{ apples: number }>(['GET', 'types:json'], { json: true });
    expect(cart.value?.apples satisfies number | undefined).toBe(undefined);
    kw.close();
  });

  test('killed and started again: stale meanwhile, commands say that nobody knows, and then all is current', async () => {
    let own = await startServer({ set: { 'limits.reconnect_ms': '10,50' } });
    const { port } = own;
    const kw = open(own.wsUrl('/ws'));
    await own.command('SET', 'k', 'before');
    const feed = kw.live(['GET', 'k']);
    const channel = kw.subscribe('c');
    const stream = kw.follow('s', { from: '0' });
    await own.command('XADD', 's', '5-0', 'f', 'v');
    await until(() => feed.value === 'before' && channel.state === 'live' && stream.value.length === 1);
    await own.kill();
    await until(() => [feed, channel, stream].every(({ state }) => state === 'stale'));
    expect([feed.value, kw.state]).toEqual(['before', 'waiting']);
    const waiting = kw.command(['SET', 'k', 'while away']);
    await sleep(300);
    own = await startServer({ port });
    await waiting;
    await until(() => feed.value === 'while away' && feed.state === 'live' && stream.state === 'live' && channel.state === 'live');
    expect([channel.missed, stream.value]).toEqual([null, []]);
    await own.command('XADD', 's', '1-0', 'f', 'anew');
    await until(() => stream.value.length === 1);
    kw.close();
    await own.stop();
  });

  test('a proxy that cuts at random: after each cut the value is the server\'s, entries come once, and in the end nothing is left', async () => {
    const before = process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
    const between = await proxy();
    const kw = connect(between.url, { WebSocket, lingerMs: 50 });
    await server.command('DEL', 'soak:h', 'soak:z', 'soak:s');
    const hash = kw.live(['HGETALL', 'soak:h']);
    const ranks = kw.live(['ZRANGE', 'soak:z', 0, 9, 'REV', 'WITHSCORES'], { every: 50 });
    const stream = kw.follow('soak:s', { from: '0', keep: 1_000_000 });
    const entries: Entry[] = [];
    stream.onEvent(event => { if ('entries' in event) entries.push(...event.entries); else entries.push(['not lossless', {}]); });
    const revs: string[] = [];
    hash.onChange((_, { state }) => revs.push(state));
    let closedAt: number | undefined;
    hash.onChange(() => { if (closedAt !== undefined) revs.push('after close'); });

    let written = 0;
    let done = false;
    const writer = (async () => {
      while (!done) {
        const n = ++written;
        await Promise.all([server.command('HSET', 'soak:h', `f${n % 50}`, n), server.command('ZADD', 'soak:z', n * 7 % 101, `m${n % 20}`), server.command('XADD', 'soak:s', '*', 'n', n)]);
        if (n % 97 === 0) await server.command('DEL', 'soak:h');
      }
    })();
    for (let i = 0; i < CUTS; i += 1) {
      await sleep(20 + Math.random() * 150);
      between.cut();
      // No connection holds long enough here to be taken for a good one: after many cuts the delay would be half a minute.
      await until(() => kw.state !== 'open', () => 'the cut to be noticed');
      kw.wake();
      if (i % 5 < 4) continue;
      await until(() => hash.state === 'live' && ranks.state === 'live', () => `both to be live, the connection is ${JSON.stringify(kw.snapshot)}`);
    }
    done = true;
    await writer;
    // A hash has no order.
    await until(async () => isDeepStrictEqual(hash.value, await server.command('HGETALL', 'soak:h')), () => `the hash, which is ${JSON.stringify(hash.snapshot)}`);
    await until(async () => JSON.stringify(ranks.value) === JSON.stringify(await server.command('ZRANGE', 'soak:z', 0, 9, 'REV', 'WITHSCORES')), () => 'the ranks');
    await until(() => entries.length >= written, () => `${written} entries, there are ${entries.length}`);
    expect(entries.map(([, { n }]) => Number(n)).sort((a, b) => a - b)).toEqual(Array.from({ length: written }, (_, i) => i + 1));
    expect(revs).toContain('stale');

    kw.close();
    closedAt = revs.length;
    await server.command('HSET', 'soak:h', 'after', 'close');
    await sleep(100);
    expect(revs.slice(closedAt)).toEqual([]);
    await between.stop();
    await until(() => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length <= before + 1, () => 'timers to be gone');
  }, 60_000 + 1_000 * CUTS);

  test('two thousand feeds and their reconnect', async () => {
    const own = await startServer({ set: { 'limits.feeds_max': 2_000, 'limits.reconnect_ms': '10,50' } });
    const between = open(own.wsUrl('/ws'));
    const feeds = Array.from({ length: 2_000 }, (_, i) => between.live(['GET', `many:${i}`]));
    await until(() => feeds.every(({ state }) => state === 'live'), undefined, 10_000);
    const over = between.live(['GET', 'one too many']);
    await until(() => over.error?.code === 'TOOMANY');
    expect(over.state).toBe('loading');
    feeds[0]!.close();
    await until(() => over.state === 'live', undefined, 10_000);
    await own.command('SET', 'many:1999', 'changed');
    await until(() => feeds[1999]!.value === 'changed');
    between.close();
    await own.stop();
  }, 30_000);

  test('slow reader: what it shows in the end is current', async () => {
    const kw = open();
    const feed = kw.live(['GET', 'busy'], { every: 0 });
    await until(() => feed.state === 'live');
    for (let i = 1; i <= 500; i += 1) void kw.command(['SET', 'busy', i]);
    for (const end = Date.now() + 300; Date.now() < end;);
    await until(() => feed.value === '500');
    kw.close();
  });
});
