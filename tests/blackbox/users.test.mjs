// Users: those of the embedded store's RESP port, what one user may ask in all connections, rules that change while clients
// are there, and what is told of slow commands.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import WebSocket from 'ws';
import { Client, until } from './lib/client.mjs';
import { SECRET, token } from './lib/jwt.mjs';
import { freePort, startServer } from './lib/server.mjs';

const KEYS = { 'auth.keys.main': `HS256 text:${SECRET}`, 'auth.leeway_ms': 0 };
const ALL = ['~*', '&*', '+@all'];
const bearer = value => ({ authorization: `Bearer ${value}` });
const metric = async (server, name) => {
  const text = await (await fetch(server.url('/metrics'))).text();
  return Number(text.split('\n').find(line => line.startsWith(`${name} `))?.split(' ').at(-1));
};

describe('users of the RESP port', { timeout: 30_000 }, () => {
  let server, port, root;
  before(async () => {
    port = await freePort();
    server = await startServer({ backend: false, args: ['--resp', `127.0.0.1:${port}`] });
    root = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  });
  after(async () => { root?.destroy(); await server?.stop(); });

  const as = (user, password) => createClient({ url: `redis://${user}:${password}@127.0.0.1:${port}`, socket: { reconnectStrategy: false } })
    .on('error', () => {}).connect();

  test('a user does what its rules allow, is told what not, and is closed when it is deleted', async () => {
    await root.sendCommand(['ACL', 'SETUSER', 'ann', 'on', '>pw', '~app:*', '&app', '+@all', '-@dangerous']);
    await assert.rejects(as('ann', 'wrong'), /WRONGPASS/);
    const ann = await as('ann', 'pw');
    assert.equal(await ann.sendCommand(['ACL', 'WHOAMI']), 'ann');
    assert.equal(await ann.set('app:a', '1'), 'OK');
    await assert.rejects(ann.get('other'), /NOPERM this user has no permissions to access one of the keys used as arguments/);
    await assert.rejects(ann.sendCommand(['FLUSHALL']), /NOPERM this user has no permissions to run the 'flushall' command/);
    await assert.rejects(ann.publish('other', 'x'), /NOPERM .*channels/);
    await assert.rejects(ann.keys('*'), /NOPERM/);
    const log = await root.sendCommand(['ACL', 'LOG']);
    assert.ok(log.length >= 4 && JSON.stringify(log).includes('"flushall"'), JSON.stringify(log));
    await root.sendCommand(['ACL', 'SETUSER', 'ann', '-set']);
    await assert.rejects(ann.set('app:a', '2'), /NOPERM/);
    const ended = new Promise(resolve => ann.once('error', resolve));
    assert.equal(await root.sendCommand(['ACL', 'DELUSER', 'ann']), 1);
    await ended;
    await assert.rejects(as('ann', 'pw'), /WRONGPASS/);
    assert.ok(await metric(server, 'keywire_store_refusals_total') >= 6);
  });
});

describe('requests of one user', { timeout: 30_000 }, () => {
  const limits = { 'limits.user_requests_per_second_max': 5, 'limits.user_requests_burst_max': 10 };
  const served = replies => replies.filter(reply => !reply.error).length;

  test('all connections of a user share them, on every lane and by every door; others have their own', async () => {
    const server = await startServer({ set: { ...KEYS, ...limits, lanes: 2 } });
    const of = sub => bearer(token({ sub, acl: ALL }));
    const open = sub => Client.open(server, { headers: of(sub) });
    const [one, two, bob] = await Promise.all([open('ann'), open('ann'), open('bob')]);
    const many = client => Promise.all(Array.from({ length: 15 }, () => client.request({ command: ['PING'] })));
    const both = (await Promise.all([many(one), many(two)])).flat();
    const refused = both.filter(reply => reply.error);
    assert.match(refused[0].error.message, /user_requests_per_second_max/);
    assert.ok(refused.every(reply => reply.error.code === 'TOOMANY'));
    assert.ok(served(both) >= 10 && served(both) <= 14, `${served(both)} of 30 were served`);
    assert.equal((await server.post(['PING'], of('ann'))).error?.code, 'TOOMANY', 'by another door');
    const sse = await fetch(server.url('/sse?live=GET%20k'), { headers: of('ann') });
    assert.equal(sse.status, 429);
    await sse.body?.cancel();
    assert.equal(served(await many(bob)), 10, 'somebody else');
    await sleep(1100);
    assert.ok(served(await many(one)) >= 5, 'it comes back');
    assert.ok(await metric(server, 'keywire_requests_over_rate_total{limit="user_requests_per_second_max"}') >= refused.length);
    await Promise.all([one, two, bob].map(client => client.close()));
    await server.stop();
  });

  test('who comes anew for every request has no more; without a user, an address counts', async () => {
    const server = await startServer({ set: { ...KEYS, ...limits, anonymous: ALL.join(' '), trusted_proxies: '127.0.0.1' } });
    const post = async headers => {
      const replies = [];
      for (let n = 0; n < 20; n++) replies.push(await server.post(['PING'], headers));
      return served(replies);
    };
    for (const headers of [bearer(token({ sub: 'ann', acl: ALL })), { 'x-forwarded-for': '203.0.113.5' }]) {
      const count = await post(headers);
      assert.ok(count >= 10 && count <= 14, `${count} of 20 were served`);
    }
    assert.ok(await post({ 'x-forwarded-for': '203.0.113.6' }) >= 10, 'another address');
    assert.equal(await post({}), 20, "this machine's own are not counted");
    await server.stop();
  });
});

