// Looking inside: /admin behind its own permission, metrics and log lines that name who and why, `keywire health`.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { EMBEDDED } from './lib/backend.mjs';
import { Client, fresh, until } from './lib/client.mjs';
import { RawSocket } from './lib/rawsocket.mjs';
import { freePort, runToEnd, startServer } from './lib/server.mjs';
import { startStandalone } from './lib/topology.mjs';

const dir = mkdtempSync(path.join(os.tmpdir(), 'keywire-admin-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const secretFile = path.join(dir, 'secret');
const secret = 'a secret of twenty-nine chars';
writeFileSync(secretFile, `${secret}\n`);
const bearer = { authorization: `Bearer ${secret}` };

describe('/admin', { timeout: 30_000 }, () => {
  test('is not there unless it is asked for', async () => {
    const server = await startServer();
    for (const door of ['/admin/connections', '/admin/feeds', '/admin/']) assert.equal((await fetch(server.url(door), { headers: bearer })).status, 404, door);
    await server.stop();
  });

  test('shows connections and feeds, and ends one, to who has the secret and nobody else', async () => {
    const server = await startServer({ set: { 'admin.access': 'secret', 'admin.secret_file': secretFile } });
    const get = async (door, options = { headers: bearer }) => {
      const answer = await fetch(server.url(door), options);
      return { status: answer.status, headers: answer.headers, body: answer.status === 200 ? await answer.json() : await answer.text() };
    };
    const none = await get('/admin/connections', {});
    assert.equal(none.status, 401);
    assert.equal(none.headers.get('www-authenticate'), 'Bearer');
    assert.equal((await get('/admin/connections', { headers: { authorization: `Bearer ${secret}x` } })).status, 401);
    assert.equal((await get('/admin/connections', { headers: { ...bearer, origin: 'https://evil.example' } })).status, 403);

    const key = fresh();
    const clients = [await Client.open(server), await Client.open(server), await Client.open(server)];
    await Promise.all(clients.map(client => client.live(['GET', key])));
    await clients[0].subscribe('lonely');
    const { body: feeds } = await get('/admin/feeds');
    assert.equal(feeds.total, 2);
    assert.deepEqual(feeds.feeds.map(({ verb, of, clients: heard }) => [verb, of, heard]), [['live', ['GET', key], 3], ['subscribe', ['lonely'], 1]]);
    assert.equal((await get('/admin/feeds?limit=1')).body.feeds.length, 1);

    const { body: all } = await get('/admin/connections');
    assert.equal(all.total, 3);
    assert.equal(all.next, null);
    assert.deepEqual([...new Set(all.connections.map(({ user, address, format }) => `${user} ${address} ${format}`))], ['anonymous 127.0.0.1 native']);
    const busy = all.connections.find(({ feeds: open }) => open.length === 2);
    assert.ok(busy && busy.age_ms >= 0 && busy.queued_bytes === 0, JSON.stringify(all));
    const parts = [];
    for (let after = ''; after !== null;) {
      const { body } = await get(`/admin/connections?limit=1${after && `&after=${after}`}`);
      parts.push(...body.connections.map(({ id }) => id));
      after = body.next;
    }
    assert.deepEqual(parts, all.connections.map(({ id }) => id));
    assert.equal((await get('/admin/connections?limit=0')).status, 400);
    assert.deepEqual((await get('/admin/connections?after=0-4294967295-0')).body.connections.filter(({ id }) => id.startsWith('0-')), []);

    assert.equal((await get(`/admin/connections/${busy.id}`, { method: 'DELETE' })).status, 401);
    assert.equal((await get(`/admin/connections/${busy.id}`, { method: 'DELETE', headers: bearer })).status, 200);
    assert.equal((await clients[0].closed).code, 4004);
    await until(async () => (await get('/admin/connections')).body.total === 2, 'it is gone');
    assert.equal((await get(`/admin/connections/${busy.id}`, { method: 'DELETE', headers: bearer })).status, 404);
    assert.equal((await get('/admin/connections/x', { method: 'DELETE', headers: bearer })).status, 400);
    assert.equal((await get('/admin/connections', { method: 'POST', headers: bearer })).status, 405);
    assert.match(server.output.text, new RegExp(`client closed.*${busy.id}.*4004.*operator`));
    await Promise.all(clients.slice(1).map(client => client.close()));
    await server.stop();
  });

  test('on loopback without a secret, but not through a proxy', async () => {
    const socketPath = path.join(dir, 'admin.sock');
    const server = await startServer({ set: { 'admin.access': 'loopback', hosts: 'live.example', listen_unix: socketPath } });
    const status = (headers, by = { host: '127.0.0.1', port: server.port }) => new Promise((resolve, reject) => {
      http.get({ ...by, path: '/admin/feeds', headers }, answer => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
    });
    assert.equal(await status({}), 200);
    assert.equal(await status({ 'x-forwarded-for': '127.0.0.1' }), 403);
    assert.equal(await status({ host: 'live.example' }), 403, 'by a name that strangers use');
    assert.equal(await status({ host: 'localhost' }, { socketPath }), 403, 'by the socket that is for proxies');
    await server.stop();
    const proxied = await startServer({ set: { 'admin.access': 'loopback', trusted_proxies: '127.0.0.1' } });
    assert.equal((await fetch(proxied.url('/admin/feeds'))).status, 403, 'by a proxy, which speaks for the world');
    await proxied.stop();
  });

  test('a secret that is missing or short is a mistake, and is never shown', async () => {
    for (const set of [['admin.access=secret'], ['admin.access=secret', 'admin.secret=short']]) {
      const { code, output } = await runToEnd(['check', ...set.flatMap(s => ['--set', s])]);
      assert.equal(code, 2, output);
      assert.match(output, /at least 16 characters/);
    }
    const shown = await runToEnd(['check', '--set', 'admin.access=secret', '--set', 'admin.secret=0123456789abcdef']);
    assert.equal(shown.code, 0);
    assert.doesNotMatch(shown.output, /0123456789abcdef/);
  });
});

test('no secret of the command line stands in the title of the process, and each has its effect', { timeout: 30_000 }, async () => {
  const server = await startServer({ set: { 'admin.access': 'secret', 'admin.secret': secret, 'auth.keys.main': `HS256 text:${'k3y'.repeat(12)}`, node: 'named' } });
  const title = readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8').split('\0').join(' ');
  assert.ok(title.includes('--set node=named') && title.includes('admin.secret=') && title.includes('auth.keys.main='), title);
  assert.ok(!title.includes(secret) && !title.includes('k3yk3y'), title);
  assert.equal((await fetch(server.url('/admin/feeds'), { headers: bearer })).status, 200);
  assert.equal((await server.post(['PING'])).error.code, 'NOAUTH');
  await server.stop();
});

describe('attribution', { timeout: 60_000 }, () => {
  test('closes, refusals and errors are counted by reason and told with who and why, a few a second', async () => {
    const server = await startServer({ args: ['--log-format', 'json'], set: { 'limits.feeds_max': 1, anonymous: '~* &* +@all -hset' } });
    const metrics = async () => (await fetch(server.url('/metrics'))).text();
    const client = await Client.open(server);
    await client.live(['GET', 'a']);
    for (let i = 0; i < 200; i += 1) await client.refused({ live: ['GET', `b${i}`] });
    await client.refused({ command: ['HSET', 'h', 'f', 'v'] });
    await client.refused({ command: ['LPUSH', 'a'] });
    const broken = await RawSocket.open(server);
    broken.write(Buffer.from([0x81, 0x01, 0x41]));
    assert.equal(await broken.closeCode(), 1002);
    const text = await metrics();
    for (const line of ['keywire_request_errors_total{code="TOOMANY"} 200', 'keywire_request_errors_total{code="NOPERM"} 1', 'keywire_request_errors_total{code="redis"} 1', 'keywire_closes_total{reason="protocol",code="1002"} 1']) {
      assert.ok(text.split('\n').includes(line), `${line}\n${text.split('\n').filter(l => /_by|errors_total|closes/.test(l)).join('\n')}`);
    }
    const lines = server.output.text.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line));
    const refused = lines.filter(({ message }) => message === 'request refused');
    assert.ok(refused.length >= 1 && refused.length < 60, `${refused.length} lines for 201 refusals`);
    assert.ok(refused[0].client && refused[0].user === 'anonymous' && refused[0].address === '127.0.0.1' && refused[0].reason === 'TOOMANY', JSON.stringify(refused[0]));
    const closed = lines.find(({ message, code }) => message === 'client closed' && code === 1002);
    assert.equal(closed?.reason, 'protocol');
    await client.close();
    await server.stop();
  });

  test('of a stranger\'s text the log has what a person reads', async () => {
    const server = await startServer();
    const raw = await RawSocket.connect(server);
    raw.write(`GET / HTTP/1.1\r\nHost: ${'x'.repeat(6000)}.example\r\n\r\n`);
    await until(() => /refused.*reason="?host/.test(server.output.text), 'a word in the log');
    assert.ok(server.output.text.split('\n').every(line => line.length < 500), 'and no more');
    raw.destroy();
    await server.stop();
  });

  test('a slow client is named with its feed', async () => {
    const server = await startServer({ args: ['--log-format', 'json'], set: { 'limits.outbox_bytes_max': '64KiB', 'limits.value_bytes_max': '16KiB', 'limits.message_bytes_max': '32KiB', 'limits.socket_bytes_max': '8KiB' } });
    const [slow, publisher] = [await Client.open(server), await Client.open(server)];
    const channel = fresh('channel');
    await slow.subscribe(channel);
    slow.socket.pause();
    const told = () => server.output.text.split('\n').filter(line => line.includes('client too slow')).map(line => JSON.parse(line))[0];
    for (let i = 0; !told() && i < 2000; i += 1) await publisher.command('PUBLISH', channel, 'x'.repeat(10_000));
    await until(told, 'a word in the log');
    assert.equal(told().reason, 'messages are dropped');
    assert.ok(told().feed > 0 && told().client && told().user === 'anonymous');
    slow.socket.terminate();
    await publisher.close();
    await server.stop();
  });

  test('the time to the socket and the load of each lane are measured', async () => {
    const server = await startServer();
    const client = await Client.open(server);
    const feed = await client.live(['GET', 'k'], { every: 0 });
    for (let i = 0; i < 50; i += 1) await feed.after(() => client.command('INCR', 'k'));
    const text = await (await fetch(server.url('/metrics'))).text();
    const value = name => Number(text.split('\n').find(line => line.startsWith(`${name} `))?.split(' ')[1]);
    assert.ok(value('keywire_write_latency_seconds_count') >= 50);
    assert.equal(value('keywire_write_latency_seconds_bucket{le="+Inf"}'), value('keywire_write_latency_seconds_count'));
    assert.ok(value('keywire_write_latency_seconds_sum') > 0);
    assert.ok(value('keywire_lane_busy_seconds_total{lane="0"}') > 0);
    await client.close();
    await server.stop();
  });
});

test('feeds that may be old are counted, and what Redis takes to answer', { timeout: 60_000, skip: EMBEDDED ? false : 'it starts a Redis of its own' }, async () => {
  const topology = await startStandalone();
  const server = await startServer({ backend: false, args: ['--redis', topology.url] });
  const value = async name => Number((await (await fetch(server.url('/metrics'))).text()).split('\n').find(line => line.startsWith(`${name} `))?.split(' ')[1]);
  const clients = [await Client.open(server), await Client.open(server)];
  for (const client of clients) { await client.live(['GET', 'a']); await client.subscribe('c'); }
  await clients[0].follow('s');
  const left = await clients[1].live(['GET', 'b']);
  assert.equal(await value('keywire_stale_feeds'), 0);
  const asked = await value('keywire_backend_round_trip_seconds_count');
  await clients[0].command('SET', 'a', '1');
  assert.ok(await value('keywire_backend_round_trip_seconds_count') > asked);
  await topology.nodes[0].kill();
  await until(async () => await value('keywire_stale_feeds') === 4, async () => `four feeds, there are ${await value('keywire_stale_feeds')}`);
  await left.close();
  await until(async () => await value('keywire_stale_feeds') === 3, 'a feed that is left is none');
  await topology.nodes[0].start();
  await until(async () => await value('keywire_stale_feeds') === 0, 'all are current again');
  await Promise.all(clients.map(client => client.close()));
  await server.stop();
  await topology.stop();
});

test('keywire health says whether the server of these settings is ready', { timeout: 30_000 }, async () => {
  const server = await startServer();
  const ask = port => runToEnd(['health', '--listen', `127.0.0.1:${port}`]);
  assert.equal((await ask(server.port)).code, 0);
  const { code, output } = await ask(await freePort());
  assert.equal(code, 1);
  assert.match(output, /127\.0\.0\.1/);
  await server.stop();
  if (!EMBEDDED) return;
  const unready = await startServer({ args: ['--redis', `redis://127.0.0.1:${await freePort()}`], ready: '/healthz' });
  const not = await ask(unready.port);
  assert.equal(not.code, 1);
  assert.match(not.output, /not ready/);
  await unready.stop();
});
