// Live queries: openings, patches and their size, equal writes, json, tags, feeds, error states, convergence on every type.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { notOnCluster } from './lib/backend.mjs';
import { Client, Random, fresh, same, until } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

let server, client, writer;
before(async () => {
  server = await startServer();
  [client, writer] = await Promise.all([Client.open(server), Client.open(server)]);
});
after(async () => {
  await Promise.all([client?.close(), writer?.close()]);
  await server?.stop();
});
const write = (...command) => writer.command(...command);
const kinds = frame => frame.patch?.map(({ op }) => op).sort().join(' ') ?? (('value' in frame) ? 'whole value' : JSON.stringify(frame));
/** A hash big enough that a patch is always the smaller way. */
const wide = (count = 20) => Array.from({ length: count }, (_, i) => [`field${i}`, `value ${i}`]).flat();

describe('opening', { timeout: 30_000 }, () => {
  test('a live query answers with feed, rev, tag, via and the value', async () => {
    const key = fresh();
    await write('HSET', key, 'f', 'v');
    const { reply } = await client.live(['HGETALL', key]);
    assert.ok(Number.isInteger(reply.feed));
    assert.ok(Number.isInteger(reply.rev));
    assert.equal(reply.via, 'tracking');
    assert.deepEqual(reply.value, { f: 'v' });
  });

  test('missing keys are values too, and their coming is a change', async () => {
    const key = fresh();
    const [string, hash, list, zset] = await Promise.all([['GET', key], ['HGETALL', `${key}h`], ['LRANGE', `${key}l`, '0', '-1'],
      ['ZRANGE', `${key}z`, '0', '-1', 'WITHSCORES']].map(command => client.live(command)));
    assert.deepEqual([string.value, hash.value, list.value, zset.value], [null, {}, [], []]);
    await write('SET', key, '1');
    await write('HSET', `${key}h`, 'f', '1');
    await write('RPUSH', `${key}l`, '1');
    await write('ZADD', `${key}z`, '1', 'm');
    await string.shows('1');
    await hash.shows({ f: '1' });
    await list.shows(['1']);
    await zset.shows([['m', 1]]);
    await write('DEL', key, `${key}h`, `${key}l`, `${key}z`);
    await string.shows(null);
    await hash.shows({});
    await list.shows([]);
    await zset.shows([]);
  });

  test('writes, blocking reads and commands without known keys are NOTLIVE', async () => {
    const key = fresh();
    for (const command of [['SET', key, 'v'], ['INCR', key], ['DEL', key], ['LPOP', key], ['GETDEL', key], ['GETSET', key, 'v'], ['GETEX', key]]) {
      assert.equal(await client.refused({ live: command }), 'NOTLIVE', command.join(' '));
    }
    assert.equal(await client.refused({ live: ['XREAD', 'BLOCK', '100', 'STREAMS', key, '0'] }), 'NOTLIVE');
    assert.equal(await write('EXISTS', key), 0, 'and was not carried out');
  });

  test('what no write tells of needs an explicit every of at least 100, and is polled', notOnCluster('DBSIZE is one node\'s'), async () => {
    const key = fresh();
    for (const command of [['DBSIZE'], ['INFO'], ['TTL', key]]) {
      for (const options of [{}, { every: 0 }, { every: 50 }]) {
        const code = await client.refused({ live: command, ...options });
        assert.ok(['NOTLIVE', 'BADREQUEST'].includes(code), `${command} ${JSON.stringify(options)}: ${code}`);
      }
    }
    const size = await client.live(['DBSIZE'], { every: 100 });
    assert.equal(size.reply.via, 'polling');
    const frame = await size.after(() => write('SET', fresh(), 'one more'));
    assert.ok('value' in frame || 'patch' in frame);
    await until(async () => same(size.value, await write('DBSIZE')), 'the size');
    await size.close();

    await write('SET', key, 'v', 'EX', '100');
    const ttl = await client.live(['TTL', key], { every: 250 });
    assert.equal(ttl.reply.via, 'polling');
    await until(() => ttl.value < 100, 'seconds to pass');
    await ttl.close();
  });

  test('options of the wrong type are BADREQUEST', async () => {
    for (const options of [{ every: -1 }, { every: '16' }, { every: 1.5 }, { json: 'yes' }, { have: 5 }]) {
      assert.equal(await client.refused({ live: ['GET', 'a'], ...options }), 'BADREQUEST', JSON.stringify(options));
    }
  });
});

