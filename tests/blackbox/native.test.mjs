// The native protocol's requests: hello, command, commands, ids, batches, ping, auth, values, order, liveness, limits.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client, fresh, result, until } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

describe('requests', { timeout: 60_000 }, () => {
  let server, client;
  before(async () => { server = await startServer(); client = await Client.open(server); });
  after(async () => { await client?.close(); await server?.stop(); });

  test('the first frame is hello, with what a client needs to know', async () => {
    const fresh = await Client.open(server);
    const { hello } = fresh.frames[0];
    assert.equal(typeof hello.version, 'string');
    assert.equal(typeof hello.node, 'string');
    assert.ok('user' in hello && 'expires' in hello);
    assert.ok(Number.isInteger(hello.ping_interval_ms));
    assert.equal(hello.reconnect_ms.length, 2);
    assert.ok(hello.reconnect_ms[0] <= hello.reconnect_ms[1]);
    for (const limit of ['message_bytes_max', 'feeds_max', 'requests_per_second_max']) assert.ok(Number.isInteger(hello.limits[limit]), limit);
    await fresh.close();
  });

  test('the subprotocol is keywire.v1.json, and none has to be asked for', async () => {
    assert.equal(client.socket.protocol, 'keywire.v1.json');
    const offered = await Client.open(server, { protocols: ['other.thing', 'keywire.v1.json'] });
    assert.equal(offered.socket.protocol, 'keywire.v1.json');
    const none = await Client.open(server, { protocols: [] });
    assert.equal(none.socket.protocol, '');
    assert.equal(await none.command('SET', fresh(), '1'), 'OK');
    await Promise.all([offered.close(), none.close()]);
  });

  test('a path that is no door is 404', async () => {
    const socket = new WebSocket(server.wsUrl('/nowhere'));
    const status = await new Promise(resolve => { socket.once('unexpected-response', (_, answer) => resolve(answer.statusCode)); socket.once('error', () => resolve(0)); });
    assert.equal(status, 404);
  });

  test('RESP3 types become JSON as the table of values says', async () => {
    const [string, number, list, set, zset, hash, dollar, binary, stream] = Array.from({ length: 9 }, () => fresh('value'));
    assert.equal(await client.command('SET', string, 'grüße'), 'OK');
    assert.equal(await client.command('GET', string), 'grüße');
    assert.equal(await client.command('GET', fresh('missing')), null);
    assert.equal(await client.command('INCR', number), 1);
    await client.command('SET', number, '9007199254740991');
    assert.equal(await client.command('INCRBY', number, '0'), 9007199254740991);
    assert.deepEqual(await client.command('INCR', number), { $int: '9007199254740992' });
    await client.command('SET', number, '-9223372036854775808');
    assert.deepEqual(await client.command('INCRBY', number, '0'), { $int: '-9223372036854775808' });

    await client.command('RPUSH', list, 'a', 'b');
    assert.deepEqual(await client.command('LRANGE', list, '0', '-1'), ['a', 'b']);
    await client.command('SADD', set, 'pear', 'Apple', 'fig');
    assert.deepEqual(await client.command('SMEMBERS', set), ['Apple', 'fig', 'pear'], 'a set comes sorted bytewise');
    await client.command('ZADD', zset, '1.5', 'x', 'inf', 'y', '-inf', 'z', '3', 'w');
    assert.equal(await client.command('ZSCORE', zset, 'x'), 1.5);
    assert.deepEqual(await client.command('ZSCORE', zset, 'y'), { $double: 'inf' });
    assert.deepEqual(await client.command('ZRANGE', zset, '0', '-1', 'WITHSCORES'), [['z', { $double: '-inf' }], ['x', 1.5], ['w', 3], ['y', { $double: 'inf' }]]);
    await client.command('HSET', hash, 'f', 'v', 'g', '');
    assert.deepEqual(await client.command('HGETALL', hash), { f: 'v', g: '' });
    assert.deepEqual(await client.command('HGETALL', fresh('missing')), {});
    await client.command('HSET', dollar, '$f', 'v');
    assert.deepEqual(await client.command('HGETALL', dollar), { $map: [['$f', 'v']] });
    await client.command('XADD', stream, '5-1', 'f', 'v');
    assert.deepEqual(await client.command('XRANGE', stream, '-', '+'), [['5-1', ['f', 'v']]]);

    assert.equal(await client.command('SET', binary, { $base64: '/wAB' }), 'OK');
    assert.deepEqual(await client.command('GET', binary), { $base64: '/wAB' });
    assert.equal(await client.command('STRLEN', binary), 3);
    await client.command('HSET', hash, { $base64: '/w==' }, 'v');
    assert.deepEqual((await client.command('HGETALL', hash)).$map?.at(-1), [{ $base64: '/w==' }, 'v']);
  });

  test('arguments may be strings and numbers; text with NUL, quotes and astral characters survives', async () => {
    const key = fresh();
    for (const [argument, text] of [[5, '5'], [-3, '-3'], [1.5, '1.5'], [9007199254740991, '9007199254740991'], ['', ''],
      ['\0"\\\n\u2028😀\u007f', '\0"\\\n\u2028😀\u007f']]) {
      await client.command('SET', key, argument);
      assert.equal(await client.command('GET', key), text);
    }
    assert.equal(await client.command('sEt', key, 'x'), 'OK', 'names of commands know no case');
  });

  test('an error carries the code that Redis gives it', async () => {
    const key = fresh();
    await client.command('SET', key, 'text');
    assert.equal(await client.refused({ command: ['LPUSH', key, 'x'] }), 'WRONGTYPE');
    assert.equal(await client.refused({ command: ['INCR', key] }), 'ERR');
    assert.equal(await client.refused({ command: ['GET'] }), 'ERR', 'wrong number of arguments');
    assert.ok(['ERR', 'NOPERM'].includes(await client.refused({ command: ['NOSUCHCOMMAND', 'x'] })));
    assert.equal(await client.command('GET', key), 'text', 'a request error does not close');
  });

  test('a command without id is carried out and not answered', async () => {
    const key = fresh();
    const count = client.frames.length;
    client.send({ command: ['INCR', key] });
    client.send({ command: ['LPUSH', key, 'fails'] });
    assert.equal(await client.command('GET', key), '1');
    const extra = client.frames.slice(count).filter(frame => frame.id === undefined);
    assert.deepEqual(extra, [], 'nothing, not even an error, answers a command without id');
  });

  test('any number of requests may be sent without waiting: with ids, without, and mixed', async () => {
    const each = await Client.open(server);
    const key = fresh();
    for (let round = 0; round < 20; round += 1) {
      for (let i = 0; i < 500; i += 1) each.send({ command: ['INCR', key] });
      assert.equal(await each.command('GET', key), String((round + 1) * 500), 'commands without an id');
    }
    const replies = await Promise.all(Array.from({ length: 2_000 }, () => each.request({ command: ['INCR', `${key}b`] })));
    assert.deepEqual(replies.map(({ result }) => result), Array.from({ length: 2_000 }, (_, i) => i + 1));
    each.send(Array.from({ length: 1_000 }, () => ({ command: ['INCR', `${key}c`] })));
    assert.equal(await each.command('GET', `${key}c`), '1000', 'in one batch');
    await each.close();
  });

  test('ids are integers from 0 to 2^53-1', async () => {
    const each = await Client.open(server);
    for (const id of [0, 1, 2 ** 53 - 1]) {
      each.send({ id, ping: id });
      assert.equal((await each.next(frame => frame.id === id)).result, id);
    }
    for (const id of ['9007199254740992', '-1', '1.5', '"7"', 'null', '[1]', '1e400']) {
      const count = each.frames.length;
      each.send(`{"id":${id},"command":["PING"]}`);
      await until(() => each.frames.length > count, `an answer to id ${id}`);
      assert.equal(each.frames.at(-1).error?.code, 'BADREQUEST', `id ${id}`);
    }
    await each.close();
  });

  test('an id that is still outstanding cannot be used again; afterwards it can', async () => {
    const each = await Client.open(server);
    each.send([{ id: 5, command: ['PING'] }, { id: 5, command: ['PING'] }]);
    await until(() => each.frames.filter(frame => frame.id === 5).length === 2, 'two answers');
    const [first, second] = each.frames.filter(frame => frame.id === 5).sort((a, b) => ('error' in a) - ('error' in b));
    assert.equal(first.result, 'PONG');
    assert.ok(second.result === 'PONG' || second.error.code === 'BADREQUEST', JSON.stringify(second));
    each.send({ id: 5, ping: 'again' });
    assert.equal((await each.next(frame => frame.result === 'again')).id, 5);
    await each.close();
  });

  test('commands with atomic is one MULTI/EXEC', async () => {
    const a = fresh(), b = `${a}b`;
    assert.deepEqual(result(await client.request({ commands: [['SET', a, '1'], ['INCR', a], ['GET', a], ['SADD', b, 'x']], atomic: true })), ['OK', 2, '2', 1]);

    const failed = result(await client.request({ commands: [['SET', a, 'text'], ['LPUSH', a, 'x'], ['GET', a]], atomic: true }));
    assert.deepEqual([failed[0], failed[2]], ['OK', 'text']);
    assert.match(failed[1].$error, /^WRONGTYPE /);

    assert.equal(await client.refused({ commands: [['SET', a, 'no'], ['GET']], atomic: true }), 'EXECABORT');
    assert.equal(await client.command('GET', a), 'text', 'nothing of an aborted transaction is carried out');
  });

  test('nobody sees the middle of a transaction', async () => {
    const a = fresh('pair'), b = `${a}b`;
    const watcher = await Client.open(server);
    const seen = [];
    const feed = await watcher.live(['MGET', a, b], { every: 0 });
    const take = feed.take.bind(feed);
    feed.take = (...event) => { take(...event); seen.push([...feed.value]); };
    for (let i = 1; i <= 300; i += 1) {
      const reply = client.request({ commands: [['SET', a, i], ['SET', b, i]], atomic: true });
      if (i % 5 === 0) await reply;
    }
    await feed.shows(['300', '300']);
    assert.ok(seen.length > 3, `only ${seen.length} frames`);
    for (const [x, y] of seen) assert.equal(x, y);
    await watcher.close();
  });

  test('a batch is several requests in one frame, each answered by its own', async () => {
    const [key, other] = [fresh(), fresh()];
    const each = await Client.open(server);
    each.send([{ id: 1, command: ['SET', key, 'v'] }, { command: ['INCR', other] }, { id: 2, command: ['GET', key] }, { id: 3, nonsense: 1 },
      { id: 4, live: ['GET', other] }, { id: 5, ping: [] }]);
    await until(() => [1, 2, 3, 4, 5].every(id => each.frames.some(frame => frame.id === id)), 'five answers');
    const answer = id => each.frames.find(frame => frame.id === id);
    assert.equal(answer(1).result, 'OK');
    assert.equal(answer(2).result, 'v');
    assert.equal(answer(3).error.code, 'BADREQUEST');
    assert.equal(answer(4).value, '1');
    assert.deepEqual(answer(5).result, []);
    await each.close();
  });

  test('ping gives back anything', async () => {
    for (const anything of [null, 0, -1.25, 'text', '', true, [], {}, [1, { a: ['b', null] }], { $base64: '?', deep: { er: [[[]]] } }, '\u0000😀']) {
      assert.deepEqual((await client.request({ ping: anything })).result, anything);
    }
  });

  test('auth answers NOAUTH while no keys are configured', async () => {
    assert.equal(await client.refused({ auth: 'some.token.here' }), 'NOAUTH');
    assert.equal(await client.command('PING'), 'PONG', 'and the connection goes on with the rights it had');
  });

  test("a client's commands take effect in the order sent", async () => {
    const key = fresh();
    const replies = await Promise.all(Array.from({ length: 500 }, (_, i) => client.request({ command: i % 2 ? ['GET', key] : ['SET', key, i] })));
    for (let i = 1; i < 500; i += 2) assert.equal(replies[i].result, String(i - 1));
    const order = client.frames.slice(-500).map(frame => frame.id);
    assert.deepEqual(order, [...order].sort((a, b) => a - b), 'and are answered in it');
  });

  test("a live query opened after a command's reply shows at least its effect", async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => Client.open(server)));
    for (let i = 0; i < 60; i += 1) {
      const key = fresh();
      const [writer, reader] = [others[i % 6], others[(i * 5 + 1) % 6]];
      await writer.command('SET', key, i);
      const feed = await reader.live(['GET', key]);
      assert.equal(feed.value, String(i));
      await writer.command('SET', key, 'more');
      const again = await reader.request({ live: ['GET', key], every: 50 });
      assert.equal(again.value, 'more', 'also when the query is already watched in another pace');
    }
    await Promise.all(others.map(other => other.close()));
  });

  test('a clean close is answered in kind', async () => {
    const each = await Client.open(server);
    each.socket.close(1000, 'bye');
    assert.equal((await each.closed).code, 1000);
  });
});

