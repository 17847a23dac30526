// Programs and libraries that were written for Redis, doing their ordinary work on the RESP port.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { fresh, until } from './lib/client.mjs';
import { run, startResp } from './lib/resp-port.mjs';
import { freePort, repository } from './lib/server.mjs';

let server;
before(async () => { server = await startResp({ set: { resp_password: 'sesame' } }); });
after(async () => { await server?.stop(); });

describe('redis-cli', { timeout: 60_000 }, () => {
  const cli = (args, options) => run('redis-cli', ['-p', String(server.resp), '--no-auth-warning', '-a', 'sesame', ...args], options);

  test('one command, RESP3, CSV, from standard input', async () => {
    const key = fresh();
    assert.equal((await cli(['SET', key, 'a b'])).output, 'OK\n');
    assert.equal((await cli(['-3', '--json', 'HSET', `${key}:h`, 'f', '1'])).output, '1\n');
    assert.equal((await cli(['-3', '--json', 'HGETALL', `${key}:h`])).output, '{"f":"1"}\n');
    assert.equal((await cli(['--csv', 'LRANGE', key, '0', '-1'])).output.trim(), 'ERROR,"WRONGTYPE Operation against a key holding the wrong kind of value"');
    assert.equal((await cli(['-x', 'APPEND', key], { input: '!' })).output, '4\n');
    assert.equal((await cli([], { input: `GET ${key}\nINCR ${key}:n\nNOSUCH\n` })).output, 'a b!\n1\nERR unknown command \'NOSUCH\', with args beginning with: \n\n');
  });

  test('--pipe: mass insertion', async () => {
    const key = fresh();
    const commands = Array.from({ length: 100_000 }, (_, i) => `*3\r\n$4\r\nSADD\r\n$${key.length}\r\n${key}\r\n$${String(i).length}\r\n${i}\r\n`);
    const { output } = await cli(['--pipe'], { input: commands.join('') });
    assert.match(output, /errors: 0, replies: 100000/);
    assert.equal((await cli(['SCARD', key])).output, '100000\n');
  });

  test('--scan, --bigkeys, --memkeys', async () => {
    const key = fresh();
    await cli([], { input: Array.from({ length: 50 }, (_, i) => `SET ${key}:${i} x`).join('\n') });
    assert.equal((await cli(['--scan', '--pattern', `${key}:*`])).output.trim().split('\n').length, 50);
    assert.match((await cli(['--bigkeys'])).output, /Biggest string found/);
    assert.match((await cli(['--memkeys'])).output, /Biggest string found/);
  });

  // `script` gives it a terminal.
  test('interactive, with help, transactions in the prompt, subscriptions and CLIENT REPLY', async () => {
    const key = fresh();
    const line = `redis-cli -p ${server.resp} --no-auth-warning -a sesame`;
    const terminal = spawn('script', ['-qfec', line, '/dev/null'], { env: { ...process.env, TERM: 'dumb', HOME: '/nonexistent' } });
    try {
      let output = '';
      terminal.stdout.on('data', chunk => { output += chunk; });
      const say = async (text, expected) => {
        output = '';
        terminal.stdin.write(`${text}\n`);
        await until(() => output.includes(expected), () => `${JSON.stringify(expected)} after ${text}, there is ${JSON.stringify(output)}`);
      };
      await until(() => output.includes(`127.0.0.1:${server.resp}>`), 'the prompt');
      await say(`SET ${key} hello`, 'OK');
      await say('MULTI', '(TX)>');
      await say(`GET ${key}`, 'QUEUED');
      await say('EXEC', '1) "hello"');
      await say('SELECT 3', '[3]>');
      await say('HELLO 3', '"proto" => (integer) 3');
      await say(`SUBSCRIBE ${key}`, '1) "subscribe"');
      await cli(['PUBLISH', key, 'news']);
      await until(() => output.includes('3) "news"'), 'the message');
    } finally { terminal.kill('SIGKILL'); }
  });

  test('a wrong password', async () => {
    const { output } = await run('redis-cli', ['-p', String(server.resp), '--no-auth-warning', '-a', 'wrong', 'PING']);
    assert.match(output, /WRONGPASS/);
    assert.match((await run('redis-cli', ['-p', String(server.resp), 'PING'])).output, /NOAUTH/);
  });
});

test('redis-benchmark runs its tests', { timeout: 60_000 }, async () => {
  const tests = 'ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset';
  const line = ['-p', String(server.resp), '-a', 'sesame', '-n', '2000', '-P', '16', '-r', '1000', '-q', '-t', tests];
  const { code, output } = await run('redis-benchmark', line);
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /error/i);
  assert.equal(output.match(/requests per second, p50=/g).length, 17);
});