describe('patches are small', { timeout: 60_000 }, () => {
  test('one changed field of a hash is one replace', async () => {
    const key = fresh();
    await write('HSET', key, ...wide());
    const feed = await client.live(['HGETALL', key]);
    const frame = await feed.after(() => write('HSET', key, 'field7', 'changed'));
    assert.deepEqual(frame.patch, [{ op: 'replace', path: '/field7', value: 'changed' }]);
    assert.equal(feed.value.field7, 'changed');
  });

  test('a new field is one add, a deleted one is one remove, and names are escaped', async () => {
    const key = fresh();
    await write('HSET', key, ...wide(), 'a/b~c', '1');
    const feed = await client.live(['HGETALL', key]);
    assert.deepEqual((await feed.after(() => write('HSET', key, 'new', '1'))).patch, [{ op: 'add', path: '/new', value: '1' }]);
    assert.deepEqual((await feed.after(() => write('HDEL', key, 'field3'))).patch, [{ op: 'remove', path: '/field3' }]);
    assert.deepEqual((await feed.after(() => write('HSET', key, 'a/b~c', '2'))).patch, [{ op: 'replace', path: '/a~1b~0c', value: '2' }]);
    assert.deepEqual((await feed.after(() => write('HSET', key, '', 'empty name'))).patch, [{ op: 'add', path: '/', value: 'empty name' }]);
    assert.deepEqual(feed.value, await write('HGETALL', key));
  });

  test('a member that moves in a sorted-set window is its remove and its add', async () => {
    const key = fresh();
    await write('ZADD', key, ...Array.from({ length: 30 }, (_, i) => [i * 10, `member number ${i}`]).flat());
    for (const command of [['ZRANGE', key, '0', '9', 'REV', 'WITHSCORES'], ['ZRANGE', key, '0', '9', 'REV']]) {
      const feed = await client.live(command);
      const frame = await feed.after(() => write('ZINCRBY', key, '45', 'member number 24'));
      assert.equal(kinds(frame), 'add remove', frame.text);
      assert.deepEqual(feed.value, await write(...command));
      const entering = await feed.after(() => write('ZADD', key, '1000', 'member number 2'));
      assert.equal(kinds(entering), 'add remove', entering.text);
      assert.deepEqual(feed.value, await write(...command));
      await write('ZADD', key, '20', 'member number 2', '240', 'member number 24');
      await until(async () => same(feed.value, await write(...command)), 'the window as it was');
      await feed.close();
    }
  });

  test('a score that changes without a move is one replace', async () => {
    const key = fresh();
    await write('ZADD', key, ...Array.from({ length: 10 }, (_, i) => [i * 10, `member ${i}`]).flat());
    const feed = await client.live(['ZRANGE', key, '0', '9', 'WITHSCORES']);
    const frame = await feed.after(() => write('ZINCRBY', key, '1', 'member 5'));
    assert.equal(kinds(frame), 'replace', frame.text);
    assert.deepEqual(feed.value[5], ['member 5', 51]);
  });

  test('an append to a list is one add; so is a prepend, and a pop is one remove', async () => {
    const key = fresh();
    await write('RPUSH', key, ...Array.from({ length: 20 }, (_, i) => `element ${i}`));
    const feed = await client.live(['LRANGE', key, '0', '-1']);
    const expected = [[['RPUSH', key, 'last'], 'add'], [['LPUSH', key, 'first'], 'add'], [['LPOP', key], 'remove'], [['RPOP', key], 'remove'],
      [['LSET', key, '7', 'set'], 'replace'], [['LINSERT', key, 'BEFORE', 'element 9', 'inserted'], 'add'], [['LREM', key, '1', 'element 12'], 'remove']];
    for (const [command, kind] of expected) {
      const frame = await feed.after(() => write(...command));
      assert.equal(kinds(frame), kind, `${command.join(' ')}: ${frame.text}`);
      assert.deepEqual(feed.value, await write('LRANGE', key, '0', '-1'));
    }
  });

  test('a member that joins or leaves a set is one add or one remove', async () => {
    const key = fresh();
    await write('SADD', key, ...Array.from({ length: 20 }, (_, i) => `member ${i}`));
    const feed = await client.live(['SMEMBERS', key]);
    assert.equal(kinds(await feed.after(() => write('SADD', key, 'joins'))), 'add');
    assert.equal(kinds(await feed.after(() => write('SREM', key, 'member 11'))), 'remove');
    assert.deepEqual(feed.value, [...feed.value].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))), 'sorted bytewise');
  });

  test('where the patch would be no smaller than the value, the value goes', async () => {
    const key = fresh();
    const counter = await client.live(['GET', key]);
    assert.equal(kinds(await counter.after(() => write('SET', key, '1'))), 'whole value');
    const list = await client.live(['LRANGE', `${key}l`, '0', '-1']);
    await write('RPUSH', `${key}l`, ...Array.from({ length: 50 }, (_, i) => `old ${i}`));
    await until(() => list.value.length === 50, 'the list');
    const frame = await list.after(() => writer.request({ commands: [['DEL', `${key}l`], ['RPUSH', `${key}l`, 'all', 'new']], atomic: true }));
    assert.equal(kinds(frame), 'whole value', frame.text);
  });

  test('no frame is larger than the whole value would be', async () => {
    const key = fresh();
    const random = new Random();
    const feed = await client.live(['HGETALL', key], { every: 0 });
    for (let i = 0; i < 200; i += 1) {
      await (random.below(4) ? write('HSET', key, `f${random.below(8)}`, 'v'.repeat(random.below(30))) : write('HDEL', key, `f${random.below(8)}`, `f${random.below(8)}`));
    }
    await until(async () => same(feed.value, await write('HGETALL', key)), 'convergence');
    let held = feed.reply.value;
    for (const frame of feed.frames) {
      if ('value' in frame) { held = frame.value; continue; }
      for (const { op, path, value } of frame.patch) { held = { ...held }; if (op === 'remove') delete held[path.slice(1)]; else held[path.slice(1)] = value; }
      assert.ok(JSON.stringify(frame.patch).length <= JSON.stringify(held).length + 24, `seed ${random.seed}: ${frame.text} for ${JSON.stringify(held)}`);
    }
  });
});

