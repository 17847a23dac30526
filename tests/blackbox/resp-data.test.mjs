// What the embedded store keeps: over restarts, crashes, full disks and damaged files, and between it and a real redis-server;
// and what it gives up where memory is short.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, until } from './lib/client.mjs';
import { run, startRedis, startResp } from './lib/resp-port.mjs';
import { Resp } from './lib/resp.mjs';
import { binary, freePort, runToEnd, Server } from './lib/server.mjs';

const folders = [];
const folder = () => { folders.push(mkdtempSync(path.join(tmpdir(), 'keywire-data-'))); return folders.at(-1); };
after(() => folders.forEach(name => rmSync(name, { recursive: true, force: true })));

const open = (data, { set = {}, ...options } = {}) => startResp({ args: ['--data', data], set, ...options });
const log = data => path.join(data, 'appendonlydir');
const manifest = data => readFileSync(path.join(log(data), 'appendonly.aof.manifest'), 'utf8');

/** Some of everything, in two databases. */
const EVERYTHING = [
  ['SET', 'string', 'a\r\nb \x00 c'], ['SET', 'number', '41'], ['INCR', 'number'], ['APPEND', 'string', '!'],
  ['RPUSH', 'list', ...Array.from({ length: 300 }, (_, i) => `element ${i}`)], ['LPOP', 'list'],
  ['SADD', 'set', 'a', 'b', 'c', '4'], ['SPOP', 'set'], ['SADD', 'numbers', '1', '2', '3'],
  ['HSET', 'hash', 'f', 'v', 'g', 'w'], ['HINCRBYFLOAT', 'hash', 'f2', '0.1'],
  ['ZADD', 'zset', '1.5', 'a', '-inf', 'b', '3', 'c'], ['ZPOPMIN', 'zset'],
  ['XADD', 'stream', '*', 'f', 'v'], ['XADD', 'stream', '*', 'g', 'w'], ['XGROUP', 'CREATE', 'stream', 'group', '0'],
  ['XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', '1', 'STREAMS', 'stream', '>'],
  ['SET', 'long', 'x', 'EX', '100000'], ['PEXPIREAT', 'hash', '4102444800000'], ['SETEX', 'short', '1', 'v'],
  ['PFADD', 'hll', 'a', 'b'], ['SETBIT', 'bits', '77', '1'], ['GEOADD', 'geo', '13.36', '38.11', 'Palermo'],
  ['MULTI'], ['SET', 'in', 'transaction'], ['INCR', 'number'], ['EXEC'],
  ['SELECT', '1'], ['SET', 'other', 'database'], ['SELECT', '0'], ['RENAME', 'bits', 'bits2'], ['COPY', 'set', 'set2'],
];

/** All keys of a server with what they hold and when they end. */
async function content(port) {
  const client = await Resp.connect(port);
  const all = {};
  const ask = {
    string: key => ['GET', key], list: key => ['LRANGE', key, '0', '-1'], set: key => ['SMEMBERS', key], hash: key => ['HGETALL', key],
    zset: key => ['ZRANGE', key, '0', '-1', 'WITHSCORES'], stream: key => ['XRANGE', key, '-', '+'],
  };
  for (let db = 0; db < 3; db++) {
    await client.command('SELECT', String(db));
    for (const key of (await client.command('KEYS', '*')).sort()) {
      const type = await client.command('TYPE', key);
      let value = await client.command(...ask[type](key));
      if (type === 'set') value.sort();
      if (type === 'hash') value = Object.entries(value).sort();
      const groups = type === 'stream' ? await client.command('XPENDING', key, 'group') : undefined;
      all[`${db} ${key}`] = [type, value, groups, await client.command('PEXPIRETIME', key)];
    }
  }
  client.end();
  return all;
}

async function fill(port) {
  const client = await Resp.connect(port);
  for (const words of EVERYTHING) await client.command(...words);
  client.end();
}

/** Waits for the end of a rewrite of the log. */
async function rewritten(port) {
  const client = await Resp.connect(port);
  const done = async () => /aof_rewrite_in_progress:0/.test(await client.command('INFO', 'persistence'));
  await until(done, 'the end of the rewrite before');
  const before = Number(/aof_rewrites:(\d+)/.exec(await client.command('INFO', 'persistence'))?.[1] ?? 0);
  await client.command('BGREWRITEAOF');
  await until(async () => {
    const info = await client.command('INFO', 'persistence');
    return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info) && Number(/aof_rewrites:(\d+)/.exec(info)?.[1] ?? before + 1) > before;
  }, 'the end of the rewrite');
  client.end();
}

