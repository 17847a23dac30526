// Every row of protocol.md's table "errors and bad input", by bytes that no library would send.
//
// After all of them the server answers as before, nobody else noticed, and its memory is where it was.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, fresh, until } from './lib/client.mjs';
import { OPCODE, RawSocket, closePayload, frame } from './lib/rawsocket.mjs';
import { startServer } from './lib/server.mjs';

const MESSAGE_BYTES_MAX = 65_536;
const FRAME_TIMEOUT_MS = 300;

let server, neighbour, neighbourFeed, key, memoryBefore;
before(async () => {
  server = await startServer({ set: { 'limits.message_bytes_max': MESSAGE_BYTES_MAX, 'limits.frame_timeout_ms': FRAME_TIMEOUT_MS } });
  neighbour = await Client.open(server);
  key = fresh('neighbour');
  await neighbour.command('SET', key, '0');
  neighbourFeed = await neighbour.live(['GET', key]);
  memoryBefore = server.memory();
});
after(async () => {
  await neighbour?.close();
  await server?.stop();
});

/** A raw WebSocket that is closed at the test's end. */
async function opened(t, path) {
  const raw = await RawSocket.open(server, path);
  assert.equal(raw.status, 101);
  t.after(() => raw.destroy());
  return raw;
}

/** The connection still answers. */
async function alive(raw) {
  const id = 900_000 + raw.frames.length;
  raw.write(frame(OPCODE.text, JSON.stringify({ id, ping: 'alive' })));
  assert.equal((await raw.reply(id)).result, 'alive');
}