test('equal writes send nothing', { timeout: 30_000 }, async () => {
  const key = fresh();
  await write('HSET', key, 'f', '1');
  await write('SET', `${key}s`, 'v');
  await write('ZADD', `${key}z`, '1', 'm');
  const feeds = await Promise.all([['HGETALL', key], ['GET', `${key}s`], ['ZRANGE', `${key}z`, '0', '-1', 'WITHSCORES'], ['HLEN', key]].map(command => client.live(command, { every: 0 })));
  await write('HSET', key, 'f', '1');
  await write('SET', `${key}s`, 'v');
  await write('ZADD', `${key}z`, '1', 'm');
  await write('EXPIRE', key, '1000');
  await write('PERSIST', key);
  await write('HSET', key, 'f', '2');
  await feeds[0].shows({ f: '2' });
  await write('HSET', key, 'f', '1');
  await feeds[0].shows({ f: '1' });
  await client.settle(150);
  assert.equal(feeds[0].frames.length, 2);
  for (const feed of feeds.slice(1)) assert.deepEqual(feed.frames, [], feed.request.live.join(' '));
});

describe('json', { timeout: 30_000 }, () => {
  test('strings that hold objects or arrays are parsed, at any depth, and patches reach inside', async () => {
    const key = fresh();
    const big = JSON.stringify({ price: 1, volume: 2, note: 'a longer text that stays', list: [1, 2, 3] });
    await write('HSET', key, 'A', big, 'plain', 'text', 'number', '5', 'broken', '{"a":', 'quoted', '"text"', 'array', ' [1]', 'B', '[1,{"x":"y"}]');
    const feed = await client.live(['HGETALL', key], { json: true });
    assert.deepEqual(feed.value, { A: JSON.parse(big), plain: 'text', number: '5', broken: '{"a":', quoted: '"text"', array: ' [1]', B: [1, { x: 'y' }] });
    const plain = await client.live(['HGETALL', key]);
    assert.equal(plain.value.A, big);
    assert.notEqual(plain.number, feed.number, 'json makes another feed');

    const frame = await feed.after(() => write('HSET', key, 'A', big.replace('"price":1', '"price":1.5')));
    assert.deepEqual(frame.patch, [{ op: 'replace', path: '/A/price', value: 1.5 }]);
    await until(() => plain.frames.length === 1, 'the other feed');
    assert.equal(kinds(plain.frames[0]), 'replace');
  });

  test('a json value may become text and back', async () => {
    const key = fresh();
    await write('SET', key, '{"a":1,"b":[1,2]}');
    const feed = await client.live(['GET', key], { json: true });
    assert.deepEqual(feed.value, { a: 1, b: [1, 2] });
    await write('SET', key, '[{"begins":"with a bracket"}]');
    await feed.shows([{ begins: 'with a bracket' }]);
    await write('SET', key, '{not json');
    await feed.shows('{not json');
    await write('DEL', key);
    await feed.shows(null);
  });

  test('keys are never parsed, and inside parsed strings no escapes are used', async () => {
    const key = fresh();
    await write('HSET', key, '{"a":1}', '{"$base64":"x","$int":"5"}');
    const feed = await client.live(['HGETALL', key], { json: true });
    assert.deepEqual(feed.value, { '{"a":1}': { $base64: 'x', $int: '5' } });
  });
});

