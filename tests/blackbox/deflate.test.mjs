// permessage-deflate (RFC 7692): what is agreed to, what comes compressed, what that costs, and what is refused.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import WebSocket from 'ws';
import { Client, fresh, until } from './lib/client.mjs';
import { OPCODE, RawSocket, frame } from './lib/rawsocket.mjs';
import { startServer } from './lib/server.mjs';

const MESSAGE_BYTES_MAX = 64 << 10;
const RSV1 = 4;
const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
/** Texts that compress well, each another, of about so many bytes. */
const large = (what, bytes = 8_000) => JSON.stringify({ what, rows: Array.from({ length: bytes / 40 }, (_, i) => ({ id: i, name: `row ${i}`, price: i * 1.25 })) });
/** A message as a client compresses it: without the tail of the flush. */
function deflated(message, options) {
  const stream = zlib.deflateRawSync(message, { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options });
  return stream.subarray(0, stream.length - 4);
}

async function figures(server) {
  const text = await (await fetch(server.url('/metrics'))).text();
  return Object.fromEntries([...text.matchAll(/^keywire_(\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
}
/** How much the figures rise while this is done. */
async function rise(server, act) {
  const before = await figures(server);
  await act();
  const now = await figures(server);
  return Object.fromEntries(Object.keys(now).map(name => [name, now[name] - before[name]]));
}

describe('permessage-deflate', { timeout: 120_000 }, () => {
  let server, writer;
  before(async () => {
    server = await startServer({ set: { 'deflate.enabled': true, 'limits.message_bytes_max': MESSAGE_BYTES_MAX, 'admin.access': 'loopback' } });
    writer = await Client.open(server, { perMessageDeflate: false });
  });
  after(async () => { await writer?.close(); await server?.stop(); });
  const sockets = [];
  after(() => sockets.forEach(socket => socket.destroy()));

  /** Upgraded with this offer; `head` is the answer. */
  async function offer(extensions, path = '/ws') {
    const raw = await RawSocket.connect(server);
    sockets.push(raw);
    await raw.upgrade(path, [extensions].flat().map(value => `Sec-WebSocket-Extensions: ${value}`));
    return raw;
  }
  const answer = raw => /^sec-websocket-extensions: (.*)$/im.exec(raw.head)?.[1].trim() ?? null;
  /** A request in a compressed frame. */
  const compressed = (text, options = {}) => frame(OPCODE.text, deflated(text), { rsv: RSV1, ...options });

  test('it is off unless it is set, and its bit is refused then', async () => {
    const plain = await startServer();
    try {
      const raw = await RawSocket.connect(plain);
      await raw.upgrade('/ws', ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']);
      assert.equal(raw.status, 101);
      assert.doesNotMatch(raw.head, /sec-websocket-extensions/i);
      raw.write(frame(OPCODE.text, deflated('{"id":1,"ping":1}'), { rsv: RSV1 }));
      assert.equal(await raw.closeCode(), 1002);
      raw.destroy();
    } finally { await plain.stop(); }
  });

  test('offers: the first that can be agreed to, and never a context that is taken over', async () => {
    for (const [offered, expected] of [
      ['permessage-deflate', AGREED],
      ['permessage-deflate; client_max_window_bits', AGREED],
      ['permessage-deflate; client_max_window_bits="10"; server_no_context_takeover', AGREED],
      ['permessage-deflate; server_max_window_bits=15', `${AGREED}; server_max_window_bits=15`],
      ['permessage-deflate; server_max_window_bits=10', null],
      ['permessage-deflate; server_max_window_bits=10, permessage-deflate', AGREED],
      [['x-other; a=1', 'permessage-deflate'], AGREED],
      ['permessage-deflate; unknown', null],
      ['permessage-deflate; client_max_window_bits=16', null],
      ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', null],
      ['', null],
    ]) {
      for (const path of ['/ws', '/raw']) {
        const raw = await offer(offered, path);
        assert.deepEqual([raw.status, answer(raw)], [101, expected], String(offered));
      }
    }
    assert.equal((await offer('permessage-deflate; =')).status, 400);
  });

  test('fifty clients hear one change: one compression, and everybody the same value', async () => {
    const key = fresh();
    await writer.command('SET', key, large('before'));
    const clients = await Promise.all(Array.from({ length: 50 }, () => Client.open(server)));
    const others = await Promise.all(Array.from({ length: 10 }, () => Client.open(server, { perMessageDeflate: false })));
    const feeds = await Promise.all([...clients, ...others].map(client => client.live(['GET', key])));
    assert.match(clients[0].socket.extensions, /^permessage-deflate/);
    assert.equal(others[0].socket.extensions, '');
    for (const what of ['one', 'two', 'three']) {
      const value = large(what);
      const rose = await rise(server, async () => {
        await writer.command('SET', key, value);
        await Promise.all(feeds.map(feed => feed.shows(value)));
      });
      assert.equal(rose.deflate_compressions_total, 1);
      assert.ok(rose.deflate_bytes_total > 8_000 && rose.deflate_compressed_bytes_total < rose.deflate_bytes_total / 3, JSON.stringify(rose));
      // 50 small frames and 10 large ones, and the writer's reply.
      assert.ok(rose.bytes_sent_total < 50 * rose.deflate_compressed_bytes_total + 11 * (rose.deflate_bytes_total + 50) + 1_000, JSON.stringify(rose));
    }
    await Promise.all([...clients, ...others].map(client => client.close()));
  });

  test('no client that agreed: nothing is compressed', async () => {
    const key = fresh();
    const feed = await writer.live(['GET', key]);
    const rose = await rise(server, async () => { await writer.command('SET', key, large('plain')); await feed.shows(large('plain')); });
    assert.equal(rose.deflate_compressions_total, 0);
    await feed.close();
  });

  test('patches, messages, entries and replies: what is large is compressed, what is small is not', async () => {
    const client = await Client.open(server);
    const [hash, channel, stream] = [fresh('hash'), fresh('channel'), fresh('stream')];
    const view = await client.live(['HGETALL', hash]);
    const messages = await client.subscribe(channel);
    const entries = await client.follow(stream);
    const small = await rise(server, async () => {
      await writer.command('HSET', hash, 'a', '1');
      await view.shows({ a: '1' });
      await writer.command('PUBLISH', channel, 'm');
      await messages.reaches(1);
    });
    assert.equal(small.deflate_compressions_total, 0);
    const rose = await rise(server, async () => {
      await writer.command('HSET', hash, 'b', large('field'));
      await view.shows({ a: '1', b: large('field') });
      await writer.command('PUBLISH', channel, large('message'));
      await messages.reaches(2);
      await writer.command('XADD', stream, '*', 'f', large('entry'));
      await entries.reaches(1);
      assert.equal(await client.command('HGET', hash, 'b'), large('field'));
    });
    assert.equal(messages.messages[1], large('message'));
    assert.equal(entries.entries[0][1].f, large('entry'));
    assert.equal(rose.deflate_compressions_total, 4);
    await client.close();
  });

  test('what is small, or does not shrink, comes as it is', async () => {
    const raw = await offer('permessage-deflate');
    for (const [text, rsv] of [['x'.repeat(2_000), RSV1], ['x'.repeat(900), 0]]) {
      raw.frames.length = 0;
      raw.write(frame(OPCODE.text, JSON.stringify({ id: 1, ping: text })));
      const [reply] = await until(() => raw.frames.length > 0 && raw.frames);
      assert.equal(reply.rsv, rsv);
      const json = reply.rsv ? zlib.inflateRawSync(Buffer.concat([reply.payload, Buffer.from([0, 0, 255, 255])]), { finishFlush: zlib.constants.Z_SYNC_FLUSH }) : reply.payload;
      assert.deepEqual(JSON.parse(json), { id: 1, result: text });
    }
    // Bytes without an order: on /raw as they are.
    const [key, noise] = [fresh(), randomBytes(4_000)];
    await writer.command('SET', key, { $base64: noise.toString('base64') });
    const rose = await rise(server, async () => {
      const bare = await offer('permessage-deflate', `/raw?live=${encodeURIComponent(`GET ${key}`)}`);
      const [value] = await until(() => bare.frames.length > 0 && bare.frames);
      assert.deepEqual([value.opcode, value.rsv, value.payload.equals(noise)], [OPCODE.binary, 0, true]);
    });
    assert.deepEqual([rose.deflate_compressions_total, rose.deflate_compressed_bytes_total], [1, 4_000]);
  });

  test('/raw: the bare payload, compressed or not', async () => {
    const key = fresh();
    await writer.command('SET', key, large('raw'));
    const socket = new WebSocket(server.wsUrl(`/raw?live=${encodeURIComponent(`GET ${key}`)}`));
    const got = [];
    socket.on('message', data => got.push(String(data)));
    await once(socket, 'open');
    await until(() => got.length === 1, 'the value');
    await writer.command('SET', key, 'short');
    await until(() => got.length === 2, 'the short value');
    assert.deepEqual(got, [large('raw'), 'short']);
    socket.terminate();
  });

  test('requests may come compressed: whole, in fragments, with pings between, of many shapes', async () => {
    const raw = await offer('permessage-deflate');
    const key = fresh();
    const text = (id, value) => JSON.stringify({ id, command: ['SET', key, value] });
    raw.write(compressed(text(1, large('whole', 20_000))));
    assert.equal((await raw.reply(1)).result, 'OK');
    assert.equal(await writer.command('GET', key), large('whole', 20_000));
    const payload = deflated(text(2, large('fragments', 20_000)));
    raw.write(frame(OPCODE.text, payload.subarray(0, 100), { rsv: RSV1, fin: false }), frame(OPCODE.ping, 'between'),
      frame(OPCODE.continuation, payload.subarray(100, 101), { fin: false }), frame(OPCODE.continuation, payload.subarray(101)));
    assert.equal((await raw.reply(2)).result, 'OK');
    assert.ok(raw.frames.some(f => f.opcode === OPCODE.pong && String(f.payload) === 'between'));
    // A last block, with and without the byte behind it; not compressed at all; a small window; the least memory.
    const last = zlib.deflateRawSync(text(3, 'last'));
    raw.write(frame(OPCODE.text, Buffer.concat([last, Buffer.from([0])]), { rsv: RSV1 }), frame(OPCODE.text, zlib.deflateRawSync(text(4, 'last')), { rsv: RSV1 }));
    for (const [i, options] of [{ level: 0 }, { windowBits: 9 }, { memLevel: 1 }, { strategy: zlib.constants.Z_FIXED }, { strategy: zlib.constants.Z_HUFFMAN_ONLY }].entries()) {
      raw.write(frame(OPCODE.text, deflated(text(5 + i, large('shape', 20_000)), options), { rsv: RSV1 }));
    }
    raw.write(frame(OPCODE.text, text(10, 'plain')));
    for (let id = 3; id <= 10; id += 1) assert.equal((await raw.reply(id)).result, 'OK', `request ${id}`);
    // An empty message is no request, and no end either.
    raw.write(frame(OPCODE.text, Buffer.from([0]), { rsv: RSV1 }), frame(OPCODE.text, '', { rsv: RSV1 }));
    await until(() => raw.json.filter(f => f.error?.code === 'BADREQUEST').length === 2, 'two refusals');
  });

  test('what breaks the extension ends the connection', async () => {
    const hello = deflated('{"id":1,"ping":1}');
    for (const [what, bytes, code] of [
      ['RSV1 on a ping', frame(OPCODE.ping, '', { rsv: RSV1 }), 1002],
      ['RSV1 on a continuation', Buffer.concat([frame(OPCODE.text, hello.subarray(0, 5), { rsv: RSV1, fin: false }), frame(OPCODE.continuation, hello.subarray(5), { rsv: RSV1 })]), 1002],
      ['RSV2', frame(OPCODE.text, hello, { rsv: RSV1 | 2 }), 1002],
      ['no deflate', frame(OPCODE.text, Buffer.from([6, 255, 255]), { rsv: RSV1 }), 1007],
      ['cut short', frame(OPCODE.text, deflated(large('cut')).subarray(0, 50), { rsv: RSV1 }), 1007],
      ['no UTF-8', frame(OPCODE.text, deflated(Buffer.from([0xff])), { rsv: RSV1 }), 1007],
      ['binary on /ws', frame(OPCODE.binary, hello, { rsv: RSV1 }), 1003],
    ]) {
      const raw = await offer('permessage-deflate');
      raw.write(bytes);
      assert.equal(await raw.closeCode(), code, what);
    }
  });

  test('bombs: a message has as many bytes as it may and not one more, however few it came in', async () => {
    const request = bytes => JSON.stringify({ id: 1, ping: 'x'.repeat(bytes - JSON.stringify({ id: 1, ping: '' }).length) });
    const most = await offer('permessage-deflate');
    most.write(compressed(request(MESSAGE_BYTES_MAX)));
    await until(() => most.frames.some(f => f.rsv === RSV1), 'the pong');
    const memory = server.memory();
    for (const bytes of [MESSAGE_BYTES_MAX + 1, 10 << 20, 200 << 20]) {
      const begun = performance.now();
      const bombs = await Promise.all(Array.from({ length: 10 }, () => offer('permessage-deflate')));
      const bomb = deflated(Buffer.alloc(bytes, 'x'));
      // Only what of it fits: the rest of a frame that is too long would be refused by its head.
      const fitting = bomb.subarray(0, MESSAGE_BYTES_MAX);
      bombs.forEach(raw => raw.write(frame(OPCODE.text, fitting, { rsv: RSV1 })));
      for (const raw of bombs) assert.equal(await raw.closeCode(), 1009, `${bytes} bytes in ${bomb.length}`);
      assert.ok(performance.now() - begun < 5_000);
    }
    // In fragments that never end, each small.
    const raw = await offer('permessage-deflate');
    raw.write(frame(OPCODE.text, Buffer.alloc(1_000), { rsv: RSV1, fin: false }));
    for (let i = 0; i < 100; i += 1) raw.write(frame(OPCODE.continuation, Buffer.alloc(1_000), { fin: false }));
    assert.equal(await raw.closeCode(), 1009);
    assert.ok(server.memory() - memory < 8 << 20, `${server.memory() - memory} bytes more`);
    // Blocks without content and without end.
    const empty = await offer('permessage-deflate');
    empty.write(frame(OPCODE.text, Buffer.from('0300'.repeat(MESSAGE_BYTES_MAX / 2), 'hex'), { rsv: RSV1 }));
    assert.equal(await empty.closeCode(), 1007);
    assert.equal(await writer.command('PING'), 'PONG');
  });

  test('/admin says who agreed', async () => {
    const raw = await offer('permessage-deflate');
    const { connections } = await (await fetch(server.url('/admin/connections?limit=1000'))).json();
    const said = new Set(connections.map(({ format, deflate }) => `${format} ${deflate}`));
    assert.ok(said.has('native true') && said.has('native false'), [...said].join());
    raw.destroy();
  });
});
