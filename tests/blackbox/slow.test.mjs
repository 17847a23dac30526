// Clients that stop reading: they cost themselves, at most their limit, and are told what they missed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, fresh, until } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

const MESSAGES = process.env.KEYWIRE_LONG ? 120_000 : 20_000;
const PER_SECOND = 4_000;
const PADDING = 'x'.repeat(1_000);

describe('clients that ask for much at once', { timeout: 60_000 }, () => {
  let server, client;
  before(async () => { server = await startServer(); client = await Client.open(server); });
  after(async () => { await client?.close(); await server?.stop(); });

  // Together far over outbox_bytes_max: who reads its replies is not too slow, however many requests it sent ahead.
  for (const [size, count] of [[1_000, 5_000], [20_000, 500], [50_000, 200], [400_000, 12]]) {
    for (const how of ['in frames of their own', 'in batches']) {
      test(`${count} replies of ${size} bytes, asked for ${how}`, async () => {
        const key = fresh();
        await client.command('SET', key, 'x'.repeat(size));
        const reader = await Client.open(server);
        const requests = Array.from({ length: count }, (_, id) => ({ id, command: ['GETRANGE', key, 0, size - 1 - id % 10] }));
        if (how === 'in batches') for (let i = 0; i < count; i += 1_000) reader.send(requests.slice(i, i + 1_000));
        else for (const request of requests) reader.send(request);
        await until(() => reader.frames.length === count + 1 || reader.socket.readyState > 1, () => `the replies, there are ${reader.frames.length - 1}`, 20_000);
        assert.deepEqual(reader.frames.slice(1).map(({ id, result }) => [id, result?.length]), requests.map(({ id }) => [id, size - id % 10]));
        assert.equal((await reader.request({ ping: 1 })).result, 1);
        await reader.close();
      });
    }
  }

  test('a batch with bad requests between good ones is answered whole', async () => {
    const key = fresh();
    const batch = Array.from({ length: 900 }, (_, id) => (id % 3 === 2 ? { id, nosuch: 1 } : { id, command: ['INCR', key] }));
    client.frames.length = 0;
    client.send(batch);
    client.send({ id: 1_000, ping: 'last' });
    await until(() => client.frames.length === 901, () => `901 answers, there are ${client.frames.length}`);
    const counts = client.frames.filter(({ id, result }) => id < 900 && result).map(({ result }) => result);
    assert.deepEqual(counts, Array.from({ length: 600 }, (_, i) => i + 1));
    assert.equal(client.frames.filter(({ error }) => error?.code === 'BADREQUEST').length, 300);
  });
});

