// What an attacker would try. Each is refused or bounded, and another client is answered all the while.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { EMBEDDED } from './lib/backend.mjs';
import { Client, fresh, until } from './lib/client.mjs';
import { OPCODE, RawSocket, frame } from './lib/rawsocket.mjs';
import { startServer } from './lib/server.mjs';

const HALF_OPEN = process.env.KEYWIRE_LONG ? 5_000 : 400;
const FRAME_TIMEOUT_MS = 1_000;
/** A bystander's request may take so long at most while somebody attacks, on a machine that does other things as well. */
const PATIENCE_MS = 1_500;

describe('attacks', { timeout: 180_000 }, () => {
  let server, bystander, watched, key;
  before(async () => {
    server = await startServer({ set: { 'limits.frame_timeout_ms': FRAME_TIMEOUT_MS, 'limits.feeds_max': 50, 'limits.http_connections_max': HALF_OPEN + 50, 'limits.topics_max': 400, 'limits.message_bytes_max': '64KiB' } });
    bystander = await Client.open(server);
    key = fresh('bystander');
    watched = await bystander.live(['GET', key], { every: 0 });
  });
  after(async () => { await bystander?.close(); await server?.stop(); });

  /** Runs an attack while a bystander writes and watches; reports the worst of its waits, and what it cost in memory. */
  function attack(name, run) {
    test(name, async t => {
      const waits = [];
      let over = false;
      const memory = server.memory();
      const standing = (async () => {
        for (let i = 0; !over; i += 1) {
          const begun = performance.now();
          const value = `${name} ${i}`;
          await bystander.command('SET', key, value);
          await watched.shows(value);
          waits.push(performance.now() - begun);
          await sleep(5);
        }
      })();
      try { await run(t); } finally { over = true; await standing; }
      waits.sort((a, b) => a - b);
      const worst = waits.at(-1), p99 = waits[Math.floor(waits.length * 0.99)];
      t.diagnostic(`bystander: ${waits.length} rounds, p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms; memory ${((server.memory() - memory) / 1024).toFixed(0)} KiB more`);
      assert.ok(waits.length > 0 && worst < PATIENCE_MS, `the bystander waited ${worst} ms`);
      assert.equal(server.child.exitCode, null);
    });
  }

  /** Sends bytes on a connection of its own; what came back until it ended. */
  async function send(bytes, { patience = 5_000 } = {}) {
    const raw = await RawSocket.connect(server);
    raw.write(bytes);
    await raw.tcpEnd(patience);
    return raw.received.toString('latin1');
  }
  const statuses = text => [...text.matchAll(/HTTP\/1\.[01] (\d+)/g)].map(([, status]) => Number(status));
  const counted = async name => {
    const text = await (await fetch(server.url('/metrics'))).text();
    return Number(text.split('\n').find(line => line.startsWith(`${name} `))?.split(' ')[1]);
  };

  attack('slow handshakes, a byte at a time', async () => {
    const raws = await Promise.all(Array.from({ length: 50 }, () => RawSocket.connect(server)));
    const begun = Date.now();
    const bytes = `GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: ${'a'.repeat(1000)}`;
    const drip = (async () => { for (let i = 0; raws.some(raw => !raw.ended) && i < bytes.length; i += 1) { raws.forEach(raw => raw.ended || raw.write(bytes[i])); await sleep(20); } })();
    await Promise.all(raws.map(raw => raw.tcpEnd()));
    const took = Date.now() - begun;
    assert.ok(took < 4 * FRAME_TIMEOUT_MS, `ended after ${took} ms`);
    await drip;
    assert.ok(await counted('keywire_refused_total{reason="slow"}') >= 50);
  });

  attack('a request body that never comes whole', async () => {
    const text = await send('POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n["GET"');
    assert.deepEqual(statuses(text), [408]);
  });

  attack('header floods', async () => {
    const head = 'GET / HTTP/1.1\r\nHost: localhost\r\n';
    const many = Array.from({ length: 500 }, (_, i) => `X-${i}: 1\r\n`).join('');
    assert.deepEqual(statuses(await send(`${head}${many}\r\n`)), [431]);
    assert.deepEqual(statuses(await send(`${head}X: ${'a'.repeat(200_000)}\r\n\r\n`)), [431]);
    assert.deepEqual(statuses(await send(`GET /${'a'.repeat(200_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).map(s => s === 414 || s === 431), [true]);
    const endless = await RawSocket.connect(server);
    endless.write(head);
    for (let i = 0; i < 2_000 && !endless.ended; i += 1) { endless.write(`X-${i}: ${'b'.repeat(1_000)}\r\n`); if (i % 100 === 0) await sleep(1); }
    await endless.tcpEnd();
    assert.ok(await counted('keywire_refused_total{reason="headers"}') >= 3);
  });

  attack('shapes of request smuggling', async () => {
    // What a proxy and a server may read differently has to be refused, or the connection may serve nothing behind it.
    const post = headers => `POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n`;
    const second = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    const body = '["SET","smuggled","1"]';
    const shapes = {
      'two lengths': post(`Content-Length: 0\r\nContent-Length: ${body.length}\r\n`) + body,
      'length list': post(`Content-Length: 0, ${body.length}\r\n`) + body,
      'length with a sign': post(`Content-Length: +${body.length}\r\n`) + body,
      'unknown coding': post('Transfer-Encoding: xchunked\r\n') + body,
      'chunked not last': post('Transfer-Encoding: chunked, identity\r\n') + body,
      'space before the colon': post(`Content-Length : ${body.length}\r\n`) + body,
      'folded header': post(`X: a\r\n b\r\nContent-Length: ${body.length}\r\n`) + body,
      'bare line feeds in a name': `GET / HTTP/1.1\r\nHost: localhost\r\nX\nY: 1\r\n\r\n`,
      'chunk size overflow': post('Transfer-Encoding: chunked\r\n') + 'fffffffffffffffff\r\n',
      'chunk size with a sign': post('Transfer-Encoding: chunked\r\n') + '+5\r\n["X"]\r\n0\r\n\r\n',
      'null in a header': `GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n`,
      'a second protocol line': 'GET / HTTP/1.1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'HTTP/2 without being asked': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    };
    for (const [shape, bytes] of Object.entries(shapes)) {
      const answers = statuses(await send(bytes + second));
      assert.ok(answers.length <= 1 && answers.every(status => status >= 400), `${shape}: ${answers}`);
    }
    // RFC 9112, 6.1: with both, chunked counts, and the connection must not go on behind it.
    const both = statuses(await send(post(`Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`) + `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${second}`));
    assert.ok(both.length <= 2, `${both}`);
    // What comes behind a handshake belongs to the WebSocket, not to HTTP.
    const upgrade = `GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`;
    const behind = await send(upgrade + second);
    assert.deepEqual(statuses(behind), [101]);
    const refused = await send(upgrade.replace('13\r\n', '12\r\n') + second);
    assert.deepEqual(statuses(refused), [426, 200], 'a refused handshake leaves HTTP as it was');
  });

  attack('ping floods', async () => {
    const raw = await RawSocket.open(server);
    const burst = Buffer.concat(Array.from({ length: 1_000 }, () => frame(OPCODE.ping, 'x'.repeat(125))));
    raw.socket.pause();
    for (let i = 0; i < 60 && !raw.ended; i += 1) { raw.socket.write(burst); await sleep(2); }
    raw.socket.resume();
    raw.destroy();
  });

  attack('frame floods: requests, garbage, tiny frames, empty fragments', async () => {
    const flood = async (bytes, times) => {
      const raw = await RawSocket.open(server);
      for (let i = 0; i < times && !raw.ended; i += 1) { raw.socket.write(bytes); if (i % 10 === 0) await sleep(1); }
      return raw;
    };
    const repeat = (one, times) => Buffer.concat(Array.from({ length: times }, () => one));
    const raws = await Promise.all([
      flood(repeat(frame(OPCODE.text, '{"id":1,"ping":1}'), 500), 60),
      flood(repeat(frame(OPCODE.text, '{"nonsense"'), 500), 60),
      flood(repeat(frame(OPCODE.text, ''), 1_000), 40),
      flood(Buffer.concat([frame(OPCODE.text, '', { fin: false }), repeat(frame(OPCODE.continuation, '', { fin: false }), 2_000)]), 1),
    ]);
    assert.equal(await raws[3].closeCode(), 1008, 'a message that never ends is over in time, however many fragments come');
    raws.forEach(raw => raw.destroy());
  });

  attack('a flood of requests is answered whole and in order, by turns', async () => {
    const [many, batched] = [await Client.open(server), await Client.open(server)];
    const [one, two] = [fresh(), fresh()];
    const floods = [many, batched].map((client, which) => Promise.all(Array.from({ length: 3_000 }, (_, i) => new Promise(resolve => {
      client.replies.set(i + 1, resolve);
      if (which === 0) client.send({ id: i + 1, command: ['INCR', one] });
      else if (i % 500 === 0) client.send(Array.from({ length: 500 }, (_, j) => ({ id: i + j + 1, command: ['INCR', two] })));
    }))));
    const answers = await Promise.all(floods);
    for (const [which, client] of [many, batched].entries()) {
      assert.deepEqual(answers[which].map(({ result }) => result), Array.from({ length: 3_000 }, (_, i) => i + 1));
      assert.ok(client.frames.every((f, i, all) => i === 0 || f.id === undefined || all[i - 1].id === undefined || f.id === all[i - 1].id + 1), 'in order');
      await client.command('DEL', which === 0 ? one : two);
    }
    await Promise.all([many.close(), batched.close()]);
  });

  attack('fragmented bombs', async () => {
    const raw = await RawSocket.open(server);
    raw.write(frame(OPCODE.text, 'x'.repeat(1_000), { fin: false }));
    for (let i = 0; i < 100 && !raw.ended; i += 1) { raw.write(frame(OPCODE.continuation, 'x'.repeat(1_000), { fin: false })); await sleep(0); }
    assert.equal(await raw.closeCode(), 1009);
    const huge = await RawSocket.open(server);
    huge.write(frame(OPCODE.text, 'x', { length: 2n ** 40n, wide: 8 }));
    assert.equal(await huge.closeCode(), 1009, 'at its header, before a byte of it is kept');
    const compressed = await RawSocket.open(server);
    compressed.write(frame(OPCODE.text, '{}', { rsv: 4 }));
    assert.equal(await compressed.closeCode(), 1002, 'compression was not agreed on');
    const nested = await RawSocket.open(server);
    nested.write(frame(OPCODE.text, '['.repeat(60_000)));
    await until(() => nested.json.some(({ error }) => error?.code === 'BADREQUEST'), 'a refusal');
    [raw, huge, compressed, nested].forEach(r => r.destroy());
  });

  attack(`${HALF_OPEN} half-open connections`, async t => {
    const sockets = await Promise.all(Array.from({ length: HALF_OPEN }, () => new Promise(resolve => {
      const socket = net.connect(server.port, '127.0.0.1', () => { socket.write('GET /ws HTTP/1.1\r\nHost: local'); resolve(socket); });
      socket.on('error', () => resolve(socket));
      socket.resume();
    })));
    const begun = Date.now();
    const extra = await Client.open(server);
    await extra.close();
    await Promise.all(sockets.map(socket => socket.closed || socket.destroyed ? null : once(socket, 'close')));
    t.diagnostic(`all ended after ${Date.now() - begun} ms`);
    assert.ok(Date.now() - begun < 5 * FRAME_TIMEOUT_MS);
    const more = await Promise.all(Array.from({ length: HALF_OPEN + 100 }, () => RawSocket.connect(server).catch(() => null)));
      await until(() => more.filter(raw => raw?.ended).length >= 50, 'those over http_connections_max to be turned away');
    more.forEach(raw => raw?.destroy());
    await until(async () => (await fetch(server.url('/healthz')).catch(() => null))?.status === 200, 'room again');
    assert.ok(await counted('keywire_refused_total{reason="http_connections_max"}') >= 50);
  });

  attack('subscription floods', async () => {
    const one = await Client.open(server);
    let refused = 0;
    for (let i = 0; i < 200; i += 1) refused += (await one.request({ subscribe: `flood:${i}` })).error?.code === 'TOOMANY' ? 1 : 0;
    assert.equal(refused, 150, 'feeds_max is 50');
    const crowd = await Promise.all(Array.from({ length: 12 }, () => Client.open(server)));
    const answers = await Promise.all(crowd.flatMap((client, c) => Array.from({ length: 50 }, (_, i) => client.request({ live: ['GET', `flood:${c}:${i}`] }))));
    const full = answers.filter(({ error }) => error?.code === 'TOOMANY').length;
    assert.ok(full >= 200 && answers.every(({ error }) => !error || error.code === 'TOOMANY'), `topics_max is 400, ${full} of ${answers.length} were refused`);
    const churn = await Client.open(server);
    for (let i = 0; i < 300; i += 1) { churn.send({ id: 10_000 + i, live: ['GET', key], every: 0 }); churn.send({ id: 20_000 + i, close: 1 }); }
    await churn.request({ ping: 1 });
    await Promise.all([one, churn, ...crowd].map(client => client.close()));
    await until(async () => await counted('keywire_feeds') <= 2, 'the feeds are gone with their clients');
  });

  attack('glob patterns built to explode', async () => {
    const evil = `${'*a'.repeat(40)}b`;
    const name = 'a'.repeat(20_000);
    const client = await Client.open(server);
    await client.psubscribe(evil);
    await client.psubscribe(`${'a*'.repeat(200)}[^a]`);
    const begun = performance.now();
    await client.command('SET', name, '1');
    for (let i = 0; i < 20; i += 1) await client.command('PUBLISH', name, 'x');
    if (EMBEDDED) {
      // Denied to everybody by default, as a cost guard: it looks at every key.
      assert.equal(await client.refused({ command: ['KEYS', evil] }), 'NOPERM');
      await client.command('SCAN', 0, 'MATCH', evil, 'COUNT', 1000);
    }
    assert.ok(performance.now() - begun < 5_000, `${performance.now() - begun} ms`);
    await client.command('DEL', name);
    await client.close();
  });

  attack('reads that would cost too much', async () => {
    const client = await Client.open(server);
    assert.equal(await client.refused({ live: ['KEYS', '*'] }), 'NOPERM');
    assert.equal(await client.refused({ live: ['KEYS', '*'], every: 1_000 }), 'NOPERM');
    const list = fresh('list');
    for (let i = 0; i < 40; i += 1) await client.command('RPUSH', list, ...Array.from({ length: 50 }, () => 'z'.repeat(300)));
    assert.equal(await client.refused({ live: ['LRANGE', list, 0, -1] }), 'TOOBIG');
    assert.equal((await client.request({ command: ['LRANGE', list, 0, -1] })).error?.code, 'TOOBIG');
    const some = await client.live(['LRANGE', list, 0, 9]);
    assert.equal(some.value.length, 10);
    await client.command('DEL', list);
    await client.close();
  });

  attack('a page of another site, by origin and by name', async () => {
    const status = headers => new Promise(resolve => {
      const socket = new WebSocket(server.wsUrl('/ws'), 'keywire.v1.json', { headers });
      socket.once('open', () => { socket.terminate(); resolve(101); });
      socket.once('unexpected-response', (_, answer) => { resolve(answer.statusCode); socket.terminate(); });
      socket.on('error', () => {});
    });
    assert.equal(await status({ origin: 'https://evil.example' }), 403);
    assert.equal(await status({ origin: 'null' }), 403);
    assert.equal(await status({ origin: `http://evil.example:${server.port}`, host: `evil.example:${server.port}` }), 421);
    assert.equal(await status({}), 101);
  });
});

test('messages over messages_per_second_max are dropped for all and told, those under it are not', { timeout: 30_000 }, async () => {
  const server = await startServer({ set: { 'limits.messages_per_second_max': 50 } });
  const [publisher, one, two] = await Promise.all([1, 2, 3].map(() => Client.open(server)));
  const [calm, loud] = [fresh('calm'), fresh('loud')];
  const feeds = await Promise.all([one.subscribe(loud), two.subscribe(loud), one.subscribe(calm)]);
  await Promise.all(Array.from({ length: 400 }, (_, i) => publisher.command('PUBLISH', loud, i)));
  for (let i = 0; i < 40; i += 1) await publisher.command('PUBLISH', calm, i);
  const count = (client, feed) => client.frames.filter(f => f.feed === feed && !('id' in f)).reduce((sum, f) => sum + (f.missed ?? 1), 0);
  const number = feed => feed.number ?? feed.id ?? feed.feed ?? feed.reply?.feed;
  await until(() => count(one, number(feeds[0])) === 400 && count(two, number(feeds[1])) === 400, () => `400 told: ${count(one, number(feeds[0]))} ${count(two, number(feeds[1]))}`);
  assert.ok(one.frames.some(f => f.feed === number(feeds[0]) && f.missed > 100));
  await until(() => count(one, number(feeds[2])) === 40, 'the calm channel');
  assert.ok(one.frames.every(f => f.feed !== number(feeds[2]) || f.missed === undefined));
  await Promise.all([publisher, one, two].map(client => client.close()));
  await server.stop();
});