describe('pace', { timeout: 60_000 }, () => {
  async function flood(key, ms, pause_ms = 4) {
    let i = 0;
    for (const end = performance.now() + ms; performance.now() < end; await sleep(pause_ms)) await write('SET', key, ++i);
    return String(i);
  }

  test('every spaces the changes, the first goes at once, the last is never lost', async () => {
    const key = fresh();
    const other = await Client.open(server);
    const feed = await client.live(['GET', key], { every: 250 });
    const quick = await other.live(['GET', key], { every: 0 });
    const begun = performance.now();
    const last = await flood(key, 1_600);
    await Promise.all([feed.shows(last), quick.shows(last)]);
    const times = feed.frames.map(({ at }) => at - begun);
    assert.ok(times[0] < 120, `the first change came after ${times[0]} ms`);
    assert.ok(times.length >= 4 && times.length <= 9, `${times.length} frames in 1.6 s at every 250`);
    times.slice(1).forEach((time, i) => assert.ok(time - times[i] > 200, `frames ${time - times[i]} ms apart`));
    assert.ok(quick.frames.length > 3 * times.length, `every 0 gave ${quick.frames.length} frames`);
    await other.close();
  });

  test('without every it is 16 ms', async () => {
    const key = fresh();
    const feed = await client.live(['GET', key]);
    const last = await flood(key, 1_000, 1);
    await feed.shows(last);
    assert.ok(feed.frames.length <= 70, `${feed.frames.length} frames in a second`);
    assert.ok(feed.frames.length >= 15, `${feed.frames.length} frames in a second`);
  });

  test('every is rounded up to a step, and equal steps are one feed', async () => {
    const key = fresh();
    const number = async every => (await client.request({ live: ['GET', key], ...(every === undefined ? {} : { every }) })).feed;
    assert.equal(await number(17), await number(50));
    assert.equal(await number(undefined), await number(16));
    assert.equal(await number(1), await number(16));
    assert.notEqual(await number(0), await number(16));
    assert.notEqual(await number(51), await number(50));
    assert.equal(await number(20_000), await number(10_000), 'beyond the last step it is the last');
  });
});