describe('ioredis', { timeout: 60_000 }, () => {
  const open = (options = {}) => new Redis({ port: server.resp, password: 'sesame', ...options });
  let redis;
  before(() => { redis = open(); });
  after(() => redis.disconnect());

  test('ready check, every type, pipelines, transactions', async () => {
    const key = fresh();
    await redis.hset(`${key}:h`, { a: 1, b: 'two' });
    await redis.rpush(`${key}:l`, 'x', 'y', 'z');
    await redis.zadd(`${key}:z`, 1.5, 'one', 2, 'two');
    await redis.sadd(`${key}:s`, 'm');
    const id = await redis.xadd(`${key}:x`, '*', 'f', 'v');
    assert.deepEqual(await redis.hgetall(`${key}:h`), { a: '1', b: 'two' });
    assert.deepEqual(await redis.lrange(`${key}:l`, 0, -1), ['x', 'y', 'z']);
    assert.deepEqual(await redis.zrange(`${key}:z`, 0, -1, 'WITHSCORES'), ['one', '1.5', 'two', '2']);
    assert.deepEqual(await redis.xrange(`${key}:x`, '-', '+'), [[id, ['f', 'v']]]);
    const results = await redis.pipeline().set(key, 1).incr(key).lpush(key, 'x').get(key).exec();
    assert.deepEqual(results.map(([error, result]) => error?.message ?? result), ['OK', 2, 'WRONGTYPE Operation against a key holding the wrong kind of value', '2']);
    assert.deepEqual(await redis.multi().incr(key).incr(key).exec(), [[null, 3], [null, 4]]);
    const buffer = Buffer.from([0, 255, 13, 10]);
    await redis.set(`${key}:b`, buffer);
    assert.deepEqual(await redis.getBuffer(`${key}:b`), buffer);
  });

  test('WATCH refuses what somebody changed', async () => {
    const key = fresh();
    await redis.watch(key);
    const other = open();
    await other.set(key, 'other');
    assert.equal(await redis.multi().set(key, 'mine').exec(), null);
    assert.equal(await redis.get(key), 'other');
    other.disconnect();
  });

  test('blocking pops, consumer groups, scan streams, pub/sub with patterns', async () => {
    const key = fresh();
    const blocked = open();
    const popped = blocked.blpop(`${key}:q`, 5);
    await sleep(30);
    await redis.rpush(`${key}:q`, 'job');
    assert.deepEqual(await popped, [`${key}:q`, 'job']);
    await redis.xgroup('CREATE', `${key}:x`, 'g', '$', 'MKSTREAM');
    const read = blocked.xreadgroup('GROUP', 'g', 'c', 'BLOCK', 5000, 'STREAMS', `${key}:x`, '>');
    await sleep(30);
    const id = await redis.xadd(`${key}:x`, '*', 'f', 'v');
    assert.deepEqual(await read, [[`${key}:x`, [[id, ['f', 'v']]]]]);
    assert.equal(await redis.xack(`${key}:x`, 'g', id), 1);
    await redis.mset(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${key}:k${i}`, i])));
    const seen = new Set();
    for await (const keys of redis.scanStream({ match: `${key}:k*`, count: 50 })) keys.forEach(name => seen.add(name));
    assert.equal(seen.size, 300);
    const subscriber = open();
    const messages = [];
    subscriber.on('pmessage', (pattern, channel, message) => messages.push([pattern, channel, message]));
    await subscriber.psubscribe(`${key}:*`);
    await redis.publish(`${key}:news`, 'hello');
    await until(() => messages.length, 'the message');
    assert.deepEqual(messages, [[`${key}:*`, `${key}:news`, 'hello']]);
    blocked.disconnect();
    subscriber.disconnect();
  });

  test('keyspace notifications, databases, SELECT at connect', async () => {
    const key = fresh();
    await redis.config('SET', 'notify-keyspace-events', 'KEA');
    const second = open({ db: 2 });
    const subscriber = open();
    const events = [];
    subscriber.on('message', (channel, message) => events.push([channel, message]));
    await subscriber.subscribe(`__keyspace@2__:${key}`);
    await second.set(key, 1, 'PX', 20);
    await until(() => events.some(([, event]) => event === 'expired'), 'the expiry');
    assert.deepEqual(events.map(([, event]) => event), ['set', 'expire', 'expired']);
    assert.equal(await redis.exists(key), 0);
    await redis.config('SET', 'notify-keyspace-events', '');
    second.disconnect();
    subscriber.disconnect();
  });
});

describe('node-redis', { timeout: 60_000 }, () => {
  for (const RESP of [2, 3]) {
    test(`RESP${RESP}: every type, transactions, iterators, pub/sub, a pool of isolated clients`, async () => {
      const key = fresh();
      const client = await createClient({ url: `redis://default:sesame@127.0.0.1:${server.resp}`, RESP, name: 'blackbox' }).connect();
      assert.equal(await client.clientGetName(), 'blackbox');
      await client.hSet(`${key}:h`, { a: '1', b: '2' });
      assert.deepEqual({ ...await client.hGetAll(`${key}:h`) }, { a: '1', b: '2' });
      await client.zAdd(`${key}:z`, [{ score: 1.5, value: 'x' }, { score: Infinity, value: 'y' }]);
      assert.deepEqual(await client.zRangeWithScores(`${key}:z`, 0, -1), [{ value: 'x', score: 1.5 }, { value: 'y', score: Infinity }]);
      await client.sAdd(`${key}:s`, ['a', 'b']);
      assert.deepEqual([...await client.sMembers(`${key}:s`)].sort(), ['a', 'b']);
      const id = await client.xAdd(`${key}:x`, '*', { f: 'v' });
      assert.equal((await client.xRange(`${key}:x`, '-', '+'))[0].id, id);
      assert.deepEqual(await client.multi().set(key, '1').incr(key).get(key).exec(), ['OK', 2, '2']);
      await assert.rejects(client.lPush(key, 'x'), /WRONGTYPE/);
      const names = [];
      for await (const found of client.scanIterator({ MATCH: `${key}*` })) names.push(...[found].flat());
      assert.equal(new Set(names).size, 5);
      const subscriber = await client.duplicate().connect();
      const messages = [];
      await subscriber.subscribe(`${key}:c`, message => messages.push(message));
      await client.publish(`${key}:c`, 'hello');
      await until(() => messages.length === 1, 'the message');
      subscriber.destroy();
      await client.close();
    });
  }

  test("RESP3's client-side cache is told of what others write", async () => {
    const key = fresh();
    const other = await createClient({ url: `redis://:sesame@127.0.0.1:${server.resp}` }).connect();
    const client = await createClient({ url: `redis://:sesame@127.0.0.1:${server.resp}`, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100 } }).connect();
    await other.set(key, '1');
    assert.deepEqual([await client.get(key), await client.get(key)], ['1', '1']);
    await other.set(key, '2');
    await until(async () => await client.get(key) === '2', 'the new value');
    await client.close();
    await other.close();
  });
});

