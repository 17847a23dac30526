// /raw: a WebSocket without a protocol, as `wscat`, a microcontroller or a ten-line script uses it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client, fresh, until } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

describe('/raw', { timeout: 60_000 }, () => {
  let server, writer;
  before(async () => { server = await startServer(); writer = await Client.open(server); });
  after(async () => { await writer?.close(); await server?.stop(); });
  const sockets = [];
  after(() => sockets.forEach(socket => socket.terminate()));

  /** Opens /raw with this query; `frames` collects what comes: text as strings, binary as buffers. */
  async function open(query) {
    const socket = new WebSocket(server.wsUrl(`/raw?${new URLSearchParams(query)}`));
    socket.frames = [];
    socket.on('message', (data, isBinary) => socket.frames.push(isBinary ? data : String(data)));
    sockets.push(socket);
    await once(socket, 'open');
    socket.gets = count => until(() => socket.frames.length >= count, () => `${count} frames, there are ${JSON.stringify(socket.frames)}`);
    return socket;
  }

  test('subscribe: each message is one frame holding just the payload', async () => {
    const channel = fresh('channel');
    const socket = await open({ subscribe: channel });
    await until(async () => { await writer.command('PUBLISH', channel, 'probe'); return socket.frames.length > 0; }, 'the subscription');
    for (const message of ['hello', '', '{"a":1}', 'ü', { $base64: '/w==' }]) await writer.command('PUBLISH', channel, message);
    const messages = () => socket.frames.filter(frame => frame !== 'probe');
    await until(() => messages().length >= 5, () => `5 messages, there are ${JSON.stringify(socket.frames)}`);
    assert.deepEqual(messages(), ['hello', '', '{"a":1}', 'ü', Buffer.from([0xff])]);
  });

  test('psubscribe: the payload alone', async () => {
    const stem = fresh('channel');
    const socket = await open({ psubscribe: `${stem}:*` });
    await until(async () => { await writer.command('PUBLISH', `${stem}:1`, 'probe'); return socket.frames.length > 0; }, 'the subscription');
    await writer.command('PUBLISH', `${stem}:2`, 'hello');
    // Probes may still be on their way.
    await until(() => socket.frames.some(frame => frame !== 'probe'), 'the message');
    assert.equal(socket.frames.at(-1), 'hello');
  });

  test('live: each new value whole; strings verbatim, other types as JSON, nil as null', async () => {
    const key = fresh();
    const socket = await open({ live: `GET ${key}` });
    await socket.gets(1);
    await writer.command('SET', key, 'text "quoted"');
    await socket.gets(2);
    await sleep(30);
    await writer.command('SET', key, { $base64: '/wA=' });
    await socket.gets(3);
    assert.deepEqual(socket.frames, ['null', 'text "quoted"', Buffer.from([0xff, 0])]);

    const hash = await open({ live: `HGETALL ${key}h` });
    await hash.gets(1);
    await writer.command('HSET', `${key}h`, 'f', 'v', 'g', 'w');
    await hash.gets(2);
    await sleep(30);
    await writer.command('HSET', `${key}h`, 'g', 'x');
    await hash.gets(3);
    assert.deepEqual(hash.frames.map(frame => JSON.parse(frame)), [{}, { f: 'v', g: 'w' }, { f: 'v', g: 'x' }]);

    const count = await open({ live: `STRLEN ${key}` });
    await count.gets(1);
    assert.equal(count.frames[0], '2');
  });

  test('live: an error is a frame too, and heals', async () => {
    const key = fresh();
    await writer.command('LPUSH', key, 'x');
    const socket = await open({ live: `GET ${key}` });
    await socket.gets(1);
    assert.match(socket.frames[0], /^\(error\) WRONGTYPE /);
    await writer.command('DEL', key);
    await socket.gets(2);
    assert.equal(socket.frames[1], 'null');
  });

  test('follow: every entry, in order', async () => {
    const key = fresh('stream');
    const first = await writer.command('XADD', key, '*', 'n', '0');
    const socket = await open({ follow: key, from: '0' });
    for (let i = 1; i < 50; i += 1) await writer.command('XADD', key, '*', 'n', i);
    const entries = () => socket.frames.flatMap(frame => { const parsed = JSON.parse(frame); return typeof parsed[0] === 'string' ? [parsed] : parsed; });
    await until(() => entries().length === 50, () => `50 entries: ${JSON.stringify(socket.frames)}`);
    assert.deepEqual(entries().map(([, { n }]) => Number(n)), Array.from({ length: 50 }, (_, i) => i));
    const rest = await open({ follow: key, from: first });
    await rest.gets(1);
    assert.doesNotMatch(rest.frames[0], /"n":"0"/);
  });

  test('a text frame is a command line and its reply is one frame', async () => {
    const key = fresh();
    const socket = await open({ subscribe: fresh('quiet') });
    const lines = [[`SET ${key} "two words\\n\\x41"`, 'OK'], [`GET ${key}`, 'two words\nA'], [`set ${key} 'it\\'s'`, 'OK'], [`get ${key}`, "it's"],
      [`SET ${key} 5`, 'OK'], [`INCR ${key}`, '6'], [`GET ${key}:missing`, 'null'], [`RPUSH ${key}l a "b c"`, '2'], [`LRANGE ${key}l 0 -1`, '["a","b c"]'],
      [`  GET   ${key}  `, '6'], [`SET ${key} ""`, 'OK'], [`GET ${key}`, '']];
    for (const [line] of lines) socket.send(line);
    await socket.gets(lines.length);
    assert.deepEqual(socket.frames, lines.map(([, reply]) => reply));
  });

  test('errors of a command line are (error) CODE text, and the connection stays', async () => {
    const key = fresh();
    await writer.command('SET', key, 'text');
    const socket = await open({ subscribe: fresh('quiet') });
    const lines = [[`LPUSH ${key} x`, /^\(error\) WRONGTYPE /], ['GET', /^\(error\) ERR /], ['GET "unbalanced', /^\(error\) (BADREQUEST|ERR) /], ['', /^\(error\) BADREQUEST /],
      ['SUBSCRIBE c', /^\(error\) BADREQUEST /], ['BLPOP k 0', /^\(error\) BADREQUEST /], ['PING', /^PONG$/]];
    for (const [line] of lines) socket.send(line);
    await socket.gets(lines.length);
    lines.forEach(([line, reply], i) => assert.match(socket.frames[i], reply, line));
  });

  test('replies come in the order of the lines, also where some are refused at once', async () => {
    const key = fresh();
    const socket = await open({ subscribe: fresh('quiet') });
    const expected = [];
    for (let i = 1; i <= 100; i += 1) {
      for (const [line, reply] of [[`INCR ${key}`, new RegExp(`^${i}$`)], ['GET', /^\(error\) ERR /], ['"', /^\(error\) /], [`STRLEN ${key}`, /^\d$/], ['MULTI', /^\(error\) BADREQUEST /]]) {
        socket.send(line);
        expected.push(reply);
      }
    }
    await socket.gets(expected.length);
    expected.forEach((reply, i) => assert.match(socket.frames[i], reply, `frame ${i} of ${JSON.stringify(socket.frames.slice(Math.max(0, i - 3), i + 3))}`));
  });

  test('a query that cannot be opened says why', async () => {
    for (const query of [{ live: 'SET k v' }, { live: '' }, { live: 'GET "x' }, { follow: 's', from: 'x' }, { nonsense: 'x' }, { live: 'GET a', subscribe: 'b' }]) {
      const socket = new WebSocket(server.wsUrl(`/raw?${new URLSearchParams(query)}`));
      const outcome = await new Promise(resolve => {
        socket.once('unexpected-response', (_, answer) => resolve(`HTTP ${answer.statusCode}`));
        socket.once('message', data => resolve(String(data)));
        socket.once('close', code => resolve(`closed ${code}`));
        socket.once('error', () => {});
      });
      assert.match(outcome, /^HTTP 400$|^\(error\) /, `${JSON.stringify(query)} → ${outcome}`);
      socket.terminate();
    }
  });

  test('a trimmed stream followed from 0 gives what is there', async () => {
    const stream = fresh('stream');
    for (let i = 1; i <= 5; i += 1) await writer.command('XADD', stream, `${i}-0`, 'n', String(i));
    await writer.command('XTRIM', stream, 'MAXLEN', '2');
    const socket = await open({ follow: stream, from: '0' });
    await until(() => socket.frames.length >= 2, 'the entries that are left');
    await writer.command('XADD', stream, '6-0', 'n', '6');
    await until(() => socket.frames.length >= 3, 'the next entry');
    assert.deepEqual(socket.frames.map(frame => JSON.parse(frame)[0]), ['4-0', '5-0', '6-0']);
    socket.close();
  });

  test('a raw client that would lose something is closed with 4101', async () => {
    const channel = fresh('channel');
    const socket = await open({ subscribe: channel });
    await until(async () => { await writer.command('PUBLISH', channel, 'probe'); return socket.frames.length > 0; }, 'the subscription');
    socket.pause();
    const closed = once(socket, 'close');
    const payload = 'x'.repeat(1_000);
    for (let i = 0; i < 20_000; i += 1) {
      writer.send({ command: ['PUBLISH', channel, payload] });
      if (i % 500 === 499) await writer.request({ ping: 0 });
    }
    socket.resume();
    const [code] = await closed;
    assert.equal(code, 4101);
    assert.ok(socket.frames.length < 20_000);
  });
});
