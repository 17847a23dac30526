// Tokens, forward auth, revocation, named queries: who is let in by which door, and what that gives.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client, until } from './lib/client.mjs';
import { SECRET, base64url, seconds, signed, token } from './lib/jwt.mjs';
import { freePort, runToEnd, startServer } from './lib/server.mjs';

const KEYS = { 'auth.keys.main': `HS256 text:${SECRET}`, 'auth.leeway_ms': 0 };
const ALL = ['~*', '&*', '+@all'];
const bearer = value => ({ authorization: `Bearer ${value}` });

/** The close code of a WebSocket, or the HTTP status that came instead. */
function ending(server, target, { protocols, headers } = {}) {
  return new Promise(resolve => {
    const socket = new WebSocket(server.wsUrl(target), protocols, { headers });
    socket.once('unexpected-response', (_, answer) => resolve(answer.statusCode));
    socket.once('close', code => resolve(code));
    socket.on('error', () => {});
  });
}

describe('a server with a key', { timeout: 60_000 }, () => {
  let server, folder;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'keywire-auth-'));
    writeFileSync(path.join(folder, 'rsa.pem'), publicPem);
    writeFileSync(path.join(folder, 'ec.pem'), ec.publicKey.export({ type: 'spki', format: 'pem' }));
    server = await startServer({
      set: {
        ...KEYS,
        'auth.keys.rsa': `RS256 file:${path.join(folder, 'rsa.pem')}`,
        'auth.keys.ec': `ES256 file:${path.join(folder, 'ec.pem')}`,
        'auth.audience': 'live',
        'auth.issuer': 'https://login.example',
        'auth.cookie': 'kw',
        'auth.roles.reader': '~news:* &news:* +@read +subscribe',
        'auth.roles.own': '~user:{sub}:* &user:{sub} +@all',
        'limits.auth_timeout_ms': 600,
      },
    });
  });
  after(async () => { await server?.stop(); rmSync(folder, { recursive: true, force: true }); });

  const ours = { aud: 'live', iss: 'https://login.example' };
  const good = (claims = {}, options) => token({ ...ours, acl: ALL, ...claims }, options);
  const open = (claims, options = {}) => Client.open(server, { headers: bearer(good(claims)), ...options });

  test('without a token: hello says nobody, everything is NOAUTH, and 4001 in the end', async () => {
    const client = await Client.open(server);
    assert.equal(client.hello.user, null);
    for (const request of [{ command: ['GET', 'k'] }, { live: ['GET', 'k'] }, { subscribe: 'c' }, { follow: 's' }, { psubscribe: '*' }]) {
      assert.equal(await client.refused(request), 'NOAUTH');
    }
    assert.equal((await server.post(['GET', 'k'])).error.code, 'NOAUTH');
    assert.equal((await fetch(server.url('/sse?live=GET%20k'))).status, 401);
    assert.equal((await client.closed).code, 4001);
  });

  test('a good token is good wherever it is carried, by every door', async () => {
    const kw = good();
    for (const options of [
      { headers: bearer(kw) },
      { path: `/ws?token=${kw}` },
      { protocols: ['keywire.v1.json', `bearer.${kw}`] },
      { headers: { cookie: `a=b; kw=${kw}` } },
    ]) {
      const client = await Client.open(server, options);
      assert.equal(client.hello.user, 'ann');
      assert.ok(Math.abs(client.hello.expires - seconds() - 60) <= 2);
      assert.equal(client.socket.protocol, 'keywire.v1.json');
      assert.equal(await client.command('SET', 'k', 'v'), 'OK');
      await client.close();
    }
    assert.equal((await server.post(['GET', 'k'], bearer(kw))).result, 'v');
    const sse = await fetch(server.url('/sse?live=GET%20k'), { headers: bearer(kw) });
    assert.equal(sse.status, 200);
    await sse.body.cancel();
    const raw = new WebSocket(server.wsUrl(`/raw?live=GET%20k&token=${kw}`));
    assert.equal(String((await once(raw, 'message'))[0]), 'v');
    raw.terminate();
  });

  test('a bad token: 4003 or 4201 on WebSocket, 401 on HTTP, whoever it is from', async () => {
    const parts = good().split('.');
    const message = `${base64url({ alg: 'HS256', kid: 'rsa' })}.${base64url({ sub: 'admin', exp: seconds() + 60, ...ours, acl: ALL })}`;
    const cases = {
      'no token at all': ['x', 4003],
      'alg none': [`${base64url({ alg: 'none' })}.${parts[1]}.`, 4003],
      'tampered claims': [`${parts[0]}.${base64url({ sub: 'admin', exp: seconds() + 60, ...ours, acl: ALL })}.${parts[2]}`, 4003],
      'tampered signature': [`${parts[0]}.${parts[1]}.${parts[2].slice(0, -4)}AAAA`, 4003],
      'another secret': [good({}, { secret: SECRET.toUpperCase() }), 4003],
      'the public RSA key as a secret (HS/RS confusion)': [`${message}.${createHmac('sha256', publicPem).update(message).digest('base64url')}`, 4003],
      'an RSA signature for the elliptic key': [signed('RS256', rsa.privateKey, { ...ours }, { kid: 'ec' }), 4003],
      'wrong audience': [good({ aud: 'other' }), 4003],
      'no audience': [good({ aud: undefined }), 4003],
      'wrong issuer': [good({ iss: 'https://evil.example' }), 4003],
      'never expires': [token({ ...ours, exp: undefined }), 4003],
      'not yet': [good({ nbf: seconds() + 100 }), 4003],
      'rules that are none': [good({ acl: ['+nosuch'] }), 4003],
      'a name that reaches out': [good({ sub: 'bob:x', acl: [], roles: ['own'] }), 4003],
      expired: [good({ exp: seconds() - 1 }), 4201],
    };
    for (const [name, [value, code]] of Object.entries(cases)) {
      assert.equal(await ending(server, '/ws', { headers: bearer(value) }), code, name);
      assert.equal(await ending(server, `/raw?live=GET%20k&token=${value}`), code, `${name}, /raw`);
      const sse = await fetch(server.url('/sse?live=GET%20k'), { headers: bearer(value) });
      assert.equal(sse.status, 401, `${name}, /sse`);
      const text = await sse.text();
      assert.match(text, /^NOAUTH /, name);
      assert.ok(value.length < 10 || !text.includes(value), 'the token is not told');
      assert.equal((await fetch(server.url('/command'), { method: 'POST', headers: { 'content-type': 'application/json', ...bearer(value) }, body: '["GET","k"]' })).status, 401, `${name}, /command`);
    }
    assert.ok(!server.output.text.includes(parts[2]), 'nor written into the log');
  });

  test('who is not let in where that is a status is counted and told, without the token', async () => {
    const count = async () => Number(/^keywire_refused_total\{reason="token"\} (\d+)/m.exec(await (await fetch(server.url('/metrics'))).text())[1]);
    const before = await count();
    const expired = good({ exp: seconds() - 1 });
    await (await fetch(server.url('/sse?live=GET%20k'), { headers: bearer(expired) })).text();
    await server.post(['GET', 'k'], bearer(good({}, { secret: SECRET.toUpperCase() })));
    assert.equal(await count(), before + 2);
    assert.match(server.output.text, /refused.*reason="?token/);
    for (const part of expired.split('.')) assert.ok(!server.output.text.includes(part));
  });

  test('each algorithm has its own key', async () => {
    for (const [algorithm, key] of [['RS256', rsa.privateKey], ['ES256', ec.privateKey]]) {
      const client = await Client.open(server, { headers: bearer(signed(algorithm, key, { ...ours, sub: algorithm })) });
      assert.equal(client.hello.user, algorithm);
      await client.close();
    }
  });

  test('claims stand for themselves, whatever they are full of', async () => {
    const admin = await open();
    await admin.command('SET', 'user:ann:x', '1');
    await admin.command('SET', 'user:*:x', 'star');
    for (const sub of ['*', '?', '[a-z]*', 'a*', '\\', 'x ~*', '* +@all']) {
      const client = await open({ sub, acl: [], roles: ['own'] });
      for (const key of ['user:ann:x', 'k', 'user:bob:1']) assert.equal(await client.refused({ command: ['GET', key] }), 'NOPERM', sub);
      assert.equal(await client.refused({ subscribe: 'user:ann' }), 'NOPERM');
      assert.equal(await client.command('GET', `user:${sub}:x`), sub === '*' ? 'star' : null);
      await client.close();
    }
    await admin.close();
  });

  test('roles add to the rules of the token; unknown ones give nothing', async () => {
    const client = await open({ acl: ['~a', '+set'], roles: ['reader', 'nosuch'] });
    assert.equal(await client.command('SET', 'a', '1'), 'OK');
    assert.equal(await client.command('GET', 'news:1'), null);
    for (const command of [['GET', 'a'], ['SET', 'news:1', 'x'], ['GET', 'b']]) assert.equal(await client.refused({ command }), 'NOPERM');
    await client.subscribe('news:1');
    await client.close();
  });

  test('auth in the course of a connection: feeds that are allowed still go on, the others are closed', async () => {
    const writer = await open();
    const client = await open({ acl: ['~a', '~b', '&c', '+@all'] });
    const [a, b] = [await client.live(['GET', 'a']), await client.live(['GET', 'b'])];
    const c = await client.subscribe('c');
    const renewed = await client.request({ auth: good({ sub: 'ann', acl: ['~a', '+get'], exp: seconds() + 600 }) });
    assert.equal(renewed.result.user, 'ann');
    assert.ok(renewed.result.expires > seconds() + 500);
    for (const feed of [b, c]) await client.next(frame => frame.feed === feed.reply.feed && frame.closed?.code === 'NOPERM');
    await writer.command('SET', 'b', 'secret');
    await writer.command('SET', 'a', 'new');
    await client.next(frame => frame.feed === a.reply.feed && JSON.stringify(frame).includes('new'));
    await client.settle();
    assert.ok(!client.texts.some(text => text.includes('secret')));
    assert.equal(await client.refused({ close: b.reply.feed }), 'NOFEED');
    // A bad one changes nothing.
    assert.equal(await client.refused({ auth: good({ exp: seconds() - 5 }) }), 'NOAUTH');
    assert.equal(await client.command('GET', 'a'), 'new');
    await client.close();
    await writer.close();
  });

  test('nobody becomes somebody by auth, and what is sent behind it is under the new rules', async () => {
    const client = await Client.open(server);
    const replies = [client.request({ auth: good() }), client.request({ command: ['GET', 'k'] })];
    const [auth, get] = await Promise.all(replies);
    assert.equal(auth.result.user, 'ann');
    assert.ok('result' in get, JSON.stringify(get));
    await sleep(900);
    assert.equal(client.socket.readyState, WebSocket.OPEN, 'no 4001 for who is known');
    await client.close();
  });

  test('4201 when the token ends, unless it is renewed in time', async () => {
    const short = { exp: seconds() + 2 };
    const [ends, renews] = [await open(short), await open(short)];
    const feed = await renews.live(['GET', 'renewed']);
    await renews.request({ auth: good() });
    assert.equal((await ends.closed).code, 4201);
    const begun = Date.now();
    assert.ok(begun >= short.exp * 1000, 'not before its time');
    await sleep(500);
    const writer = await open();
    await writer.command('SET', 'renewed', 'yes');
    await renews.next(frame => frame.feed === feed.reply.feed && JSON.stringify(frame).includes('yes'));
    await writer.close();
    await renews.close();
  });

  test('keywire token mints one that is accepted, and explains it', async () => {
    const settings = Object.entries({ ...KEYS, 'auth.audience': 'live', 'auth.roles.own': '~user:{sub}:* +@all' }).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    const minted = await runToEnd(['token', ...settings, 'mint', '--user', 'ann', '--role', 'own', '--acl', '~a +get']);
    assert.equal(minted.code, 0, minted.output);
    const explain = (value, ...command) => runToEnd(['token', ...settings, 'explain', value, '--', ...command]);
    const allowed = await explain(minted.output.trim(), 'SET', 'user:ann:x', '1');
    assert.equal(allowed.code, 0, allowed.output);
    assert.match(allowed.output, /accepted[^]*user ann[^]*allowed by role own: ~user:\{sub\}:\* \+@all/);
    const refused = await explain(minted.output.trim(), 'SET', 'user:bob:x', '1');
    assert.equal(refused.code, 1);
    assert.match(refused.output, /not by role own: .*keys/);
    const expired = await explain(good({ exp: 1 }), 'GET', 'a');
    assert.equal(expired.code, 1);
    assert.match(expired.output, /not accepted: the token expired/);
  });
});