describe('redis-commander', { timeout: 60_000 }, () => {
  let manager, address, redis;
  const key = fresh();
  before(async () => {
    redis = new Redis({ port: server.resp, password: 'sesame' });
    await redis.set(`${key}:string`, 'text');
    await redis.hset(`${key}:hash`, { field: 'value' });
    await redis.rpush(`${key}:list`, 'a', 'b');
    await redis.sadd(`${key}:set`, 'member');
    await redis.zadd(`${key}:zset`, 1.5, 'member');
    await redis.xadd(`${key}:stream`, '1-1', 'field', 'value');
    await redis.expire(`${key}:string`, 1000);
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    const program = path.join(repository, 'tests/blackbox/node_modules/redis-commander/bin/redis-commander.js');
    const line = [program, '--redis-port', String(server.resp), '--redis-password', 'sesame', '--port', String(port), '--address', '127.0.0.1', '--nosave'];
    manager = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_APP_INSTANCE: '' } });
    process.once('exit', () => manager.kill('SIGKILL'));
    let output = '';
    for (const stream of [manager.stdout, manager.stderr]) stream.on('data', chunk => { output += chunk; });
    await until(async () => (await fetch(address).catch(() => null))?.ok, () => `redis-commander: ${output}`, 20_000);
  });
  after(() => { manager?.kill('SIGKILL'); redis?.disconnect(); });

  const ask = async (route, options) => {
    const answer = await fetch(`${address}/apiv2/${route}`, options);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${route}: ${text}`);
    return JSON.parse(text);
  };
  const connection = () => `R:localhost:${server.resp}:0`;

  test('it shows the server and the tree of keys', async () => {
    const info = await ask('server/info');
    assert.match(JSON.stringify(info), /Redis version/);
    const tree = await ask(`keystree/${connection()}/${encodeURIComponent(`${key}:`)}`);
    assert.equal([tree.data ?? tree].flat().length, 6, JSON.stringify(tree));
  });

  test('it shows a key of every type', async () => {
    for (const [type, shown] of Object.entries({ string: 'text', hash: 'value', list: 'b', set: 'member', zset: 'member', stream: 'field' })) {
      const details = await ask(`key/${connection()}/${encodeURIComponent(`${key}:${type}`)}`);
      assert.equal(details.type, type);
      assert.ok(JSON.stringify(details).includes(shown), JSON.stringify(details));
    }
  });

  test('it runs commands', async () => {
    const answer = await ask(`exec/${connection()}`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ cmd: `INCR ${key}:n` }),
    });
    assert.match(JSON.stringify(answer), /1/);
  });
});
