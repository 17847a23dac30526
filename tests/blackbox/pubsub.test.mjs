// Channels and patterns: in force when answered, in the publisher's order, none lost at normal speed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { notOnCluster } from './lib/backend.mjs';
import { Client, fresh, until } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

describe('pub/sub', { timeout: 60_000 }, () => {
  let server, publisher;
  before(async () => { server = await startServer(); publisher = await Client.open(server); });
  after(async () => { await publisher?.close(); await server?.stop(); });

  test('a subscription is in force once it is answered', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => Client.open(server)));
    for (let i = 0; i < 40; i += 1) {
      const channel = fresh('channel');
      const feed = await clients[i % 8].subscribe(channel);
      publisher.send({ command: ['PUBLISH', channel, 'at once'] });
      await feed.reaches(1);
      assert.deepEqual(feed.messages, ['at once']);
      const pattern = await clients[(i + 3) % 8].psubscribe(`${channel}?*`);
      await publisher.command('PUBLISH', `${channel}:x`, 'by pattern');
      await pattern.reaches(1);
      assert.deepEqual(pattern.frames[0], { feed: pattern.number, channel: `${channel}:x`, message: 'by pattern' });
    }
    await Promise.all(clients.map(client => client.close()));
  });

  test('every subscriber gets every message in the order published', async () => {
    const channel = fresh('channel');
    const clients = await Promise.all(Array.from({ length: 12 }, () => Client.open(server)));
    const feeds = await Promise.all(clients.map((client, i) => (i % 3 ? client.subscribe(channel) : client.psubscribe(`${channel.slice(0, -1)}*`))));
    const messages = Array.from({ length: 3_000 }, (_, i) => `message ${i}`);
    for (let i = 0; i < messages.length; i += 100) {
      for (const message of messages.slice(i, i + 100)) publisher.send({ command: ['PUBLISH', channel, message] });
      await publisher.request({ ping: 0 });
    }
    await Promise.all(feeds.map(feed => feed.reaches(messages.length)));
    for (const feed of feeds) {
      assert.equal(feed.missed, 0);
      assert.deepEqual(feed.messages, messages);
    }
    await Promise.all(clients.map(client => client.close()));
  });

  test('several publishers: the messages of each keep their order', async () => {
    const channel = fresh('channel');
    const clients = await Promise.all(Array.from({ length: 4 }, () => Client.open(server)));
    const feeds = await Promise.all(clients.map(client => client.subscribe(channel)));
    await Promise.all(clients.map(async (client, name) => {
      for (let i = 0; i < 400; i += 1) {
        client.send({ command: ['PUBLISH', channel, `${name} ${i}`] });
        if (i % 50 === 49) await client.request({ ping: 0 });
      }
    }));
    await Promise.all(feeds.map(feed => feed.reaches(1_600)));
    for (const feed of feeds) {
      for (let name = 0; name < 4; name += 1) {
        const own = feed.messages.filter(message => message.startsWith(`${name} `)).map(message => Number(message.slice(2)));
        assert.deepEqual(own, Array.from({ length: 400 }, (_, i) => i));
      }
    }
    await Promise.all(clients.map(client => client.close()));
  });

  test('PUBLISH answers how many heard it', notOnCluster('a node counts its own subscribers only'), async () => {
    const channel = fresh('channel');
    assert.equal(await publisher.command('PUBLISH', channel, 'to nobody'), 0);
    const client = await Client.open(server);
    await client.subscribe(channel);
    assert.ok(await publisher.command('PUBLISH', channel, 'to one') >= 1);
    await client.close();
  });

  test('messages that are not UTF-8, empty or long arrive as they are', async () => {
    const client = await Client.open(server);
    const channel = fresh('channel');
    const feed = await client.subscribe(channel);
    const messages = [{ $base64: '/w==' }, '', 'x'.repeat(100_000), '{"json":true}', '\u0000\n"'];
    for (const message of messages) await publisher.command('PUBLISH', channel, message);
    await feed.reaches(messages.length);
    assert.deepEqual(feed.messages, messages);
    await client.close();
  });

  test('a channel and a pattern that both fit give a frame each', async () => {
    const client = await Client.open(server);
    const channel = fresh('both');
    const [direct, pattern] = [await client.subscribe(channel), await client.psubscribe(`${channel.split(':')[0]}:*`)];
    assert.notEqual(direct.number, pattern.number);
    await publisher.command('PUBLISH', channel, 'm');
    await Promise.all([direct.reaches(1), pattern.reaches(1)]);
    assert.deepEqual(direct.frames, [{ feed: direct.number, message: 'm' }]);
    assert.deepEqual(pattern.frames, [{ feed: pattern.number, channel, message: 'm' }]);
    await client.close();
  });

  test('patterns are globs', async () => {
    const client = await Client.open(server);
    const stem = fresh('glob');
    const feed = await client.psubscribe(`${stem}:[a-c]?\\*`);
    for (const [name, message] of [['bx*', 'fits'], ['dx*', 'no'], ['bxx*', 'no'], ['bxy', 'no'], ['c**', 'fits too']]) await publisher.command('PUBLISH', `${stem}:${name}`, message);
    await feed.reaches(2);
    await client.settle();
    assert.deepEqual(feed.messages, ['fits', 'fits too']);
    await client.close();
  });

  test('the same channel twice is one feed; after its close nothing comes', async () => {
    const client = await Client.open(server);
    const channel = fresh('channel');
    const feed = await client.subscribe(channel);
    assert.equal((await client.request({ subscribe: channel })).feed, feed.number);
    await publisher.command('PUBLISH', channel, 'one');
    await feed.reaches(1);
    assert.equal((await feed.close()).result, 'OK');
    await publisher.command('PUBLISH', channel, 'two');
    await client.settle();
    assert.deepEqual(feed.messages, ['one']);
    assert.equal(await client.refused({ close: feed.number }), 'NOFEED');
    await client.close();
  });

  test('a publisher that is subscribed hears itself, also within a transaction', async () => {
    const client = await Client.open(server);
    const channel = fresh('channel');
    const feed = await client.subscribe(channel);
    await client.request({ commands: [['PUBLISH', channel, 'a'], ['PUBLISH', channel, 'b']], atomic: true });
    await until(() => feed.messages.length === 2, 'its own messages');
    assert.deepEqual(feed.messages, ['a', 'b']);
    await client.close();
  });
});