describe('pages of others, where any may come', { timeout: 30_000 }, () => {
  test('have no use of the cookies of whoever looks at them, on any door', async () => {
    const server = await startServer({ set: { ...KEYS, 'auth.cookie': 'kw', origins: '*,https://app.example', 'limits.auth_timeout_ms': 2000 } });
    const from = origin => ({ cookie: `kw=${token({ acl: ALL })}`, ...(origin ? { origin } : {}) });
    const user = async origin => {
      const client = await Client.open(server, { headers: from(origin) });
      const { hello } = client;
      client.socket.terminate();
      return hello.user;
    };
    for (const known of [undefined, server.origin, 'https://app.example']) assert.equal(await user(known), 'ann', known);
    const status = (target, headers, body) => new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: server.port, path: target, method: body ? 'POST' : 'GET', headers: { 'content-type': 'application/json', ...headers } }, answer => { resolve(answer.statusCode); answer.destroy(); });
      request.on('error', reject);
      request.end(body);
    });
    for (const foreign of ['https://evil.example', 'null']) {
      assert.equal(await user(foreign), null, foreign);
      assert.equal(await status('/sse?live=GET%20k', from(foreign)), 401);
      assert.equal(await status('/sse?live=GET%20k', { ...from(foreign), ...bearer(token({ acl: ALL })) }), 200, 'a token that its script has');
      assert.equal((await server.post(['GET', 'k'], { ...from(foreign) })).error?.code, 'NOAUTH');
    }
    assert.equal(await status('/sse?live=GET%20k', from('https://app.example')), 200);
    await server.stop();
  });
});