describe('rules that change', { timeout: 60_000 }, () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'keywire-users-'));
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('keys, roles, anonymous and deny_commands hold at once for who comes, and for who is there', async () => {
    const file = path.join(dir, 'keywire.toml');
    const other = 'another secret that is long enough, too';
    const write = ({ anonymous = '~a +get', deny = '-@admin', keys = { main: SECRET }, reader = '~a +get' }) => writeFileSync(file, `
anonymous = "${anonymous}"
deny_commands = "${deny}"
[auth]
leeway_ms = 0
[auth.keys]
${Object.entries(keys).map(([name, text]) => `${name} = "HS256 text:${text}"`).join('\n')}
[auth.roles]
reader = "${reader}"
`);
    write({});
    const port = await freePort();
    const server = await startServer({ port, args: ['--config', file] });
    const mine = (secret, options) => bearer(token({ sub: 'ann', acl: [], roles: ['reader'] }, { secret, ...options }));
    const code = async (command, headers) => { const answer = await server.post(command, headers); return answer.error?.code ?? 'OK'; };
    const nobody = await Client.open(server);
    const [a, deny] = [await nobody.live(['GET', 'a']), await code(['GET', 'a'])];
    assert.equal(deny, 'OK');
    const ann = await Client.open(server, { headers: mine(SECRET) });
    assert.equal(await ann.command('GET', 'a'), null);

    // Without a token: feeds that are forbidden now are closed, the connection stays.
    write({ anonymous: '~b +get' });
    await nobody.next(frame => frame.feed === a.reply.feed && frame.closed?.code === 'NOPERM');
    assert.deepEqual([await code(['GET', 'a']), await code(['GET', 'b'])], ['NOPERM', 'OK']);
    assert.equal(await nobody.command('GET', 'b'), null);
    assert.equal(ann.socket.readyState, WebSocket.OPEN, 'a token gives what it gave');

    // What is denied is denied to all, with a token too.
    write({ anonymous: '~b +get', deny: '-get' });
    await until(async () => await code(['GET', 'b']) === 'NOPERM', 'the denial');
    assert.equal(await ann.refused({ command: ['GET', 'a'] }), 'NOPERM');

    // A role that changes: who has a token comes again, and gets what the role gives now.
    write({ reader: '~c +get' });
    assert.equal((await ann.closed).code, 4201);
    assert.deepEqual([await code(['GET', 'a'], mine(SECRET)), await code(['GET', 'c'], mine(SECRET))], ['NOPERM', 'OK']);
    assert.match(server.output.text, /whom to believe has changed/);

    // A key that is taken away: its tokens are good for nothing, by no door, at once.
    const again = await Client.open(server, { headers: mine(SECRET) });
    const late = await Client.open(server);
    write({ keys: { next: other } });
    await until(async () => (await fetch(server.url('/command'), { method: 'POST', headers: { 'content-type': 'application/json', ...mine(SECRET) }, body: '["GET","a"]' })).status === 401, 'the key to be gone');
    assert.equal((await again.closed).code, 4201);
    assert.equal(await late.refused({ auth: token({ sub: 'ann', acl: ALL }, { secret: SECRET }) }), 'NOAUTH', 'nor by a connection that was there before');
    await late.request({ auth: token({ sub: 'ann', acl: ['~z', '+get'] }, { secret: other }) });
    assert.equal(await late.command('GET', 'z'), null);
    assert.equal(await code(['GET', 'a'], mine(other)), 'OK');

    // What is wrong changes nothing.
    write({ keys: { next: 'short' } });
    await until(() => /not reloaded.*auth\.keys/s.test(server.output.text), 'the mistake in the log');
    assert.equal(await code(['GET', 'a'], mine(other)), 'OK');
    await Promise.all([nobody, late].map(client => client.close()));
    await server.stop();
  });
});

describe('slow commands', { timeout: 30_000 }, () => {
  test('are told with who sent them, and counted', async () => {
    const server = await startServer({ backend: false, set: { ...KEYS, 'log.slow_ms': 1, deny_commands: '+@all' } });
    const ann = await Client.open(server, { headers: bearer(token({ sub: 'ann', acl: ALL })) });
    const members = Array.from({ length: 20_000 }, (_, n) => [String(n), `m${n}`]).flat();
    for (let at = 0; at < members.length; at += 10_000) await ann.command('ZADD', 'secret-key', ...members.slice(at, at + 10_000));
    for (let n = 0; n < 5; n++) await ann.command('ZINTERCARD', '2', 'secret-key', 'secret-key');
    await until(async () => await metric(server, 'keywire_slow_commands_total') > 0, 'a slow command');
    const line = server.output.text.split('\n').find(line => line.includes('slow command') && line.includes('zinter')) ?? server.output.text.split('\n').find(line => line.includes('slow command'));
    assert.match(line, /user="?ann/);
    assert.match(line, /command="?z/);
    assert.match(line, /ms=\d+/);
    assert.ok(!line.includes('secret-key'), 'keys are not told');
    await ann.close();
    await server.stop();
  });
});