describe('requests that are none', { timeout: 60_000 }, () => {
  const rows = [
    ['not JSON', ['', ' ', '{', 'hello', '{"id":1,}', '{"id":1}}', "{'id':1}", '{"id":1,"command":["GET","a"]', 'NaN', '\u0000', '[', '[1,', '{"a":1} {"b":2}', '"\\x"', '"\\ud800'], undefined],
    ['not an object or array', ['5', '"text"', 'null', 'true'], undefined],
    ['arrays of something else', ['[1]', '["GET","a"]', '[null]', '[[{"id":7,"ping":0}]]'], undefined],
    ['no verb', ['{"id":7}', '{"id":7,"every":100}'], 7],
    ['an unknown verb', ['{"id":7,"commmand":["GET","a"]}', '{"id":7,"Command":["GET","a"]}', '{"id":7,"unsubscribe":"x"}', '{"id":7,"":1}'], 7],
    ['two verbs', ['{"id":7,"command":["GET","a"],"live":["GET","a"]}', '{"id":7,"ping":1,"close":1}', '{"id":7,"subscribe":"a","psubscribe":"b"}'], 7],
    ['wrong types', [
      ...['"GET a"', '[]', 'null', '{}', '5', '[null]', '[true]', '[["GET","a"]]', '[{}]', '[{"$base64":5}]', '[{"$base64":"*"}]', '[{"$other":"x"}]', '[{"$base64":"YQ==","x":1}]'].map(value => `{"id":7,"command":${value}}`),
      ...['"GET a"', '[]', 'null', '{}'].map(value => `{"id":7,"live":${value}}`),
      ...['"GET"', '["GET","a"]', '5', '[[]]', '[5]'].map(value => `{"id":7,"commands":${value},"atomic":true}`),
      ...['5', 'null', '[]', '["a"]', '{}'].flatMap(value => [`{"id":7,"subscribe":${value}}`, `{"id":7,"psubscribe":${value}}`, `{"id":7,"follow":${value}}`]),
      ...['"1"', 'null', '1.5', '-1', '[]'].map(value => `{"id":7,"close":${value}}`),
      ...['5', 'null', '[]'].map(value => `{"id":7,"auth":${value}}`),
    ], 7],
    ['verbs that need an id, without', ['{"live":["GET","a"]}', '{"subscribe":"a"}', '{"follow":"a"}', '{"ping":1}', '{"commands":[["GET","a"]],"atomic":true}', '{"close":1}'], undefined],
  ];
  for (const [name, texts, id] of rows) {
    test(`${name}: BADREQUEST, and the connection stays open`, async t => {
      const raw = await opened(t);
      for (const text of texts) {
        const count = raw.json.length;
        raw.write(frame(OPCODE.text, text));
        await until(() => raw.json.filter(f => !f.hello).length > 0 && raw.json.length > count, `an answer to ${text}`, 3_000);
        const answer = raw.json.at(-1);
        assert.equal(answer.error?.code, 'BADREQUEST', `${text} → ${JSON.stringify(answer)}`);
        assert.equal(typeof answer.error.message, 'string');
        assert.equal(answer.id, id, `${text} → ${JSON.stringify(answer)}`);
      }
      await alive(raw);
    });
  }

  test('nesting without end is BADREQUEST, not a crash', async t => {
    const raw = await opened(t);
    for (const [open, close] of [['[', ']'], ['{"a":', '}'], ['[{"ping":', '}]']]) {
      const depth = Math.floor(MESSAGE_BYTES_MAX / (open.length + close.length)) - 10;
      for (const text of [open.repeat(depth), open.repeat(depth) + '1' + close.repeat(depth)]) {
        const count = raw.json.length;
        raw.write(frame(OPCODE.text, text));
        await until(() => raw.json.length > count, 'an answer', 3_000);
        assert.equal(raw.json.at(-1).error?.code, 'BADREQUEST');
      }
    }
    raw.write(frame(OPCODE.text, `{"id":8,"ping":${'['.repeat(20_000)}${']'.repeat(20_000)}}`));
    const echoed = await raw.reply(8).catch(() => raw.json.at(-1));
    assert.ok(echoed.error?.code === 'BADREQUEST' || Array.isArray(echoed.result));
    await alive(raw);
  });

  test('a feed number that is not open here is NOFEED', async t => {
    const raw = await opened(t);
    for (const feed of [0, 1, neighbourFeed.number, 2 ** 53 - 1]) {
      raw.frames.length = 0;
      raw.write(frame(OPCODE.text, JSON.stringify({ id: 7, close: feed })));
      assert.equal((await raw.reply(7)).error?.code, 'NOFEED', `feed ${feed}`);
    }
    await alive(raw);
  });

  test('commands that would harm a shared connection are BADREQUEST that names the way', async t => {
    const raw = await opened(t);
    const harmful = [[['SUBSCRIBE', 'c'], /subscribe/], [['PSUBSCRIBE', 'c*'], /psubscribe/], [['UNSUBSCRIBE'], /close/], [['PUNSUBSCRIBE'], /close/],
      [['MULTI'], /commands/], [['EXEC'], /commands/], [['DISCARD'], /commands/], [['WATCH', 'k'], /./], [['UNWATCH'], /./],
      [['MONITOR'], /./], [['SELECT', '1'], /./], [['QUIT'], /./], [['RESET'], /./], [['HELLO', '3'], /./], [['AUTH', 'x'], /auth/],
      [['CLIENT', 'KILL', 'TYPE', 'normal'], /./], [['CLIENT', 'REPLY', 'OFF'], /./],
      [['BLPOP', 'k', '0'], /./], [['BRPOP', 'k', '0'], /./], [['BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', '0'], /./], [['BZPOPMIN', 'k', '0'], /./],
      [['XREAD', 'BLOCK', '0', 'STREAMS', 'k', '$'], /follow/], [['WAIT', '1', '0'], /./], [['blpop', 'k', '0'], /./]];
    let id = 100;
    for (const [command, names] of harmful) {
      id += 1;
      raw.write(frame(OPCODE.text, JSON.stringify({ id, command })));
      const reply = await raw.reply(id, 2_000);
      // MONITOR and CLIENT are refused by deny_commands as well: which of the two speaks first is not promised.
      const either = ['MONITOR', 'CLIENT', 'WAIT', 'RESET'].includes(command[0]) ? ['BADREQUEST', 'NOPERM'] : ['BADREQUEST'];
      assert.ok(either.includes(reply.error?.code), `${command.join(' ')} → ${JSON.stringify(reply)}`);
      assert.match(reply.error.message, names, command.join(' '));
      raw.write(frame(OPCODE.text, JSON.stringify({ id: id + 1_000, commands: [['PING'], command], atomic: true })));
      const inside = await raw.reply(id + 1_000, 2_000);
      assert.ok([...either, 'EXECABORT'].includes(inside.error?.code), `in commands: ${command.join(' ')} → ${JSON.stringify(inside)}`);
    }
    for (const command of [['SUBSCRIBE', 'c'], ['MULTI'], ['BLPOP', 'k', '0']]) {
      const answer = await server.post(command);
      assert.equal(answer.error?.code, 'BADREQUEST', command.join(' '));
    }
    await alive(raw);
  });
});

