// The shell and the feeds as a program uses them, with a WebSocket that the test is: listeners, loops, handles, page events, timers.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, KeywireError, ReplyError, toBigInt, toBytes, toDouble, fromBytes, type Client, type ConnectOptions } from '../src/index.ts';
import { HELLO } from './lib/machine.ts';

/** The sockets that were made, and what was sent over each. */
let sockets: FakeSocket[] = [];

class FakeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror = null;
  readonly sent: (Record<string, unknown> & { id: number })[] = [];
  isClosed = false;

  constructor(readonly url: string, readonly protocols: string[]) { sockets.push(this); }

  send(text: string): void { this.sent.push(...[JSON.parse(text)].flat()); }
  close(): void { this.isClosed = true; }
  frame(frame: unknown): void { this.onmessage?.({ data: JSON.stringify(frame) }); }
  hello(): void { this.frame({ hello: HELLO }); }
}

const last = () => sockets.at(-1)!;
const start = (options: ConnectOptions = {}): Client => connect('ws://host/ws', { WebSocket: FakeSocket, random: () => 0.5, ...options });
/** Answers the newest opening. */
function answer(reply: Record<string, unknown>): void { last().frame({ id: last().sent.at(-1)!.id, ...reply }); }
const LIVE = { feed: 17, rev: 1, tag: 'tag', via: 'tracking' };

beforeEach(() => { vi.useFakeTimers(); sockets = []; });
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); });

function open(options?: ConnectOptions) {
  const client = start(options);
  const feed = client.live(['GET', 'k']);
  last().hello();
  answer({ ...LIVE, value: 'one' });
  return { client, feed };
}
const value = (rev: number, next: unknown) => last().frame({ feed: 17, rev, tag: `tag${rev}`, value: next });