describe('over a restart', { timeout: 60_000 }, () => {
  test('everything is there, expired keys are not, whether SIGTERM, SHUTDOWN or kill -9 ended it', async () => {
    const data = folder();
    let server = await open(data);
    await fill(server.resp);
    const before = await content(server.resp);
    assert.ok('0 short' in before && '1 other' in before);
    await server.stop();
    await sleep(1_100);
    delete before['0 short'];
    server = await open(data);
    assert.match(server.output.text, new RegExp(`data +${data} \\(fsync everysec\\)`));
    assert.deepEqual(await content(server.resp), before);
    const client = await Resp.connect(server.resp);
    client.command('SHUTDOWN').catch(() => {});
    await server.ended;
    server = await open(data);
    await rewritten(server.resp);
    assert.deepEqual(await content(server.resp), before);
    await server.kill();
    server = await open(data);
    assert.deepEqual(await content(server.resp), before);
    assert.equal(await server.command('GET', 'short'), null);
    await server.stop();
  });

  test('what gateway clients write is kept too', async () => {
    const data = folder();
    let server = await open(data, { set: { 'store.fsync': 'always' } });
    const client = await Client.open(server);
    for (let i = 0; i < 50; i++) await client.command('INCR', 'n');
    await server.kill();
    server = await open(data);
    assert.equal(await server.command('GET', 'n'), '50');
    await server.stop();
  });

  test('without a directory it says that nothing is kept, and refuses what is about files', async () => {
    const server = await startResp();
    assert.match(server.output.text, /data +nothing is kept: in memory only; --data DIR keeps it/);
    const client = await Resp.connect(server.resp);
    await assert.rejects(client.command('BGREWRITEAOF'), /keeps nothing: start it with a data directory/);
    await assert.rejects(client.command('CONFIG', 'SET', 'appendonly', 'yes'), /--data/);
    assert.match(await client.command('INFO', 'persistence'), /aof_enabled:0/);
    client.end();
    await server.stop();
  });

  test('a second process is refused; a redis-server instead is not kept out', async () => {
    const data = folder();
    const server = await open(data);
    const port = await freePort();
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${port}`, '--data', data]);
    assert.equal(code, 1, output);
    assert.match(output, new RegExp(`${data} is in use by another keywire \\(process ${server.child.pid}\\)`));
    await server.stop();
    const mistake = await runToEnd(['check', '--data', data, '--redis', 'redis://127.0.0.1:1/0']);
    assert.equal(mistake.code, 2);
    assert.match(mistake.output, /store\.data is the embedded store's/);
  });
});

describe('beside a real redis-server', { timeout: 60_000 }, () => {
  for (const rewrites of [false, true]) {
    test(`a redis-server goes on with the directory${rewrites ? ' after a rewrite' : ''}, and back`, async () => {
      const data = folder();
      const server = await open(data);
      await fill(server.resp);
      if (rewrites) {
        await rewritten(server.resp);
        const client = await Resp.connect(server.resp);
        await client.command('SET', 'after', 'the rewrite');
        client.end();
        assert.match(manifest(data), /^file appendonly\.aof\.1\.base\.aof seq 1 type b\nfile appendonly\.aof\.2\.incr\.aof seq 2 type i\n$/);
      }
      const before = await content(server.resp);
      await server.stop();
      const redis = await startRedis(['--appendonly', 'yes', '--aof-use-rdb-preamble', 'no', '--dir', data]);
      delete before['0 short'];
      try {
        await until(async () => !/LOADING/.test(await content(redis.port).then(() => '', error => error.message)), 'the load');
        const theirs = await content(redis.port);
        delete theirs['0 short'];
        assert.deepEqual(theirs, before);
        const client = await Resp.connect(redis.port);
        await client.command('SET', 'from', 'redis');
        client.end();
        if (rewrites) await rewritten(redis.port);
        const client2 = await Resp.connect(redis.port);
        client2.command('SHUTDOWN').catch(() => {});
        await client2.closed;
        await sleep(100);
        const again = await open(data);
        assert.equal(await again.command('GET', 'from'), 'redis');
        const ours = await content(again.resp);
        delete ours['0 from'];
        delete ours['0 short'];
        assert.deepEqual(ours, before);
        await again.stop();
      } finally {
        await redis.stop();
      }
    });
  }

  test('a snapshot in Redis\' own format is refused with the remedy', async () => {
    const data = folder();
    const redis = await startRedis(['--appendonly', 'yes', '--dir', data]);
    const client = await Resp.connect(redis.port);
    await client.command('SET', 'a', '1');
    client.end();
    await redis.stop();
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${await freePort()}`, '--data', data]);
    assert.equal(code, 1, output);
    assert.match(output, /appendonly\.aof\.1\.base\.rdb is an RDB snapshot.*CONFIG SET aof-use-rdb-preamble no.*BGREWRITEAOF/s);
  });
});