describe('tags and have', { timeout: 30_000 }, () => {
  test('have with the current tag answers same, with another the value', async () => {
    const key = fresh();
    await write('HSET', key, ...wide());
    const first = await client.live(['HGETALL', key]);
    const again = await Client.open(server);
    const same = await again.request({ live: ['HGETALL', key], have: first.tag });
    assert.equal(same.same, true);
    assert.equal('value' in same, false);
    assert.equal(same.tag, first.tag);
    await again.close();

    await first.after(() => write('HSET', key, 'field1', 'changed'));
    const late = await Client.open(server);
    const whole = await late.request({ live: ['HGETALL', key], have: first.reply.tag });
    assert.equal('same' in whole && whole.same, false);
    assert.deepEqual(whole.value, first.value);
    assert.equal(whole.tag, first.tag, 'any connection sees the same tag for the same value');
    const odd = await late.request({ live: ['HGETALL', key], every: 100, have: 'x'.repeat(16) });
    assert.deepEqual(odd.value, first.value);
    await late.close();
  });

  test('a feed resumed with have goes on with patches', async () => {
    const key = fresh();
    await write('HSET', key, ...wide());
    const first = await client.live(['HGETALL', key]);
    const other = await Client.open(server);
    const resumed = await other.live(['HGETALL', key], { have: first.tag });
    resumed.value = first.value;
    const frame = await resumed.after(() => write('HSET', key, 'field2', 'after the resume'));
    assert.equal(kinds(frame), 'replace');
    assert.deepEqual(resumed.value, await write('HGETALL', key));
    await other.close();
  });

  test('equal values have equal tags, other values others, on every server', async () => {
    const key = fresh();
    await write('SET', key, 'a');
    const feed = await client.live(['GET', key]);
    const tag = feed.tag;
    await write('SET', key, 'b');
    await feed.shows('b');
    assert.notEqual(feed.tag, tag);
    await write('SET', key, 'a');
    await feed.shows('a');
    assert.equal(feed.tag, tag);

    const second = await startServer();
    const there = await Client.open(second);
    await there.command('SET', key, 'a');
    const reply = await there.request({ live: ['GET', key], have: tag });
    assert.equal(reply.same, true, 'a value named on one node is known on another');
    await there.close();
    await second.stop();
  });
});

describe('feeds', { timeout: 30_000 }, () => {
  test('the same feed twice on one connection is one number and one stream of frames, and one close ends it', async () => {
    const key = fresh();
    const feed = await client.live(['GET', key]);
    const twin = await client.request({ live: ['GET', key] });
    assert.equal(twin.feed, feed.number);
    const count = client.frames.length;
    await write('SET', key, 'once');
    await feed.shows('once');
    await client.settle();
    assert.equal(client.frames.slice(count).filter(frame => frame.feed === feed.number).length, 1);
    assert.equal((await feed.close()).result, 'OK');
    const frames = feed.frames.length;
    await write('SET', key, 'after the close');
    await client.settle(100);
    assert.equal(feed.frames.length, frames, 'a closed feed is silent');
    assert.equal(await client.refused({ close: feed.number }), 'NOFEED');
    const anew = await client.live(['GET', key]);
    assert.equal(anew.value, 'after the close');
  });

  test("another connection's feed number is not open here", async () => {
    const feed = await client.live(['GET', fresh()]);
    const stranger = await Client.open(server);
    assert.equal(await stranger.refused({ close: feed.number }), 'NOFEED');
    await stranger.close();
  });

  test("a feed's frames are the same bytes for every subscriber", async () => {
    const key = fresh();
    await write('HSET', key, ...wide());
    const others = await Promise.all(Array.from({ length: 8 }, () => Client.open(server)));
    const feeds = await Promise.all(others.map(other => other.live(['HGETALL', key])));
    for (let i = 0; i < 20; i += 1) await write('HSET', key, `field${i}`, `again ${i}`);
    const value = await write('HGETALL', key);
    await Promise.all(feeds.map(feed => feed.shows(value)));
    const texts = feeds.map(feed => feed.frames.map(({ text }) => text).join('\n'));
    assert.equal(new Set(feeds.map(feed => feed.number)).size, 1, 'one number on the node');
    assert.equal(new Set(texts).size, 1);
    await Promise.all(others.map(other => other.close()));
  });

  test('who joins late gets the value of the revision he joins at: no gap, no repeat', async () => {
    const key = fresh();
    let stopped = false;
    await write('HSET', key, ...wide());
    const writing = (async () => { for (let i = 0; !stopped; i += 1) { await write('HSET', key, `field${i % 20}`, `round ${i}`); if (i % 5 === 0) await sleep(1); } })();
    const late = [];
    for (let i = 0; i < 30; i += 1) {
      const other = await Client.open(server);
      late.push(await other.live(['HGETALL', key], { every: 0 }));
      await sleep(10);
    }
    stopped = true;
    await writing;
    const value = await write('HGETALL', key);
    await Promise.all(late.map(feed => feed.shows(value)));
    await Promise.all(late.map(feed => feed.client.close()));
  });
});