describe('named queries', { timeout: 30_000 }, () => {
  let server, admin, client;
  before(async () => {
    server = await startServer({
      set: {
        ...KEYS,
        'queries.top': 'ZRANGE board 0 {last:int:0..99} REV WITHSCORES',
        'queries.my-orders': 'LRANGE orders:{@sub} 0 -1',
        'queries.say': 'RPUSH said {text:text:20}',
      },
    });
    admin = await Client.open(server, { headers: bearer(token({ acl: ALL })) });
    client = await Client.open(server, { headers: bearer(token({ acl: ['+@named'] })) });
    await admin.command('ZADD', 'board', '1', 'a', '2', 'b', '3', 'c');
    await admin.command('RPUSH', 'orders:ann', 'x');
    await admin.command('RPUSH', 'orders:bob', 'y');
  });
  after(async () => { await admin?.close(); await client?.close(); await server?.stop(); });

  test('a name stands for its command, with parameters of the request and of the token', async () => {
    const top = await client.live(['@top', 1]);
    assert.deepEqual(top.reply.value, [['c', 3], ['b', 2]]);
    const mine = await client.live(['@my-orders']);
    assert.deepEqual(mine.reply.value, ['x']);
    await admin.command('ZADD', 'board', '9', 'a');
    await client.next(frame => frame.feed === top.reply.feed && JSON.stringify(frame).includes('9'));
    assert.equal(await client.command('@say', 'hello'), 1);
    assert.deepEqual((await server.post(['@my-orders'], bearer(token({ sub: 'bob', acl: ['+@named'] })))).result, ['y']);
    const raw = new WebSocket(server.wsUrl(`/raw?live=@my-orders&token=${token({ acl: ['+@named'] })}`));
    assert.equal(String((await once(raw, 'message'))[0]), '["x"]');
    raw.terminate();
  });

  test('wrong numbers and types are said; nothing but names may be used', async () => {
    for (const [live, message] of [[['@top'], /last is missing/], [['@top', 100], /from 0 to 99/], [['@top', 'x'], /whole number/], [['@top', 1, 2], /too many/], [['@nosuch'], /unknown query/]]) {
      const { error } = await client.request({ live });
      assert.equal(error.code, 'ERR');
      assert.match(error.message, message);
    }
    for (const request of [{ command: ['LRANGE', 'orders:ann', '0', '-1'] }, { live: ['LRANGE', 'orders:bob', '0', '-1'] }, { subscribe: 'c' }]) {
      assert.equal(await client.refused(request), 'NOPERM');
    }
    assert.equal(await client.refused({ live: ['@say', 'x'] }), 'NOTLIVE');
  });

  test('-@command leaves the feeds and takes the commands', async () => {
    const listener = await Client.open(server, { headers: bearer(token({ acl: ['+@named', '~a', '+@all', '-@command'] })) });
    await listener.live(['GET', 'a']);
    await listener.live(['@top', 5]);
    for (const command of [['GET', 'a'], ['SET', 'a', '1'], ['@say', 'x']]) assert.equal(await listener.refused({ command }), 'NOPERM');
    assert.equal(await listener.refused({ commands: [['GET', 'a']], atomic: true }), 'NOPERM');
    await listener.close();
  });

  test('a feed opened by name stays by name', async () => {
    const other = await Client.open(server, { headers: bearer(token({ acl: ['+@named'] })) });
    const [mine, top] = [await other.live(['@my-orders']), await other.live(['@top', 0])];
    await other.request({ auth: token({ sub: 'bob', acl: ['+@named'] }) });
    await other.next(frame => frame.feed === mine.reply.feed && frame.closed?.code === 'NOPERM');
    await other.settle();
    assert.ok(!other.frames.some(frame => frame.feed === top.reply.feed && frame.closed));
    await other.close();
  });

  test('a query that is none stops the start', async () => {
    const port = await freePort();
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${port}`, '--set', 'queries.bad=NOSUCH {x:text}', '--set', 'auth.roles.r=~u:{sub}*', '--set', `auth.keys.short=HS256 text:short`]);
    assert.equal(code, 2);
    for (const mistake of [/bad: unknown command/, /auth\.roles: r: .*wildcard/, /auth\.keys: short: the secret has 5 bytes/]) assert.match(output, mistake);
    assert.ok(!output.includes('text:short'), output);
  });
});

describe('revocation', { timeout: 30_000 }, () => {
  test('who is in the hash is closed with 4004 and not let in again, on every lane', async () => {
    const server = await startServer({ set: { ...KEYS, 'auth.revoked_key': 'keywire:revoked', 'limits.ping_interval_ms': 80 } });
    const as = (sub, jti, iat = seconds() - 10) => bearer(token({ sub, jti, iat, acl: ALL }));
    await until(async () => (await server.post(['PING'], as('root', 'r'))).result === 'PONG', 'the list of the revoked');
    const [one, two, bob] = await Promise.all([as('ann', 't1'), as('ann', 't2'), as('bob', 't3')].map(headers => Client.open(server, { headers })));
    const admin = await Client.open(server, { headers: as('root', 'r2') });
    await sleep(500); // the watch answers pings as clients do
    await admin.command('HSET', 'keywire:revoked', 'token:t1', '');
    assert.equal((await one.closed).code, 4004);
    assert.equal(two.socket.readyState, WebSocket.OPEN);
    assert.equal(await ending(server, '/ws', { headers: as('ann', 't1') }), 4003);
    assert.equal((await fetch(server.url('/sse?live=GET%20k'), { headers: as('ann', 't1') })).status, 401);
    await admin.command('HSET', 'keywire:revoked', 'user:ann', String(seconds() - 5));
    assert.equal((await two.closed).code, 4004);
    const again = await Client.open(server, { headers: as('ann', 't4', seconds()) });
    assert.equal(again.hello.user, 'ann', 'who logs in anew is let in');
    assert.equal(await bob.command('PING'), 'PONG');
    // A token that is revoked cannot be presented later either.
    assert.equal(await bob.refused({ auth: token({ jti: 't1', acl: ALL, iat: seconds() }) }), 'NOAUTH');
    await admin.command('DEL', 'keywire:revoked');
    await until(async () => (await server.post(['PING'], as('ann', 't1'))).result === 'PONG', 'the token to be good again');
    // Nor by a request whose body comes later than that.
    const slow = http.request({ host: '127.0.0.1', port: server.port, path: '/command', method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 8, ...as('eve', 't9') } });
    const answered = once(slow, 'response');
    slow.write('["PI');
    await sleep(200);
    await admin.command('HSET', 'keywire:revoked', 'token:t9', '');
    await until(async () => (await server.post(['PING'], as('eve', 't9'))).error?.code === 'NOAUTH', 'the token to be revoked');
    slow.end('NG"]');
    const [answer] = await answered;
    assert.equal(answer.statusCode, 401);
    answer.resume();
    await Promise.all([again, bob, admin].map(client => client.close()));
    await server.stop();
  });
});

describe('forward auth', { timeout: 30_000 }, () => {
  let application, server, answer;
  const asked = [];
  before(async () => {
    application = http.createServer((request, response) => {
      asked.push(request);
      const { status = 200, body = '', hang } = answer(request);
      if (!hang) response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    application.listen(0, '127.0.0.1');
    await once(application, 'listening');
    const { port } = application.address();
    server = await startServer({ set: { 'auth.forward_url': `http://127.0.0.1:${port}/who`, 'auth.forward_timeout_ms': 400, 'auth.leeway_ms': 0, 'auth.roles.player': '~game:{team}:* +@all' } });
  });
  after(async () => { await server?.stop(); application?.closeAllConnections(); application?.close(); });

  const cookie = { headers: { cookie: 'sid=7' } };

  test('the application sees the cookies and says who comes, what that gives and how long', async () => {
    answer = request => request.headers.cookie === 'sid=7'
      ? { body: { user: 'ann', rules: ['~user:{user}:*', '+@all'], roles: ['player'], claims: { team: 5 }, expires: seconds() + 100 } }
      : { status: 401 };
    const client = await Client.open(server, cookie);
    assert.equal(client.hello.user, 'ann');
    assert.equal(asked.at(-1).headers['x-keywire-uri'], '/ws');
    await server.post(['PING'], { ...cookie.headers, 'x-forwarded-for': '6.6.6.6' });
    assert.equal(asked.at(-1).headers['x-forwarded-for'], '127.0.0.1', 'not what the client says of itself');
    assert.equal(await client.command('SET', 'user:ann:x', '1'), 'OK');
    assert.equal(await client.command('SET', 'game:5:x', '1'), 'OK');
    for (const key of ['user:bob:x', 'game:6:x']) assert.equal(await client.refused({ command: ['GET', key] }), 'NOPERM');
    assert.equal((await server.post(['GET', 'user:ann:x'], cookie.headers)).result, '1');
    assert.equal(await ending(server, '/ws'), 4003);
    assert.equal((await fetch(server.url('/sse?live=GET%20k'))).status, 401);
    await client.close();
  });

  test('no answer, or one that is none, lets nobody in', async () => {
    for (const [name, reply] of Object.entries({ 'an error': { status: 500 }, 'a redirect': { status: 302 }, 'no JSON': { body: 'hello' }, 'no answer': { hang: true }, 'an end in the past': { body: { user: 'ann', rules: ['+@all'], expires: 1 } }, 'rules that are none': { body: { user: 'ann', rules: ['+nosuch'] } } })) {
      answer = () => reply;
      assert.equal(await ending(server, '/ws', cookie), 1013, name);
      assert.equal((await fetch(server.url('/sse?live=GET%20k'), cookie)).status, 503, name);
    }
  });

  test('its end ends the connection', async () => {
    answer = () => ({ body: { user: 'ann', rules: ALL, expires: seconds() + 2 } });
    const client = await Client.open(server, cookie);
    assert.equal((await client.closed).code, 4201);
  });

  test('somebody who is nobody in particular gets what everybody gets', async () => {
    answer = () => ({ status: 204 });
    const client = await Client.open(server, cookie);
    assert.equal(client.hello.user, null);
    await client.close();
  });
});