describe('damage', { timeout: 60_000 }, () => {
  const one = async () => {
    const data = folder();
    const server = await open(data);
    const client = await Resp.connect(server.resp);
    for (let i = 0; i < 20; i++) await client.command('SET', `key:${i}`, 'value');
    client.end();
    await server.stop();
    const name = readdirSync(log(data)).find(name => name.endsWith('.incr.aof'));
    return { data, file: path.join(log(data), name), name };
  };

  test('a tail that was cut off is removed with a warning', async () => {
    const { data, file } = await one();
    const length = statSync(file).size;
    appendFileSync(file, '*3\r\n$3\r\nSET\r\n$1\r\na');
    const server = await open(data);
    assert.match(server.output.text, new RegExp(`WARN.*it was cut there.* at=${length} bytes=18`));
    assert.equal(await server.command('GET', 'key:19'), 'value');
    assert.equal(statSync(file).size, length);
    await server.stop();
  });

  test('a damaged file is refused with the place and the remedy, which helps', async () => {
    const { data, file, name } = await one();
    const bytes = readFileSync(file);
    const at = bytes.indexOf('*3', 400);
    bytes.write('*z', at);
    writeFileSync(file, bytes);
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${await freePort()}`, '--data', data]);
    assert.equal(code, 1, output);
    const remedy = new RegExp(`${name.replaceAll('.', '\\.')}: bad log at byte (\\d+): .*truncate -s (\\d+)`).exec(output);
    assert.ok(remedy, output);
    assert.deepEqual([Number(remedy[1]), Number(remedy[2])], [at + 1, at + 1]);
    const fixed = await run('redis-check-aof', ['--fix', path.join(log(data), 'appendonly.aof.manifest')], { input: 'y\n' });
    assert.equal(fixed.code, 0, fixed.output);
    const server = await open(data);
    assert.equal(await server.command('GET', 'key:0'), 'value');
    await server.stop();
  });

  test('data without its manifest is not taken for an empty directory', async () => {
    const { data } = await one();
    unlinkSync(path.join(log(data), 'appendonly.aof.manifest'));
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${await freePort()}`, '--data', data]);
    assert.equal(code, 1);
    assert.match(output, /holds appendonly\.aof\.1\.incr\.aof but no appendonly\.aof\.manifest/);
  });
});

describe('kill -9', { timeout: 600_000 }, () => {
  const long = process.env.KEYWIRE_LONG;

  /** Writers in pipelines; what was acknowledged, and when, is remembered. */
  async function writers(port, counters, stopped) {
    const each = Object.entries(counters).map(async ([key, counter]) => {
      const client = await Resp.connect(port).catch(() => undefined);
      while (client?.alive && !stopped()) {
        const replies = await client.pipeline(Array.from({ length: 8 }, () => ['INCR', key])).catch(() => []);
        const last = replies.findLast(reply => typeof reply === 'number');
        if (last) { counter.last = last; counter.history.push([Date.now(), last]); }
      }
      client?.end();
    });
    await Promise.all(each);
  }

  const cases = {
    'always: what was acknowledged is there': { fsync: 'always', rounds: long ? 300 : 6, least_ms: 20, allowance_ms: 0 },
    // Two seconds are what writes wait for a sync that is under way, at most; Redis' figure too.
    'everysec: at most what was acknowledged last is gone': { fsync: 'everysec', rounds: long ? 60 : 2, least_ms: 2_800, allowance_ms: 2_500 },
  };
  for (const [name, { fsync, rounds, least_ms, allowance_ms }] of Object.entries(cases)) {
    test(`${name}, also when it comes in the middle of a rewrite`, async () => {
      const data = folder();
      const counters = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`counter:${i}`, { last: 0, history: [] }]));
      let [killed, checked] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        const server = await open(data, { set: { 'store.fsync': fsync, 'store.rewrite_bytes_min': '64KiB' } });
        const client = await Resp.connect(server.resp);
        for (const [key, counter] of Object.entries(counters)) {
          const found = Number(await client.command('GET', key) ?? 0);
          const acknowledged = counter.history.findLast(([at]) => at <= killed - allowance_ms)?.[1] ?? 0;
          assert.ok(found >= acknowledged && found <= counter.last + 8, `round ${round}: ${acknowledged} acknowledged, ${counter.last} in all, ${found} found`);
          checked += acknowledged;
          Object.assign(counter, { last: found, history: [] });
        }
        let stopped = false;
        const writing = writers(server.resp, counters, () => stopped);
        await sleep(least_ms + Math.random() * 250);
        if (round % 2) await client.command('BGREWRITEAOF').catch(() => {});
        await sleep(Math.random() * 40);
        await server.kill();
        killed = Date.now();
        stopped = true;
        await writing;
        client.end();
      }
      assert.ok(checked > rounds * 50, `${checked} acknowledged writes were looked for`);
    });
  }
});