describe('liveness', { timeout: 30_000 }, () => {
  let server;
  before(async () => { server = await startServer({ set: { 'limits.ping_interval_ms': 250 } }); });
  after(() => server?.stop());

  test('the server pings, and a client that answers stays', async () => {
    const client = await Client.open(server);
    assert.equal(client.hello.ping_interval_ms, 250);
    let pings = 0;
    client.socket.on('ping', () => { pings += 1; });
    await sleep(1_600);
    assert.ok(pings >= 4, `${pings} pings in 1.6 s`);
    assert.equal(await client.command('PING'), 'PONG');
    await client.close();
  });

  test('two pings without an answer end the connection', async () => {
    const client = await Client.open(server, { autoPong: false });
    const begun = performance.now();
    const { code } = await client.closed;
    assert.equal(code, 1008);
    const took = performance.now() - begun;
    assert.ok(took > 400 && took < 2_500, `after ${took} ms`);
  });
});

describe('limits', { timeout: 60_000 }, () => {
  test('feeds_max: the one over it is TOOMANY, and closing one makes room', async () => {
    const server = await startServer({ set: { 'limits.feeds_max': 3 } });
    const client = await Client.open(server);
    assert.equal(client.hello.limits.feeds_max, 3);
    const feeds = [await client.live(['GET', 'a']), await client.subscribe('c'), await client.follow('s')];
    assert.equal(await client.refused({ live: ['GET', 'b'] }), 'TOOMANY');
    assert.equal(await client.refused({ psubscribe: 'p*' }), 'TOOMANY');
    assert.equal((await client.request({ live: ['GET', 'a'] })).feed, feeds[0].number, 'opening an open feed again is no further feed');
    await feeds[1].close();
    assert.equal((await client.live(['GET', 'b'])).value, null);
    await client.close();
    await server.stop();
  });

  test('requests_per_second_max with its burst: TOOMANY, and the connection stays', async () => {
    const server = await startServer({ set: { 'limits.requests_per_second_max': 20, 'limits.requests_burst_max': 10 } });
    const client = await Client.open(server);
    const replies = await Promise.all(Array.from({ length: 60 }, () => client.request({ command: ['PING'] })));
    const refused = replies.filter(reply => reply.error);
    assert.deepEqual([...new Set(refused.map(reply => reply.error.code))], ['TOOMANY'], JSON.stringify(refused[0]));
    const served = 60 - refused.length;
    assert.ok(served >= 10 && served <= 35, `${served} of 60 were served`);
    await sleep(600);
    assert.equal(await client.command('PING'), 'PONG');
    await client.close();
    await server.stop();
  });

  test('value_bytes_max: TOOBIG for a command and for a live query, before and after opening', async () => {
    const server = await startServer({ set: { 'limits.value_bytes_max': 10_000 } });
    const client = await Client.open(server);
    await client.command('SET', 'fits', 'x'.repeat(9_000));
    await client.command('SET', 'big', 'x'.repeat(11_000));
    assert.equal((await client.command('GET', 'fits')).length, 9_000);
    assert.equal(await client.refused({ command: ['GET', 'big'] }), 'TOOBIG');
    const opened = await client.request({ live: ['GET', 'big'] });
    assert.equal(opened.error?.code, 'TOOBIG');
    const feed = await client.live(['GET', 'fits']);
    await client.command('APPEND', 'fits', 'x'.repeat(2_000));
    const frame = await feed.frame(0);
    assert.equal(frame.closed?.code ?? frame.error?.code, 'TOOBIG');
    assert.equal(await client.command('PING'), 'PONG');
    await client.close();
    await server.stop();
  });

  test('batch_max: a longer pipeline is TOOMANY', async () => {
    const server = await startServer({ set: { 'limits.batch_max': 4 } });
    const client = await Client.open(server);
    const ping = ['PING'];
    assert.deepEqual(result(await client.request({ commands: [ping, ping, ping, ping], atomic: true })), ['PONG', 'PONG', 'PONG', 'PONG']);
    assert.equal(await client.refused({ commands: [ping, ping, ping, ping, ping], atomic: true }), 'TOOMANY');
    const over = await server.post([ping, ping, ping, ping, ping]);
    assert.equal(over.error?.code, 'TOOMANY');
    await client.close();
    await server.stop();
  });

  test('connections_max: the one over it gets 503, and a closed one makes room', async () => {
    const server = await startServer({ set: { 'limits.connections_max': 3 } });
    const clients = [];
    let status;
    for (let i = 0; i < 6 && !status; i += 1) {
      await Client.open(server).then(client => clients.push(client), error => { status = error.message; });
    }
    assert.ok(clients.length <= 3, `${clients.length} connections at once`);
    assert.match(status ?? '', /503|ECONNRESET|socket hang up/);
    assert.equal(await clients[0].command('PING'), 'PONG', 'the others are not hurt');
    await clients.pop().close();
    const next = await until(() => Client.open(server).catch(() => null), 'room for one more');
    await Promise.all([...clients, next].map(client => client.close()));
    await server.stop();
  });
});

test('a server that ends says so: 1001 to every client, and exits with 0', { timeout: 20_000 }, async () => {
  const server = await startServer();
  const clients = await Promise.all(Array.from({ length: 10 }, () => Client.open(server)));
  const begun = performance.now();
  await server.stop();
  for (const client of clients) assert.equal((await client.closed).code, 1001);
  assert.ok(performance.now() - begun < 8_000, 'in reasonable time');
});