describe('connecting', () => {
  test('nothing is opened before it is needed, so a server can render with it', () => {
    const client = start({ WebSocket: undefined });
    expect(client.snapshot).toEqual({ state: 'idle', error: undefined, user: undefined, node: undefined, retryAt: undefined });
    client.live(['GET', 'k'], { lazy: true });
    expect([sockets.length, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test.each([
    ['wss://host/ws', 'wss://host/ws'], ['https://host/live/ws', 'wss://host/live/ws'], ['http://host:1/ws?a=b', 'ws://host:1/ws?a=b'],
  ])('%s is %s', (given, url) => {
    connect(given, { WebSocket: FakeSocket }).live(['GET', 'k']);
    expect([last().url, last().protocols]).toEqual([url, ['keywire.v1.json']]);
  });

  test('a path is the page\'s own origin, and that is the default', () => {
    vi.stubGlobal('location', { href: 'https://app.example.com/some/page?x' });
    connect(undefined, { WebSocket: FakeSocket }).live(['GET', 'k']);
    expect(last().url).toBe('wss://app.example.com/ws');
  });

  test('without a WebSocket class, or at no address, it is closed and says why', async () => {
    vi.stubGlobal('WebSocket', undefined);
    const client = connect('ws://host/ws');
    const feed = client.live(['GET', 'k']);
    expect([client.state, feed.state, feed.error?.code]).toEqual(['closed', 'closed', 'NOWEBSOCKET']);
    await expect(client.command(['GET', 'k'])).rejects.toMatchObject({ code: 'CLOSED' });
    const nowhere = connect('/ws', { WebSocket: FakeSocket });
    nowhere.live(['GET', 'k']);
    expect(nowhere.error?.code).toBe('NOWEBSOCKET');
  });

  test('a token goes as a subprotocol; none, and failing to have one, are no reasons to give up', async () => {
    const tokens: (() => unknown)[] = [() => 'a.b.c', () => Promise.reject(new Error('offline')), () => null];
    const client = start({ token: () => tokens.shift()!() as string });
    client.live(['GET', 'k']);
    await vi.advanceTimersByTimeAsync(0);
    expect(last().protocols).toEqual(['keywire.v1.json', 'bearer.a.b.c']);
    last().onclose!({ code: 1006, reason: '' });
    await vi.advanceTimersByTimeAsync(2_000);
    expect([client.state, client.error?.code, client.error?.message]).toEqual(['waiting', 'TOKEN', 'Error: offline']);
    await vi.advanceTimersByTimeAsync(4_000);
    expect([sockets.length, last().protocols]).toEqual([2, ['keywire.v1.json']]);
  });

  test('the connection\'s changes are told', () => {
    const client = start();
    const states: string[] = [];
    const stop = client.onChange(({ state }) => states.push(state));
    client.live(['GET', 'k']);
    last().hello();
    expect(client.snapshot).toMatchObject({ state: 'open', user: 'anonymous', node: 'n1' });
    last().onclose!({ code: 1006, reason: 'gone' });
    expect(client.snapshot).toMatchObject({ state: 'waiting', error: { code: 'LOST', closeCode: 1006 }, retryAt: expect.any(Number) });
    stop();
    client.close();
    expect(states).toEqual(['connecting', 'open', 'waiting']);
  });

  test('the page: shown and online connect at once; after close nothing of it is listened to', () => {
    const page = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('document', document);
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    const removed = [vi.spyOn(page, 'removeEventListener'), vi.spyOn(document, 'removeEventListener')];
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    const { client } = open();
    last().onclose!({ code: 1006, reason: '' });
    page.dispatchEvent(new Event('online'));
    expect(sockets).toHaveLength(2);
    last().onclose!({ code: 1006, reason: '' });
    document.dispatchEvent(new Event('visibilitychange'));
    expect(sockets).toHaveLength(3);
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    vi.advanceTimersByTime(200_000);
    const { length } = sockets;
    expect(client.state).toBe('paused');
    vi.advanceTimersByTime(1_000_000);
    expect(sockets).toHaveLength(length);
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(sockets).toHaveLength(length + 1);
    client.close();
    page.dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
    expect([sockets.length, vi.getTimerCount(), last().isClosed]).toEqual([length + 1, 0, true]);
    for (const spy of removed) expect(spy).toHaveBeenCalledOnce();
  });

  test('close leaves no timer, no socket and no listener', async () => {
    const { client, feed } = open();
    const heard = vi.fn();
    feed.onChange(heard);
    const asked = client.command(['GET', 'k']);
    client.close();
    await expect(asked).rejects.toMatchObject({ code: 'CLOSED', sent: true });
    const { calls: { length } } = heard.mock;
    last().frame({ feed: 17, rev: 2, tag: 't', value: 'late' });
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect([vi.getTimerCount(), last().isClosed, last().onmessage, last().onclose]).toEqual([0, true, null, null]);
    expect([heard.mock.calls.length, feed.value, feed.state]).toEqual([length, 'one', 'closed']);
  });

  test('a frame that cannot be read costs the connection and nothing else', () => {
    const { client } = open();
    last().onmessage!({ data: 'no json' });
    expect([client.state, last().isClosed]).toEqual(['waiting', true]);
    vi.advanceTimersByTime(3_000);
    last().frame(null);
    expect(client.state).toBe('waiting');
  });
});

describe('listeners', () => {
  test('hear what is there soon, and then every change, with the feed', async () => {
    const { feed } = open();
    const heard: unknown[] = [];
    const stop = feed.onChange((next, of) => heard.push([next, of.state]));
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(0);
    value(2, 'two');
    last().frame({ feed: 17, stale: true });
    last().frame({ feed: 17, stale: true });
    stop();
    value(3, 'three');
    expect(heard).toEqual([['one', 'live'], ['two', 'live'], ['two', 'stale']]);
  });

  test('one that is gone before it was told anything is told nothing', async () => {
    const { feed } = open();
    const heard = vi.fn();
    feed.onChange(heard)();
    await vi.advanceTimersByTimeAsync(10);
    expect(heard).not.toHaveBeenCalled();
  });

  test('what one of them throws is reported, and the others are told all the same', async () => {
    const { feed } = open();
    const reported: unknown[] = [];
    const report = (error: Error) => reported.push(error.message);
    process.prependOnceListener('uncaughtException', report);
    const listeners = process.listeners('uncaughtException').slice(1);
    listeners.forEach(listener => process.removeListener('uncaughtException', listener));
    const heard: unknown[] = [];
    feed.onChange(() => { throw new Error('mine'); });
    feed.onChange(next => heard.push(next));
    vi.useRealTimers();
    await new Promise(resolve => setTimeout(resolve, 5));
    listeners.forEach(listener => process.on('uncaughtException', listener));
    expect([heard, reported]).toEqual([['one'], ['mine']]);
  });

  test('the store contract: the value at once, then other values only', () => {
    const { feed } = open();
    const heard: unknown[] = [];
    const stop = feed.subscribe(next => heard.push(next));
    last().frame({ feed: 17, stale: true });
    value(2, 'two');
    stop();
    value(3, 'three');
    expect(heard).toEqual(['one', 'two']);
  });

  test('a listener may close, open and ask, in the middle of it', async () => {
    const { client, feed } = open();
    feed.onChange(() => {
      if (feed.state === 'closed') return;
      client.live(['GET', 'other']);
      void client.command(['PING']);
      feed.close();
    });
    value(2, 'two');
    expect(last().sent.slice(1)).toMatchObject([{ live: ['GET', 'other'] }, { command: ['PING'] }]);
    vi.advanceTimersByTime(1_000);
    last().frame({ id: 2, ...LIVE, feed: 18, value: 1 });
    expect([feed.state, last().sent.at(-1)]).toMatchObject(['closed', { close: 17 }]);
  });

  test('a feed whose last listener left rests, and goes on with the next', () => {
    const { client, feed } = open();
    feed.onChange(() => {})();
    vi.advanceTimersByTime(1_000);
    expect(last().sent.at(-1)).toMatchObject({ close: 17 });
    expect([feed.value, feed.state]).toEqual(['one', 'stale']);
    const heard: unknown[] = [];
    feed.onChange(next => heard.push(next));
    expect(last().sent.at(-1)).toMatchObject({ live: ['GET', 'k'], have: 'tag' });
    answer({ ...LIVE, feed: 18, same: true });
    expect([feed.value, feed.state, heard]).toEqual(['one', 'live', ['one']]);
    client.close();
  });
});

describe('handles', () => {
  test('of one feed are independent: one closed, the other goes on', async () => {
    const { client, feed } = open();
    const other = client.live(['GET', 'k']);
    expect(other.value).toBe('one');
    feed.close();
    vi.advanceTimersByTime(5_000);
    value(2, 'two');
    expect([feed.value, feed.state, other.value, other.state]).toEqual(['one', 'closed', 'two', 'live']);
    feed.close();
    feed.open();
    const heard: unknown[] = [];
    feed.onChange((next, { state }) => heard.push([next, state]));
    value(3, 'three');
    await vi.advanceTimersByTimeAsync(0);
    expect([last().sent.length, heard]).toEqual([1, [['one', 'closed']]]);
  });

  test('a snapshot is the same object until something of it changes', () => {
    const { feed } = open();
    const { snapshot } = feed;
    last().frame({ feed: 99, rev: 1, tag: 't', value: 'of another' });
    expect(feed.snapshot).toBe(snapshot);
    value(2, 'two');
    expect(feed.snapshot).not.toBe(snapshot);
    expect(feed.snapshot).toBe(feed.snapshot);
    expect(feed.snapshot).toEqual({ value: 'two', state: 'live', error: undefined });
  });

  test('a channel keeps the last messages and counts losses', () => {
    const client = start();
    const feed = client.subscribe('c', { keep: 2 });
    const events: unknown[] = [];
    feed.onEvent(event => events.push(event));
    last().hello();
    answer({ feed: 18 });
    for (const message of ['a', 'b', 'c']) last().frame({ feed: 18, message });
    last().frame({ feed: 18, missed: 5 });
    expect([feed.value, feed.missed]).toEqual([['b', 'c'], 5]);
    last().frame({ feed: 18, missed: null });
    last().frame({ feed: 18, missed: 1 });
    expect(feed.missed).toBe(null);
    expect(events).toEqual([{ message: 'a' }, { message: 'b' }, { message: 'c' }, { missed: 5 }, { missed: null }, { missed: 1 }]);
    const none = client.subscribe('c', { keep: 0 });
    last().frame({ feed: 18, message: 'd' });
    expect([none.value, feed.value]).toEqual([[], ['c', 'd']]);
    const heard = vi.fn();
    none.onChange(heard);
    for (const message of ['e', 'f', 'g']) last().frame({ feed: 18, message });
    expect(heard).toHaveBeenCalledOnce(); // what is there; no message changes what it shows
  });

  test('a stream keeps the last entries and its gaps; a reset empties it', () => {
    const client = start();
    const feed = client.follow('s', { from: '0', keep: 2 });
    last().hello();
    answer({ feed: 20, from: '0-0' });
    last().frame({ feed: 20, entries: [['1-0', {}], ['2-0', {}], ['3-0', {}]] });
    last().frame({ feed: 20, gap: { after: '3-0', first: null } });
    expect([feed.value, feed.gaps]).toEqual([[['2-0', {}], ['3-0', {}]], [{ after: '3-0', first: null }]]);
    last().frame({ feed: 20, closed: { code: 'RESET', message: 'deleted' } });
    expect([feed.value, feed.state]).toEqual([[], 'stale']);
  });
});

describe('loops', () => {
  test('over a live query yield the newest value, skipping what came while they were busy', async () => {
    const { feed } = open();
    const loop = feed[Symbol.asyncIterator]();
    expect(await loop.next()).toEqual({ value: 'one', done: false });
    value(2, 'two');
    value(3, 'three');
    expect(await loop.next()).toEqual({ value: 'three', done: false });
    const waiting = loop.next();
    value(4, 'four');
    expect(await waiting).toEqual({ value: 'four', done: false });
    feed.close();
    expect(await loop.next()).toEqual({ value: undefined, done: true });
  });

  test('end with the error that closed the feed', async () => {
    const { feed } = open();
    const seen: unknown[] = [];
    const loop = (async () => { for await (const next of feed) seen.push(next); })();
    await vi.advanceTimersByTimeAsync(0);
    last().frame({ feed: 17, closed: { code: 'NOPERM', message: 'no' } });
    await expect(loop).rejects.toMatchObject({ code: 'NOPERM' });
    expect(seen).toEqual(['one']);
  });

  test('that are left let the feed rest', async () => {
    const { feed } = open();
    for await (const next of feed) { expect(next).toBe('one'); break; }
    vi.advanceTimersByTime(1_000);
    expect(last().sent.at(-1)).toMatchObject({ close: 17 });
  });

  test('over a channel yield every message, and over ten thousand drop the oldest and say so', async () => {
    const client = start();
    const feed = client.subscribe('c');
    last().hello();
    answer({ feed: 18 });
    const loop = feed[Symbol.asyncIterator]();
    const first = loop.next();
    last().frame({ feed: 18, message: 'first' });
    expect(await first).toEqual({ value: 'first', done: false });
    for (let i = 0; i < 10_002; i += 1) last().frame({ feed: 18, message: String(i) });
    expect([await loop.next(), feed.missed]).toEqual([{ value: '2', done: false }, 2]);
  });

  test('over a stream yield every entry, and end rather than leave one out', async () => {
    const client = start();
    const feed = client.follow('s', { from: '0' });
    last().hello();
    answer({ feed: 20, from: '0-0' });
    const loop = feed[Symbol.asyncIterator]();
    const first = loop.next();
    last().frame({ feed: 20, entries: [['1-0', {}]] });
    expect((await first).value).toEqual(['1-0', {}]);
    for (let i = 2; i < 10_004; i += 1) last().frame({ feed: 20, entries: [[`${i}-0`, {}]] });
    let count = 0;
    await expect((async () => { for (;;) { if ((await loop.next()).done) return; count += 1; } })()).rejects.toMatchObject({ code: 'TOOSLOW' });
    expect(count).toBe(10_001);
  });
});

describe('commands', () => {
  test('resolve, reject, and carry errors in the places of batches', async () => {
    const { client } = open();
    const one = client.command(['GET', 'k']);
    answer({ result: 'v' });
    expect(await one).toBe('v');
    const failing = client.command(['GET', 'k']);
    answer({ error: { code: 'WRONGTYPE', message: 'of another type' } });
    await expect(failing).rejects.toEqual(new ReplyError('WRONGTYPE', 'of another type'));
    const atomic = client.commands([['INCR', 'n'], ['LPUSH', 'n', 'x']]);
    expect(last().sent.at(-1)).toMatchObject({ atomic: true, commands: [['INCR', 'n'], ['LPUSH', 'n', 'x']] });
    answer({ result: [1, { $error: 'WRONGTYPE of another type' }] });
    expect(await atomic).toEqual([1, new ReplyError('WRONGTYPE', 'of another type')]);
    const aborted = client.commands([['NO']]);
    answer({ error: { code: 'EXECABORT', message: 'no' } });
    await expect(aborted).rejects.toMatchObject({ code: 'EXECABORT', name: 'ReplyError' });
    expect(await client.batch([])).toEqual([]);
  });

  test('errors are errors', () => {
    const error = new ReplyError('CODE', 'text');
    expect([error instanceof Error, error instanceof KeywireError, error.name, error.code, error.message]).toEqual([true, true, 'ReplyError', 'CODE', 'text']);
  });
});

test('values that JSON has no way to write', () => {
  expect(toBytes('ä')).toEqual(new Uint8Array([0xc3, 0xa4]));
  expect(toBytes({ $base64: '/wA=' })).toEqual(new Uint8Array([255, 0]));
  expect(fromBytes(new Uint8Array([255, 0]))).toEqual({ $base64: '/wA=' });
  expect([toBigInt(5), toBigInt({ $int: '9007199254740992' })]).toEqual([5n, 9007199254740992n]);
  expect([toDouble(1.5), toDouble({ $double: 'inf' }), toDouble({ $double: '-inf' }), toDouble({ $double: 'nan' })]).toEqual([1.5, Infinity, -Infinity, NaN]);
});