describe('a full disk', { timeout: 60_000 }, () => {
  // A file system of its own in a name space of its own.
  const can = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /mnt']).status === 0;

  for (const fsync of ['always', 'everysec']) {
    test(`${fsync}: writes are refused until there is room, and nothing acknowledged is lost`, { skip: can ? false : 'no name spaces here' }, async () => {
      const data = folder();
      const ballast = path.join(data, 'ballast');
      const [port, resp] = [await freePort(), await freePort()];
      const line = `mount -t tmpfs -o size=1m tmpfs ${data} && head -c 600000 /dev/zero > ${ballast} && exec ${binary} serve --listen 127.0.0.1:${port} `
        + `--resp 127.0.0.1:${resp} --data ${data} --set store.fsync=${fsync} --set store.rewrite_growth_percent=0`;
      const child = spawn('unshare', ['-rm', 'sh', '-c', line], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } });
      const server = new Server(child, port);
      await server.untilReady('/readyz');
      let acknowledged = 0;
      let refused;
      for (let i = 0; i < 400 && !refused; i++) {
        // With `always`, who wrote what could not be kept is told nothing.
        const client = await Resp.connect(resp);
        try {
          await client.command('SET', `key:${i}`, 'x'.repeat(4000));
          acknowledged = i + 1;
        } catch (error) {
          if (error.code !== 'LOST') refused = error;
        }
        client.end();
      }
      assert.equal(refused?.message, 'MISCONF Errors writing to the AOF file: No space left on device');
      const client = await Resp.connect(resp);
      assert.equal((await client.command('GET', 'key:0')).length, 4000, 'reads go on');
      await assert.rejects(client.command('INCR', 'n'), /^Error: MISCONF/);
      await assert.rejects(client.command('PING'), /^Error: MISCONF/);
      await client.command('MULTI');
      await assert.rejects(client.command('INCR', 'n'), /^Error: MISCONF/);
      await assert.rejects(client.command('EXEC'), /^Error: EXECABORT/);
      assert.match(await client.command('INFO', 'persistence'), /aof_last_write_status:err/);
      assert.equal(await server.command('INCR', 'n').catch(error => error.code), 'MISCONF');
      unlinkSync(`/proc/${child.pid}/root${ballast}`);
      await until(async () => await client.command('INCR', 'n').catch(() => 0) === 1, 'writes are taken again');
      assert.match(await client.command('INFO', 'persistence'), /aof_last_write_status:ok/);
      // The directory as another process would find it after a crash.
      const copy = folder();
      spawnSync('cp', ['-r', `/proc/${child.pid}/root${data}/appendonlydir`, copy]);
      client.end();
      await server.stop();
      const again = await open(copy);
      for (let i = 0; i < acknowledged; i++) assert.equal((await again.command('GET', `key:${i}`)).length, 4000, `key:${i} of ${acknowledged}`);
      assert.equal(await again.command('GET', 'n'), '1');
      await again.stop();
    });
  }
});

describe('a rewrite', { timeout: 120_000 }, () => {
  test('by itself when the log has doubled, while writes go on, and the old files go', async () => {
    const data = folder();
    const server = await open(data, { set: { 'store.rewrite_bytes_min': '200KiB' } });
    const client = await Resp.connect(server.resp);
    for (let i = 0; i < 300; i++) await client.pipeline(Array.from({ length: 100 }, (_, j) => ['SET', `key:${j}`, `${i}`]));
    await until(() => /base\.aof/.test(manifest(data)), 'a base');
    await client.pipeline(Array.from({ length: 100 }, (_, j) => ['SET', `key:${j}`, 'last']));
    await until(async () => /aof_rewrite_in_progress:0/.test(await client.command('INFO', 'persistence')), 'the end of the rewrite');
    const named = manifest(data).split('\n').filter(Boolean).map(line => line.split(' ')[1]);
    assert.deepEqual(readdirSync(log(data)).filter(name => !named.includes(name)), ['appendonly.aof.manifest']);
    const before = await content(server.resp);
    client.end();
    await server.kill();
    const again = await open(data);
    assert.deepEqual(await content(again.resp), before);
    await again.stop();
  });
});