describe('frames that are none', { timeout: 60_000 }, () => {
  const { continuation, text, binary, close, ping, pong } = OPCODE;
  const ok = JSON.stringify({ id: 1, ping: 0 });
  const rows = [
    ['1007: text that is not UTF-8', 1007, [
      frame(text, Buffer.from([0xff])),
      frame(text, Buffer.from('{"id":1,"ping":"\xc0\xaf"}', 'latin1')),
      frame(text, Buffer.from('{"id":1,"ping":"\xed\xa0\x80"}', 'latin1')),
      frame(text, Buffer.from('{"id":1,"ping":"\xf4\x90\x80\x80"}', 'latin1')),
      frame(text, Buffer.from('cut short \xe2\x82', 'latin1')),
      Buffer.concat([frame(text, Buffer.from('{"a":"\xe2', 'latin1'), { fin: false }), frame(continuation, '"}')]),
      frame(close, closePayload(1000, Buffer.from([0xff]))),
    ]],
    ['1002: an unmasked frame', 1002, [frame(text, ok, { masked: false }), frame(ping, '', { masked: false }), frame(text, '', { masked: false })]],
    ['1002: a reserved opcode or bit', 1002, [...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(opcode => frame(opcode, 'x')), ...[1, 2, 4, 7].map(rsv => frame(text, ok, { rsv }))]],
    ['1002: bad fragmentation', 1002, [
      frame(continuation, ok),
      frame(continuation, ok, { fin: false }),
      Buffer.concat([frame(text, '{', { fin: false }), frame(text, ok)]),
      Buffer.concat([frame(text, '{', { fin: false }), frame(binary, ok)]),
      frame(ping, 'x', { fin: false }),
      frame(close, closePayload(1000), { fin: false }),
      frame(ping, 'x'.repeat(126)),
      frame(pong, 'x'.repeat(126)),
      frame(close, closePayload(1000, 'x'.repeat(124))),
    ]],
    ['1002: a close frame that is none', 1002, [frame(close, 'x'), ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(code => frame(close, closePayload(code)))]],
    ['1009: a message over message_bytes_max', 1009, [
      frame(text, `"${'x'.repeat(MESSAGE_BYTES_MAX)}"`),
      frame(text, '', { length: MESSAGE_BYTES_MAX + 1, wide: 8 }),
      frame(text, '', { length: 2 ** 40 }),
      Buffer.concat([frame(text, 'x'.repeat(MESSAGE_BYTES_MAX - 10), { fin: false }), frame(continuation, 'x'.repeat(11))]),
      Buffer.concat(Array.from({ length: 70 }, (_, i) => frame(i ? continuation : text, 'x'.repeat(1_000), { fin: false }))),
    ]],
    ['1003: binary', 1003, [frame(binary, ok), frame(binary, ''), Buffer.concat([frame(binary, 'x', { fin: false }), frame(continuation, 'y')])]],
  ];
  for (const [name, code, inputs] of rows) {
    test(name, async t => {
      for (const bytes of inputs) {
        const raw = await opened(t);
        raw.write(bytes);
        assert.equal(await raw.closeCode(3_000), code, `after the bytes ${bytes.subarray(0, 40).toString('hex')}…`);
        await raw.tcpEnd(5_000);
      }
    });
  }

  test('a length whose highest bit is set is refused', async t => {
    const raw = await opened(t);
    raw.write(Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]));
    assert.ok([1002, 1009].includes(await raw.closeCode(3_000)));
  });

  test('at the limit, not over it: a message of message_bytes_max is answered', async t => {
    const raw = await opened(t);
    const padded = ok + ' '.repeat(MESSAGE_BYTES_MAX - ok.length);
    raw.write(frame(text, padded));
    assert.equal((await raw.reply(1)).result, 0);
    raw.frames.length = 0;
    for (let at = 0; at < padded.length; at += 1_000) raw.write(frame(at ? continuation : text, padded.slice(at, at + 1_000), { fin: at + 1_000 >= padded.length }));
    assert.equal((await raw.reply(1)).result, 0);
  });

  test('what is allowed is taken: fragments, control frames between them, split characters, long length fields, empty fragments', async t => {
    const raw = await opened(t);
    const message = Buffer.from('{"id":1,"ping":"größe 😀"}');
    for (let cut = 1; cut < message.length; cut += 1) {
      raw.frames.length = 0;
      raw.write(frame(text, message.subarray(0, cut), { fin: false }), frame(ping, `p${cut}`), frame(continuation, '', { fin: false }),
        frame(pong, 'unasked'), frame(continuation, message.subarray(cut)));
      assert.equal((await raw.reply(1)).result, 'größe 😀', `cut at ${cut}`);
      await until(() => raw.frames.find(f => f.opcode === pong && String(f.payload) === `p${cut}`), 'the pong with the same payload');
    }
    for (const wide of [2, 8]) {
      raw.frames.length = 0;
      raw.write(frame(text, ok, { wide }));
      // RFC 6455 5.2 asks senders for the shortest form; a receiver may take or refuse the others.
      const answer = await until(() => raw.json.find(f => f.id === 1) ?? raw.frames.find(f => f.opcode === close), 'an answer');
      if (answer.opcode === close) return;
    }
    raw.frames.length = 0;
    for (const byte of frame(text, ok)) { raw.write([byte]); await sleep(1); }
    assert.equal((await raw.reply(1)).result, 0, 'byte by byte');
    raw.frames.length = 0;
    raw.write(...Array.from({ length: 500 }, (_, i) => frame(text, JSON.stringify({ id: i, ping: i }))));
    await until(() => raw.json.length === 500, '500 answers to one write');
    raw.write(frame(ping, 'x'.repeat(125)));
    await until(() => raw.frames.find(f => f.opcode === pong && f.payload.length === 125), 'a pong of 125 bytes');
  });

  test('a close is answered with its own code, then the server ends the connection', async t => {
    for (const code of [1000, 1001, 1003, 3000, 4999]) {
      const raw = await opened(t);
      raw.write(frame(close, closePayload(code, 'bye')));
      assert.ok([code, 1000].includes(await raw.closeCode()), `the answer to ${code}`);
      await raw.tcpEnd();
    }
    const empty = await opened(t);
    empty.write(frame(close, ''));
    assert.ok([1005, 1000].includes(await empty.closeCode()));
  });

  test('nothing after a close frame is carried out', async t => {
    const raw = await opened(t);
    const untouched = fresh();
    raw.write(frame(close, closePayload(1000)), frame(text, JSON.stringify({ command: ['SET', untouched, 'x'] })));
    await raw.closeCode();
    await sleep(50);
    assert.equal(await neighbour.command('EXISTS', untouched), 0);
  });

  test('what came before a bad frame in the same packet still counted', async t => {
    const raw = await opened(t);
    const counted = fresh();
    raw.write(frame(text, JSON.stringify({ command: ['INCR', counted] })), frame(11, 'x'));
    assert.equal(await raw.closeCode(), 1002);
    await until(async () => await neighbour.command('GET', counted) === '1', 'the command before it');
  });

  test('compression is not spoken, and asking for it does no harm', async t => {
    const raw = await RawSocket.connect(server);
    t.after(() => raw.destroy());
    assert.equal(await raw.upgrade('/ws', ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']), 101);
    if (!/permessage-deflate/i.test(raw.head)) {
      raw.write(frame(text, ok));
      assert.equal((await raw.reply(1)).result, 0);
    }
  });
});

