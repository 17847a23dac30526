// A watched key with a TTL shows its end on time: no write and no sweep is needed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, fresh, until } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

/** How late the end of a key may be seen here. The promise at low load is 5 ms; two busy cores need room. */
const LATE_MAX_MS = 150;

describe('expiry', { timeout: 60_000 }, () => {
  let server, client, writer;
  before(async () => {
    server = await startServer();
    [client, writer] = await Promise.all([Client.open(server), Client.open(server)]);
  });
  after(async () => {
    await Promise.all([client?.close(), writer?.close()]);
    await server?.stop();
  });

  /** Waits for the feed's value to be `end`; how late that was after `deadline` (ms since 1970). */
  async function lateness(feed, gone, deadline) {
    let at;
    const take = feed.take.bind(feed);
    feed.take = (...frame) => { take(...frame); if (at === undefined && gone(feed.value)) at = Date.now(); };
    await until(() => at, () => `the end of ${feed.request.live}, it shows ${JSON.stringify(feed.value)}`);
    return at - deadline;
  }

  test('the end of a watched key is pushed on time', async t => {
    const late = [];
    for (let i = 0; i < 8; i += 1) {
      const key = fresh('ttl');
      const feed = await client.live(['GET', key], { every: 0 });
      await writer.command('SET', key, 'short', 'PX', '300');
      const deadline = await writer.command('PEXPIRETIME', key);
      late.push(await lateness(feed, value => feed.frames.length > 1 && value === null, deadline));
    }
    t.diagnostic(`lateness in ms: ${late.join(' ')}`);
    assert.ok(Math.min(...late) >= -2, `too early: ${late}`);
    assert.ok(Math.max(...late) < LATE_MAX_MS, `too late: ${late}`);
  });

  test('also for a key that was there before it was watched, in every type', async t => {
    const key = fresh('ttl');
    await writer.command('HSET', `${key}h`, 'f', 'v');
    await writer.command('RPUSH', `${key}l`, 'v');
    await writer.command('ZADD', `${key}z`, '1', 'm');
    await writer.command('SADD', `${key}s`, 'm');
    const suffixes = ['h', 'l', 'z', 's'];
    for (const suffix of suffixes) await writer.command('PEXPIRE', key + suffix, '400');
    const feeds = await Promise.all([['HGETALL', `${key}h`], ['LRANGE', `${key}l`, '0', '-1'], ['ZCARD', `${key}z`], ['EXISTS', `${key}s`]].map(command => client.live(command, { every: 0 })));
    const deadlines = await Promise.all(suffixes.map(suffix => writer.command('PEXPIRETIME', key + suffix)));
    const empty = value => value === 0 || Object.keys(value).length === 0;
    const late = await Promise.all(feeds.map((feed, i) => lateness(feed, value => empty(value), deadlines[i])));
    t.diagnostic(`lateness in ms: ${late.join(' ')}`);
    assert.ok(late.every(ms => ms >= -2 && ms < LATE_MAX_MS), `${late}`);
  });

  test('the timer follows the TTL: later, sooner, never', async () => {
    const [later, sooner, never, anew] = [fresh('ttl'), fresh('ttl'), fresh('ttl'), fresh('ttl')];
    for (const [key, ttl] of [[later, 200], [sooner, 60_000], [never, 200], [anew, 200]]) await writer.command('SET', key, 'v', 'PX', ttl);
    const feeds = await Promise.all([later, sooner, never, anew].map(key => client.live(['GET', key], { every: 0 })));
    await writer.command('PEXPIRE', later, '900');
    await writer.command('PEXPIRE', sooner, '200');
    await writer.command('PERSIST', never);
    await writer.command('SET', anew, 'w');
    const deadlines = [await writer.command('PEXPIRETIME', later), await writer.command('PEXPIRETIME', sooner)];
    const late = await Promise.all([lateness(feeds[0], value => value === null, deadlines[0]), lateness(feeds[1], value => value === null, deadlines[1])]);
    assert.ok(late.every(ms => ms >= -2 && ms < LATE_MAX_MS), `${late}`);
    await sleep(300);
    assert.equal(feeds[2].value, 'v');
    assert.equal(feeds[3].value, 'w');
  });

  test('a query of several keys shows the end of each', async () => {
    const a = fresh('ttl'), b = `${a}b`;
    await writer.command('SET', a, '1', 'PX', '200');
    await writer.command('SET', b, '2', 'PX', '450');
    const feed = await client.live(['MGET', a, b], { every: 0 });
    await feed.shows([null, '2'], 1_000);
    await feed.shows([null, null], 1_000);
    assert.equal(feed.frames.length, 2);
  });

  test('a thousand keys that end in the same moment', async t => {
    const stem = fresh('ttl');
    const deadline = Date.now() + 1_500;
    for (let i = 0; i < 1_000; i += 1) writer.send({ command: ['SET', `${stem}:${i}`, 'v', 'PXAT', deadline] });
    await writer.request({ ping: 0 });
    const feeds = await Promise.all(Array.from({ length: 900 }, (_, i) => client.live(['GET', `${stem}:${i}`], { every: 0 })));
    const late = await Promise.all(feeds.map(feed => lateness(feed, value => value === null, deadline)));
    late.sort((x, y) => x - y);
    t.diagnostic(`lateness in ms: first ${late[0]}, median ${late[450]}, last ${late.at(-1)}`);
    assert.ok(late[0] >= -2 && late.at(-1) < 1_000, `${late[0]} … ${late.at(-1)}`);
  });
});
