// What happens where memory is short or much of it is given back: eviction by each policy, expiry of many keys at once, large
// keys removed.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, until } from './lib/client.mjs';
import { startResp } from './lib/resp-port.mjs';
import { Resp } from './lib/resp.mjs';
import { freePort, runToEnd } from './lib/server.mjs';

const KiB = 1 << 10;
const start = (policy, bytes = 1000 * KiB) => startResp({ set: { 'store.memory_bytes_max': String(bytes), 'store.eviction': policy } });
const value = 'x'.repeat(1000);

/** Sends many commands in pipelines; the replies that are errors. */
async function all(client, commands) {
  const errors = [];
  for (let i = 0; i < commands.length; i += 1000) {
    errors.push(...(await client.pipeline(commands.slice(i, i + 1000))).filter(reply => reply instanceof Error));
  }
  return errors;
}

const number = async (client, section, field) => Number(new RegExp(`${field}:(\\d+)`).exec(await client.command('INFO', section))[1]);
const keys = async client => new Set(await client.command('KEYS', '*'));

describe('maxmemory', { timeout: 60_000 }, () => {
  test('noeviction: writes that need room are refused, what needs none is not', async () => {
    const server = await start('noeviction');
    const client = await Resp.connect(server.resp);
    const errors = await all(client, Array.from({ length: 2000 }, (_, i) => ['SET', `key:${i}`, value]));
    assert.ok(errors.length > 500 && errors.length < 1500, `${errors.length} refused`);
    assert.deepEqual(new Set(errors.map(error => error.message)), new Set(["OOM command not allowed when used memory > 'maxmemory'."]));
    assert.equal(await number(client, 'stats', 'evicted_keys'), 0);
    assert.equal((await client.command('GET', 'key:1')).length, 1000);
    await client.command('MULTI');
    await assert.rejects(client.command('SET', 'a', '1'), /^Error: OOM/);
    await assert.rejects(client.command('EXEC'), /^Error: EXECABORT/);
    assert.equal(await server.command('SET', 'a', '1').catch(error => error.code), 'OOM', 'clients of the gateway too');
    assert.equal(await client.command('DEL', 'key:1', 'key:2', 'key:3'), 3);
    assert.equal(await client.command('SET', 'a', '1'), 'OK');
    client.end();
    await server.stop();
  });

  for (const policy of ['allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-random', 'volatile-ttl']) {
    test(`${policy}: the right keys go, watchers are told, and the limit holds`, async () => {
      const server = await start(policy);
      const client = await Resp.connect(server.resp);
      // A third of what there is room for has no expiry; of the rest, the lower half ends later, and is used later.
      const volatile = policy.startsWith('volatile');
      await all(client, Array.from({ length: 300 }, (_, i) => ['SET', `kept:${i}`, value]));
      await all(client, Array.from({ length: 400 }, (_, i) => ['SET', `key:${i}`, value, 'EX', String(i < 200 ? 9000 : 1000 + i)]));
      await sleep(250);
      await all(client, Array.from({ length: 200 }, (_, i) => ['GET', `key:${i}`]));
      await all(client, Array.from({ length: 300 }, (_, i) => ['GET', `kept:${i}`]));
      const watcher = await Client.open(server);
      const feeds = await Promise.all(Array.from({ length: 400 }, (_, i) => watcher.live(['EXISTS', `key:${i}`])));
      const errors = await all(client, Array.from({ length: 350 }, (_, i) => ['SET', `new:${i}`, value, ...(volatile ? ['EX', '9000'] : [])]));
      assert.deepEqual(errors, []);
      const left = await keys(client);
      const evicted = await number(client, 'stats', 'evicted_keys');
      assert.equal(evicted, 1050 - left.size);
      assert.ok(evicted > 80, `${evicted} evicted`);
      assert.ok(await number(client, 'memory', 'used_memory') <= 1001 * KiB);
      const gone = prefix => [...Array(400).keys()].filter(i => !left.has(`${prefix}:${i}`));
      const kept = [...Array(300).keys()].filter(i => !left.has(`kept:${i}`)).length;
      if (volatile) assert.equal(kept, 0, 'keys without an expiry stay');
      if (policy === 'allkeys-random') assert.ok(kept > 10, `${kept} of them went`);
      // Five samples at a time find about one of these each, so now and then another one goes.
      if (policy.endsWith('lru')) assert.ok(gone('key').filter(i => i >= 200).length > evicted * 0.55, 'those used least recently went');
      if (policy === 'volatile-ttl') assert.deepEqual(gone('key'), Array.from({ length: evicted }, (_, i) => 200 + i), 'the soonest to end, in order');
      await until(() => feeds.every((feed, i) => feed.value === (left.has(`key:${i}`) ? 1 : 0)), 'each watcher knows what is there');
      client.end();
      await watcher.close();
      await server.stop();
    });
  }

  test('what cannot be evicted is refused, and LFU is by its name', async () => {
    const server = await start('volatile-lru');
    const client = await Resp.connect(server.resp);
    const errors = await all(client, Array.from({ length: 2000 }, (_, i) => ['SET', `key:${i}`, value]));
    assert.ok(errors.length > 500 && errors.every(error => error.message.startsWith('OOM ')), 'no key has an expiry');
    for (const policy of ['allkeys-lfu', 'volatile-lfu']) {
      await assert.rejects(client.command('CONFIG', 'SET', 'maxmemory-policy', policy), /LFU policies are not available in keywire, use an LRU policy/);
      const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${await freePort()}`, '--set', `store.eviction=${policy}`]);
      assert.equal(code, 2);
      assert.match(output, /store\.eviction: "(allkeys|volatile)-lfu" is none of noeviction, allkeys-lru/);
    }
    await client.command('CONFIG', 'SET', 'maxmemory', '0');
    assert.equal(await client.command('SET', 'a', '1'), 'OK');
    client.end();
    await server.stop();
  });
});

/** Asks again and again until `done`; the longest it took, in milliseconds. */
async function longestAnswer(port, done) {
  const client = await Resp.connect(port);
  let longest = 0;
  while (!done()) {
    const begun = performance.now();
    await client.command('GET', 'none');
    longest = Math.max(longest, performance.now() - begun);
    await sleep(1);
  }
  client.end();
  return longest;
}

describe('much at once', { timeout: 120_000 }, () => {
  test('keys that end at the same moment go soon, untouched, and nobody waits for them', async () => {
    const server = await startResp();
    const client = await Resp.connect(server.resp);
    const count = 100_000;
    const at = Date.now() + 4_000;
    await all(client, Array.from({ length: count }, (_, i) => ['SET', `key:${i}`, 'x', 'PXAT', String(at)]));
    await client.command('SET', 'stays', '1');
    assert.equal(await client.command('DBSIZE'), count + 1, 'filled in time');
    const watcher = await Client.open(server);
    const feed = await watcher.live(['EXISTS', 'key:77777']);
    await sleep(Math.max(0, at - Date.now() - 20));
    let done = false;
    const longest = longestAnswer(server.resp, () => done);
    await until(async () => await client.command('DBSIZE') === 1, 'their end', 10_000);
    const took = Date.now() - at;
    done = true;
    assert.ok(await longest < 250, `somebody waited ${await longest} ms`);
    assert.ok(took < 5_000, `it took ${took} ms`);
    assert.equal(await number(client, 'stats', 'expired_keys'), count);
    await feed.shows(0);
    client.end();
    await watcher.close();
    await server.stop();
  });

  test('what is large is freed by another thread', async () => {
    const server = await startResp();
    const client = await Resp.connect(server.resp);
    const process = `/proc/${server.child.pid}/task`;
    const thread = readdirSync(process).find(id => readFileSync(`${process}/${id}/comm`, 'utf8').trim() === 'store-free');
    assert.ok(thread, 'there is such a thread');
    const used = () => Number(readFileSync(`${process}/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    const fill = async () => {
      for (let i = 0; i < 200; i++) {
        const members = Array.from({ length: 1000 }, (_, j) => `a member with a name that is long ${i * 1000 + j}`);
        await client.pipeline([['SADD', 'set', ...members], ['RPUSH', 'list', ...members]]);
      }
    };
    for (const words of [['DEL', 'set', 'list'], ['UNLINK', 'set', 'list'], ['FLUSHALL']]) {
      await fill();
      const before = used();
      await client.command(...words);
      await until(() => used() > before + 2, `the thread is at work after ${words[0]}`);
    }
    await fill();
    const before = used();
    await client.command('PEXPIRE', 'set', '1');
    await until(() => used() > before + 2, 'the thread is at work after an expiry');
    assert.equal(await client.command('EXISTS', 'set'), 0);
    client.end();
    await server.stop();
  });
});