describe('half of something', { timeout: 60_000 }, () => {
  const halves = {
    'the first byte': frame(OPCODE.text, 'x').subarray(0, 1),
    'a header without its mask': frame(OPCODE.text, 'x').subarray(0, 3),
    'a header without its payload': frame(OPCODE.text, 'hello').subarray(0, 6),
    'half a payload': frame(OPCODE.text, 'hello'.repeat(100)).subarray(0, 200),
    'half a ping': frame(OPCODE.ping, 'hello').subarray(0, 8),
  };
  for (const [name, bytes] of Object.entries(halves)) {
    test(`${name} for longer than frame_timeout_ms: 1008`, async t => {
      const raw = await opened(t);
      await until(() => raw.json.length > 0, 'hello');
      const begun = performance.now();
      raw.write(bytes);
      const code = await raw.closeCode(5_000);
      const took = performance.now() - begun;
      assert.ok([1008, 1006].includes(code), `close code ${code}`);
      assert.ok(took > FRAME_TIMEOUT_MS * 0.7 && took < FRAME_TIMEOUT_MS + 2_000, `after ${took} ms`);
      await raw.tcpEnd();
    });
  }

  test('a frame that drips in slower than frame_timeout_ms is ended too', async t => {
    const raw = await opened(t);
    const bytes = frame(OPCODE.text, JSON.stringify({ id: 1, ping: 'x'.repeat(100) }));
    let ended = false;
    for (let at = 0; at < bytes.length && !ended; at += 1) {
      raw.write(bytes.subarray(at, at + 1));
      await sleep(40);
      ended = raw.ended || raw.frames.some(f => f.opcode === OPCODE.close);
    }
    assert.ok(ended, 'the whole frame was waited for');
  });

  test('an idle connection between frames is left alone', async t => {
    const raw = await opened(t);
    await sleep(FRAME_TIMEOUT_MS * 4);
    await alive(raw);
  });

  test('half a handshake ends the TCP connection', async t => {
    for (const head of ['', 'GET', 'GET /ws HTTP/1.1\r\nHost: 127', 'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n']) {
      const raw = await RawSocket.connect(server);
      t.after(() => raw.destroy());
      if (head) raw.write(head);
      const begun = performance.now();
      await raw.tcpEnd(FRAME_TIMEOUT_MS + 4_000);
      assert.ok(performance.now() - begun > FRAME_TIMEOUT_MS * 0.7, `${JSON.stringify(head)} was given its time`);
    }
  });

  test('a body that never comes ends the TCP connection', async t => {
    const raw = await RawSocket.connect(server);
    t.after(() => raw.destroy());
    raw.write(`POST /command HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n["GET"`);
    await raw.tcpEnd(FRAME_TIMEOUT_MS + 6_000);
  });

  test('connections dropped at any point leave nothing behind', async () => {
    const whole = Buffer.concat([frame(OPCODE.text, JSON.stringify({ id: 1, live: ['GET', key] })), frame(OPCODE.text, JSON.stringify({ id: 2, subscribe: 'c' })),
      frame(OPCODE.text, JSON.stringify({ id: 3, follow: 's', from: '0' })), frame(OPCODE.text, 'x'.repeat(500), { fin: false })]);
    for (let round = 0; round < 15; round += 1) {
      await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        const raw = i % 4 === 0 ? await RawSocket.connect(server) : await RawSocket.open(server);
        raw.write(whole.subarray(0, (round * 20 + i) * 2 % whole.length));
        if (i % 2) await sleep(1);
        if (i % 3) raw.destroy(); else raw.socket.resetAndDestroy();
      }));
    }
  });
});