describe('a key set', { timeout: 30_000 }, () => {
  test('is fetched, and fetched again when its owner rotates', async () => {
    const pairs = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
    const jwk = (pair, kid) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig' });
    let keys = [jwk(pairs[0], 'one')];
    let fetches = 0;
    const issuer = http.createServer((_, response) => { fetches += 1; response.end(JSON.stringify({ keys })); }).listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const server = await startServer({ set: { 'auth.jwks_url': `http://127.0.0.1:${issuer.address().port}/keys`, 'auth.jwks_pause_ms': 300 } });
    const as = (pair, kid) => ({ headers: bearer(signed('ES256', pair.privateKey, { acl: ALL }, { kid })) });
    await (await Client.open(server, as(pairs[0], 'one'))).close();
    keys = [jwk(pairs[0], 'one'), jwk(pairs[1], 'two')];
    await sleep(350);
    const client = await Client.open(server, as(pairs[1], 'two'));
    assert.equal(client.hello.user, 'ann');
    const before = fetches;
    assert.equal(await ending(server, '/ws', as(pairs[1], 'made up')), 4003);
    assert.equal(await ending(server, '/ws', as(pairs[0], 'two')), 4003);
    assert.equal(fetches, before, 'made-up names cost the issuer nothing');
    await client.close();
    await server.stop();
    issuer.close();
  });
});