describe('errors as state', { timeout: 30_000 }, () => {
  test('a type change shows an error and heals by a value', async () => {
    const key = fresh();
    await write('SET', key, 'text');
    const feed = await client.live(['GET', key]);
    const failed = await feed.after(() => writer.request({ commands: [['DEL', key], ['LPUSH', key, 'x']], atomic: true }));
    assert.equal(failed.error?.code, 'WRONGTYPE');
    const healed = await feed.after(() => writer.request({ commands: [['DEL', key], ['SET', key, 'text again']], atomic: true }));
    assert.equal(healed.value, 'text again');
  });

  test('WRONGTYPE at opening opens the feed in this state', async () => {
    const key = fresh();
    await write('LPUSH', key, 'x');
    const feed = await client.live(['GET', key]);
    assert.equal(feed.reply.error.code, 'WRONGTYPE');
    assert.ok(Number.isInteger(feed.number));
    await write('DEL', key);
    await until(() => feed.error === undefined, 'the healing');
    assert.equal(feed.value, null);
  });

  test('other errors refuse', async () => {
    assert.equal(await client.refused({ live: ['GET'] }), 'ERR');
    assert.equal(await client.refused({ live: ['ZRANGE', fresh(), 'x', 'y'] }), 'ERR');
  });
});

describe('convergence', { timeout: 120_000 }, () => {
  const random = new Random();
  const long = process.env.KEYWIRE_LONG ? 10 : 1;
  const pick = (...list) => random.pick(list);
  const small = () => String(random.below(6));
  /** A text long enough that patches pay. */
  const text = () => `a text that is number ${random.below(6)} of six`;
  const member = () => `member number ${random.below(9)}`;
  const types = {
    string: {
      reads: k => [['GET', k], ['STRLEN', k], ['GETRANGE', k, '0', '3'], ['MGET', k, `${k}2`], ['EXISTS', k], ['TYPE', k]],
      writes: k => pick(['SET', k, small()], ['APPEND', k, small()], ['DEL', k], ['SETRANGE', k, '2', small()], ['MSET', k, small(), `${k}2`, small()], ['GETDEL', k], ['SETEX', k, '1000', small()]),
    },
    hash: {
      reads: k => [['HGETALL', k], ['HGET', k, 'f1'], ['HMGET', k, 'f1', 'f2', 'f9'], ['HKEYS', k], ['HVALS', k], ['HLEN', k], ['HEXISTS', k, 'f0']],
      writes: k => pick(['HSET', k, `f${small()}`, text()], ['HSET', k, `f${small()}`, text(), `f${small()}`, JSON.stringify({ a: text(), b: [small(), text()] })], ['HDEL', k, `f${small()}`], ['HINCRBY', k, 'n', small()], ['DEL', k], ['HSETNX', k, `f${small()}`, 'nx']),
    },
    list: {
      reads: k => [['LRANGE', k, '0', '-1'], ['LRANGE', k, '-3', '-1'], ['LLEN', k], ['LINDEX', k, '1']],
      writes: k => pick(['RPUSH', k, text()], ['LPUSH', k, text(), small()], ['LPOP', k], ['RPOP', k], ['LSET', k, '0', text()], ['LREM', k, '1', text()], ['LTRIM', k, '0', '11'], ['LINSERT', k, 'AFTER', text(), 'in']),
    },
    set: {
      reads: k => [['SMEMBERS', k], ['SCARD', k], ['SISMEMBER', k, '3'], ['SINTER', k, `${k}2`], ['SUNION', k, `${k}2`]],
      writes: k => pick(['SADD', k, member(), member()], ['SREM', k, member()], ['SADD', `${k}2`, member(), '3'], ['SREM', `${k}2`, member()], ['SPOP', k], ['SMOVE', k, `${k}2`, member()], ['SADD', k, small()]),
    },
    zset: {
      reads: k => [['ZRANGE', k, '0', '4', 'REV', 'WITHSCORES'], ['ZRANGE', k, '0', '-1'], ['ZSCORE', k, 'member number 1'], ['ZRANK', k, 'member number 2'], ['ZCARD', k], ['ZCOUNT', k, '2', '5'], ['ZRANGEBYSCORE', k, '1', '3', 'WITHSCORES']],
      writes: k => pick(['ZADD', k, small(), member()], ['ZINCRBY', k, small(), member()], ['ZREM', k, member()], ['ZPOPMIN', k], ['ZADD', k, '-1.5', 'low', 'inf', 'high'], ['DEL', k], ['ZREMRANGEBYSCORE', k, '4', '5']),
    },
    stream: {
      reads: k => [['XRANGE', k, '-', '+'], ['XREVRANGE', k, '+', '-', 'COUNT', '3'], ['XLEN', k]],
      writes: k => pick(['XADD', k, '*', 'f', small()], ['XADD', k, '*', 'f', small(), 'f', 'twice'], ['XTRIM', k, 'MAXLEN', '5'], ['XADD', k, 'MAXLEN', '6', '*', 'g', small()]),
    },
    keys: {
      reads: k => [['EXISTS', k, `${k}2`], ['TYPE', k], ['GET', k], ['HGETALL', k], ['TYPE', `${k}2`]],
      writes: k => pick(['SET', k, small()], ['DEL', k], ['RENAME', k, `${k}2`], ['RENAME', `${k}2`, k], ['HSET', k, 'f', small()], ['COPY', k, `${k}2`], ['UNLINK', `${k}2`], ['PEXPIRE', k, '5'], ['PERSIST', k]),
    },
  };
  const unordered = new Set(['HKEYS', 'HVALS', 'SMEMBERS', 'SINTER', 'SUNION']);

  /** What the live value must be in the end: the command's own answer, in the fixed order, with its JSON parsed if asked for. */
  async function truth({ live: command, json }) {
    const reply = await writer.request({ command });
    if (reply.error) return { error: reply.error.code };
    const value = unordered.has(command[0]) ? [...reply.result].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))) : reply.result;
    return json ? parsed(value) : value;
  }

  /** As `json` does: strings that begin with a bracket and are JSON, at any depth, but not keys. */
  function parsed(value) {
    if (Array.isArray(value)) return value.map(parsed);
    if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, parsed(inner)]));
    if (typeof value !== 'string' || !/^[{[]/.test(value)) return value;
    try { return JSON.parse(value); } catch { return value; }
  }

  for (const [type, { reads, writes }] of Object.entries(types)) {
    test(`${type}: every subscriber ends on what the command returns`, async t => {
      t.diagnostic(`KEYWIRE_SEED=${random.seed}`);
      const key = fresh(type);
      const clients = await Promise.all(Array.from({ length: 4 }, () => Client.open(server)));
      const writers = await Promise.all(Array.from({ length: 3 }, () => Client.open(server)));
      const feeds = [];
      for (const command of reads(key)) {
        for (const each of clients) feeds.push(await each.live(command, { every: random.pick([0, 0, 16, 50]), json: random.below(3) === 0 }));
      }
      for (let round = 0; round < 4 * long; round += 1) {
        await Promise.all(writers.map(async each => {
          for (let i = 0; i < 60; i += 1) {
            const command = writes(key);
            if (random.below(10) === 0) await each.request({ commands: [command, writes(key)], atomic: true });
            else if (random.below(3) === 0) each.send({ command });
            else await each.request({ command });
          }
          await each.request({ ping: 0 });
        }));
        for (const feed of feeds) {
          const shown = () => (feed.error ? { error: feed.error.code } : feed.value);
          let right;
          // A key that expires within the test changes the truth: it is asked again while waiting.
          await until(async () => same(shown(), right = await truth(feed.request)),
            () => `seed ${random.seed}: ${JSON.stringify(feed.request)} shows ${JSON.stringify(shown())}, should be ${JSON.stringify(right)}`);
        }
      }
      const patches = feeds.flatMap(feed => feed.frames).filter(frame => frame.patch).length;
      if (['hash', 'list', 'set', 'zset', 'stream'].includes(type)) assert.ok(patches > 0, 'some changes came as patches');
      t.diagnostic(`${feeds.length} feeds, ${feeds.flatMap(feed => feed.frames).length} frames, ${patches} of them patches`);
      await Promise.all([...clients, ...writers].map(each => each.close()));
    });
  }
});