describe('handshakes that are none', { timeout: 30_000 }, () => {
  const head = (request, ...lines) => [`${request} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, ...lines, '', ''].join('\r\n');
  const wanted = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'];
  const without = index => wanted.filter((_, i) => i !== index);
  const rows = {
    'no Upgrade header': () => head('GET /ws', ...without(0)),
    'no key': () => head('GET /ws', ...without(2)),
    'a key that is none': () => head('GET /ws', ...without(2), 'Sec-WebSocket-Key: short'),
    'another version': () => head('GET /ws', ...without(3), 'Sec-WebSocket-Version: 12'),
    'no version': () => head('GET /ws', ...without(3)),
    'POST': () => head('POST /ws', ...wanted, 'Content-Length: 0'),
    'garbage': () => 'hello there\r\n\r\n',
    'a TLS hello': () => Buffer.from('16030100a5010000a10303', 'hex') + '\r\n\r\n',
  };
  for (const [name, request] of Object.entries(rows)) {
    test(`${name}: an HTTP error, never 101`, async t => {
      const raw = await RawSocket.connect(server);
      t.after(() => raw.destroy());
      raw.write(request());
      await until(() => raw.received.includes('\r\n\r\n') || raw.ended, 'an answer', 3_000);
      const status = Number(/^HTTP\/1\.[01] (\d+)/.exec(raw.received.toString('latin1'))?.[1]);
      assert.ok(raw.received.length === 0 || (status >= 400 && status < 500), `status ${status}`);
    });
  }

  test('a right one is answered as RFC 6455 computes it', async t => {
    const raw = await RawSocket.connect(server);
    t.after(() => raw.destroy());
    raw.write(head('GET /ws', ...wanted));
    await until(() => raw.received.includes('\r\n\r\n'), 'an answer');
    const answer = raw.received.toString('latin1');
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
  });

  test('header names, values and lists in any case and order are taken', async t => {
    const raw = await RawSocket.connect(server);
    t.after(() => raw.destroy());
    raw.write(head('GET /ws', 'sec-websocket-version: 13', 'CONNECTION: keep-alive, uPgRaDe', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==', 'uPGRADE: WebSocket'));
    await until(() => raw.received.includes('\r\n\r\n'), 'an answer');
    assert.match(raw.received.toString('latin1'), /^HTTP\/1\.1 101 /);
  });

  test('a head larger than any needs is refused', async t => {
    const raw = await RawSocket.connect(server);
    t.after(() => raw.destroy());
    raw.write(head('GET /ws', `X-Large: ${'x'.repeat(2_000_000)}`, ...wanted));
    await until(() => raw.received.length > 0 || raw.ended, 'an answer');
    assert.doesNotMatch(raw.received.toString('latin1'), /^HTTP\/1\.1 101 /);
  });
});

test('after all of this: the same server answers, nobody else noticed, memory is where it was', { timeout: 30_000 }, async t => {
  await neighbour.command('SET', key, 'still here');
  await neighbourFeed.shows('still here');
  const newcomer = await Client.open(server);
  assert.equal((await newcomer.live(['GET', key])).value, 'still here');
  await newcomer.close();
  const grown = () => server.memory() - memoryBefore;
  t.diagnostic(`memory grew by ${(grown() / 1024).toFixed(0)} KiB`);
  await until(() => grown() < 8 << 20, () => `memory to fall again, it grew by ${grown()} bytes`, 10_000);
});