describe('slow readers', { timeout: 240_000 }, () => {
  let server, publisher;
  before(async () => { server = await startServer(); publisher = await Client.open(server); });
  after(async () => { await publisher?.close(); await server?.stop(); });

  /** Publishes numbered 1 KB messages at a steady pace, counting each on a key as well. */
  async function publish(channel, count, counter) {
    const begun = performance.now();
    for (let i = 0; i < count; i += 1) {
      publisher.send({ command: ['PUBLISH', channel, `${i} ${PADDING}`] });
      if (counter && i % 10 === 0) publisher.send({ command: ['SET', counter, i] });
      if (i % 40 === 39) {
        await publisher.request({ ping: 0 });
        const ahead = (i + 1) / PER_SECOND * 1_000 - (performance.now() - begun);
        if (ahead > 1) await sleep(ahead);
      }
    }
    if (counter) await publisher.command('SET', counter, 'the end');
  }

  test('a client that stops reading is told exactly what it missed; its live feed shows the newest; others notice nothing', async t => {
    const [channel, counter] = [fresh('channel'), fresh('counter')];
    const [slow, healthy] = [await Client.open(server), await Client.open(server)];
    const [slowFeed, slowCounter] = [await slow.subscribe(channel), await slow.live(['GET', counter])];
    const [feed, latency] = [await healthy.subscribe(channel), []];
    const watched = await healthy.live(['GET', counter]);
    const order = [];
    const take = slowFeed.take.bind(slowFeed);
    slowFeed.take = (frame, text) => { take(frame, text); order.push('missed' in frame ? { missed: frame.missed } : Number(frame.message.split(' ')[0])); };
    const probe = fresh('probe');
    const probing = setInterval(async () => { const begun = performance.now(); await healthy.command('SET', probe, '1'); latency.push(performance.now() - begun); }, 20);

    const before = server.memory();
    slow.socket.pause();
    await publish(channel, MESSAGES, counter);
    await feed.reaches(MESSAGES, 20_000);
    clearInterval(probing);
    const grown = server.memory() - before;
    await watched.shows('the end');

    const resumed = performance.now();
    let newest;
    const takeCounter = slowCounter.take.bind(slowCounter);
    slowCounter.take = (...event) => { takeCounter(...event); if (slowCounter.value === 'the end') newest ??= performance.now() - resumed; };
    slow.socket.resume();
    await slowCounter.shows('the end', 20_000);
    await slowFeed.reaches(MESSAGES, 20_000);
    await slow.settle();

    latency.sort((a, b) => a - b);
    t.diagnostic(`slow: ${slowFeed.messages.length} received, ${slowFeed.missed} missed of ${MESSAGES}; newest value ${newest.toFixed(0)} ms after reading again`);
    t.diagnostic(`server memory grew by ${(grown / 1024).toFixed(0)} KiB; healthy round trips p50 ${latency[latency.length >> 1].toFixed(1)} p99 ${latency[Math.floor(latency.length * 0.99)].toFixed(1)} ms`);
    assert.equal(feed.missed, 0, 'the healthy neighbour missed nothing');
    assert.deepEqual(feed.messages.map(message => Number(message.split(' ')[0])), Array.from({ length: MESSAGES }, (_, i) => i));
    assert.ok(slowFeed.missed > 0, 'the slow one missed some');
    assert.equal(slowFeed.messages.length + slowFeed.missed, MESSAGES, 'received + missed = sent');
    assert.equal(slowFeed.unknown, 0);
    const numbers = order.filter(item => typeof item === 'number');
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), 'what it got is in order');
    assert.equal(slowCounter.value, 'the end');
    assert.ok(grown < 8 << 20, `memory grew by ${grown} bytes for one stuck client`);
    await Promise.all([slow.close(), healthy.close()]);
  });

  test('many stuck clients cost their limit each, no more', async t => {
    const channel = fresh('channel');
    const clients = await Promise.all(Array.from({ length: 8 }, () => Client.open(server)));
    const feeds = await Promise.all(clients.map(client => client.subscribe(channel)));
    const before = server.memory();
    clients.forEach(client => client.socket.pause());
    const count = Math.min(MESSAGES, 20_000);
    await publish(channel, count);
    const grown = server.memory() - before;
    t.diagnostic(`memory grew by ${(grown / 1024 / 8).toFixed(0)} KiB for each of 8 stuck clients`);
    assert.ok(grown < 8 * 3 << 20, `${grown} bytes`);
    clients.forEach(client => client.socket.resume());
    await Promise.all(feeds.map(feed => feed.reaches(count, 30_000)));
    for (const feed of feeds) assert.equal(feed.messages.length + feed.missed, count);
    await Promise.all(clients.map(client => client.close()));
  });

  test('a stalled follower of a stream loses nothing', async () => {
    const stream = fresh('stream');
    const slow = await Client.open(server);
    const feed = await slow.follow(stream, '0');
    const count = 12_000;
    slow.socket.pause();
    for (let i = 0; i < count; i += 1) {
      publisher.send({ command: ['XADD', stream, '*', 'n', i, 'padding', PADDING] });
      if (i % 200 === 199) await publisher.request({ ping: 0 });
    }
    slow.socket.resume();
    await feed.reaches(count, 30_000);
    assert.deepEqual(feed.entries.map(([, { n }]) => Number(n)), Array.from({ length: count }, (_, i) => i));
    assert.deepEqual(feed.gaps, []);
    await slow.close();
  });

  test('a stalled follower whose place is trimmed away meanwhile is told', async () => {
    const stream = fresh('stream');
    const slow = await Client.open(server);
    const feed = await slow.follow(stream, '0');
    slow.socket.pause();
    const count = 20_000;
    for (let i = 0; i < count; i += 1) {
      publisher.send({ command: ['XADD', stream, 'MAXLEN', '100', '*', 'n', i, 'padding', PADDING] });
      if (i % 200 === 199) await publisher.request({ ping: 0 });
    }
    slow.socket.resume();
    await until(() => feed.entries.at(-1)?.[1].n === String(count - 1), 'the last entry', 30_000);
    const numbers = feed.entries.map(([, { n }]) => Number(n));
    const jumps = numbers.flatMap((n, i) => (n === (i ? numbers[i - 1] + 1 : 0) ? [] : [i]));
    assert.ok(jumps.length > 0, 'it was slow enough to lose its place');
    const told = new Set(feed.gaps.map(gap => gap.before));
    for (const jump of jumps) assert.ok(told.has(jump), `the jump before entry ${jump} was told; gaps: ${JSON.stringify(feed.gaps)}`);
    await slow.close();
  });

  test('live feeds of a slow reader skip, and end on the newest value, each of them', async () => {
    const stem = fresh('live');
    const slow = await Client.open(server);
    const feeds = await Promise.all(Array.from({ length: 20 }, (_, i) => slow.live(['HGETALL', `${stem}:${i}`], { every: 0 })));
    slow.socket.pause();
    const rounds = 400;
    for (let round = 0; round < rounds; round += 1) {
      for (let i = 0; i < 20; i += 1) publisher.send({ command: ['HSET', `${stem}:${i}`, `field${round % 10}`, `${round} ${PADDING}`] });
      await publisher.request({ ping: 0 });
    }
    slow.socket.resume();
    for (const [i, feed] of feeds.entries()) await feed.shows(await publisher.command('HGETALL', `${stem}:${i}`), 20_000);
    const frames = feeds.reduce((all, feed) => all + feed.frames.length, 0);
    assert.ok(frames < rounds * 20, `${frames} frames`);
    await slow.close();
  });
});
