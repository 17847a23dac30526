// How clients reach the server: names, origins, proxies, Unix sockets, TLS; and how it ends and reloads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client, until } from './lib/client.mjs';
import { RawSocket } from './lib/rawsocket.mjs';
import { freePort, runToEnd, startServer } from './lib/server.mjs';

const dir = mkdtempSync(path.join(os.tmpdir(), 'keywire-transport-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** One request with exactly these headers: status, headers, body. */
function ask(server, { method = 'GET', path = '/', headers = {}, body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const client = options.secure ? https : http;
    const request = client.request({ host: '127.0.0.1', port: server.port, method, path, headers, setHost: !('host' in headers), ...options }, answer => {
      let text = '';
      answer.on('data', chunk => { text += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The status of a WebSocket handshake; 101 if it opens. */
function handshake(url, options = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'keywire.v1.json', { handshakeTimeout: 5000, ...options });
    socket.once('open', () => { socket.terminate(); resolve(101); });
    socket.once('unexpected-response', (_, answer) => { resolve(answer.statusCode); socket.terminate(); });
    socket.once('error', reject);
  });
}

const metric = async (server, name) => {
  const line = (await ask(server, { path: '/metrics' })).text.split('\n').find(l => l.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
};

describe('names of the server', { timeout: 30_000 }, () => {
  let server;
  before(async () => { server = await startServer({ set: { hosts: 'live.example,*.apps.example' } }); });
  after(() => server?.stop());

  test('addresses, localhost and configured names are served, any other is 421 with the remedy', async () => {
    for (const host of ['127.0.0.1', 'localhost:7700', '[::1]', 'live.example', 'LIVE.example:80', 'a.apps.example']) {
      assert.equal((await ask(server, { headers: { host } })).status, 200, host);
      assert.equal(await handshake(server.wsUrl('/ws'), { headers: { host } }), 101, host);
    }
    for (const host of ['evil.example', 'evil.example:80', 'live.example.evil', 'apps.example', 'localhost.evil.example']) {
      const answer = await ask(server, { headers: { host } });
      assert.equal(answer.status, 421, host);
      assert.match(answer.text, /hosts/);
      assert.equal(await handshake(server.wsUrl('/ws'), { headers: { host } }), 421, host);
    }
  });

  test('a page whose own name points here (DNS rebinding) gets nothing from any door', async () => {
    const refused = await metric(server, 'keywire_refused_total{reason="host"}');
    const headers = { host: `evil.example:${server.port}`, origin: `http://evil.example:${server.port}` };
    for (const door of ['/raw?live=GET%20k', '/ws']) assert.equal(await handshake(server.wsUrl(door), { headers }), 421, door);
    for (const door of ['/sse?live=GET%20k', '/metrics', '/', '/admin/connections']) assert.equal((await ask(server, { path: door, headers })).status, 421, door);
    const body = '["GET","k"]';
    const post = await ask(server, { method: 'POST', path: '/command', headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length }, body });
    assert.equal(post.status, 421);
    assert.equal(await metric(server, 'keywire_refused_total{reason="host"}'), refused + 7);
  });

  test('health may be asked for by any name', async () => {
    for (const door of ['/healthz', '/readyz']) assert.equal((await ask(server, { path: door, headers: { host: 'pod-7' } })).status, 200);
  });

  test('no Host, two Hosts, or one that contradicts the target', async () => {
    const status = async lines => {
      const raw = await RawSocket.connect(server);
      raw.write([...lines, 'Connection: close', '', ''].join('\r\n'));
      await raw.tcpEnd();
      return Number(/^HTTP\/1\.[01] (\d+)/.exec(raw.received.toString())?.[1]);
    };
    assert.equal(await status(['GET / HTTP/1.1']), 400);
    assert.equal(await status(['GET / HTTP/1.0']), 200);
    assert.equal(await status(['GET / HTTP/1.1', 'Host: localhost', 'Host: localhost']), 400);
    assert.equal(await status(['GET http://evil.example/ HTTP/1.1', 'Host: localhost']), 421);
    assert.equal(await status(['GET http://localhost/ HTTP/1.1', 'Host: localhost']), 200);
    assert.equal(await status(['GET / HTTP/1.1', 'Host: a@localhost']), 400);
  });

  test('pages and answers carry the headers that browsers are careful by', async () => {
    const page = await ask(server);
    assert.match(page.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(page.headers['x-frame-options'], 'DENY');
    assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
    for (const door of ['/', '/metrics', '/nothing', '/sse']) {
      const { headers } = await ask(server, { path: door });
      assert.equal(headers['x-content-type-options'], 'nosniff', door);
      assert.equal(headers['referrer-policy'], 'no-referrer', door);
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', door);
    }
  });
});

test('CORS: /command and /sse for listed origins, with cookies only if listed by name', { timeout: 30_000 }, async () => {
  const server = await startServer({ set: { origins: 'https://app.example' } });
  const origin = 'https://app.example';
  for (const [door, method] of [['/command', 'POST'], ['/sse', 'GET']]) {
    const preflight = await ask(server, { method: 'OPTIONS', path: door, headers: { origin, 'access-control-request-method': method } });
    assert.equal(preflight.status, 204, door);
    assert.equal(preflight.headers['access-control-allow-origin'], origin);
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true');
    assert.equal(preflight.headers['access-control-allow-methods'], method);
    assert.match(preflight.headers['access-control-allow-headers'], /authorization/);
    const foreign = await ask(server, { method: 'OPTIONS', path: door, headers: { origin: 'https://evil.example', 'access-control-request-method': method } });
    assert.equal(foreign.status, 403);
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    assert.equal(foreign.headers.vary, 'origin', 'caches must not mix them up');
  }
  const body = '["PING"]';
  const post = await ask(server, { method: 'POST', path: '/command', headers: { origin, 'content-type': 'application/json', 'content-length': body.length }, body });
  assert.equal(post.status, 200);
  assert.equal(post.headers['access-control-allow-origin'], origin);
  assert.equal(post.headers['cross-origin-resource-policy'], 'cross-origin');
  await server.stop();
  const open = await startServer({ set: { origins: '*' } });
  const any = await ask(open, { method: 'OPTIONS', path: '/command', headers: { origin: 'https://x.example', 'access-control-request-method': 'POST' } });
  assert.equal(any.headers['access-control-allow-origin'], 'https://x.example');
  assert.equal(any.headers['access-control-allow-credentials'], undefined);
  await open.stop();
});

describe('addresses and proxies', { timeout: 30_000 }, () => {
  test('connections_per_address_max counts those whom a trusted proxy speaks for', async () => {
    const server = await startServer({ set: { trusted_proxies: '127.0.0.1', 'limits.connections_per_address_max': 2 } });
    const from = address => ({ headers: { 'x-forwarded-for': address } });
    const open = async address => {
      const socket = new WebSocket(server.wsUrl('/ws'), 'keywire.v1.json', from(address));
      await once(socket, 'open');
      return socket;
    };
    const [first] = [await open('203.0.113.5'), await open('6.6.6.6, 203.0.113.5')];
    assert.equal(await handshake(server.wsUrl('/ws'), from('203.0.113.5')), 429);
    assert.equal(await handshake(server.wsUrl('/ws'), from('203.0.113.5, 6.6.6.6')), 101, 'what a client writes there itself does not count');
    assert.equal((await ask(server, { path: '/sse?live=GET%20k', ...from('203.0.113.5') })).status, 429);
    first.close();
    await once(first, 'close');
    await until(async () => await handshake(server.wsUrl('/ws'), from('203.0.113.5')) === 101, 'the place comes back');
    assert.ok(await metric(server, 'keywire_refused_total{reason="connections_per_address_max"}') >= 2);
    await server.stop();
  });

  test('who is no trusted proxy is not believed', async () => {
    const server = await startServer({ set: { 'limits.connections_per_address_max': 1 } });
    const headers = { 'x-forwarded-for': '203.0.113.5' };
    const clients = [await Client.open(server, { headers }), await Client.open(server, { headers })];
    assert.equal(await metric(server, 'keywire_addresses'), 0, 'this machine is not counted');
    await Promise.all(clients.map(client => client.close()));
    await server.stop();
  });

  test('a socket that /sse was asked on ends behind the answer, so that it is always counted', async () => {
    const server = await startServer({ set: { 'limits.http_connections_max': 3, 'auth.keys.main': `HS256 text:${'s'.repeat(32)}` } });
    for (const [target, status] of [['/sse?live=GET%20k&token=x', 401], ['/sse?live=%22', 400]]) {
      const raw = await RawSocket.connect(server);
      raw.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await raw.tcpEnd();
      assert.match(raw.received.toString(), new RegExp(`^HTTP/1.1 ${status} .*connection: close`, 'is'));
    }
    await server.stop();
    const open = await startServer();
    const raws = [];
    for (const [target, status] of [['/sse', 400], ['/sse?live=NOSUCH', 400], ['/sse?live=GET%20k', 200]]) {
      const raw = await RawSocket.connect(open);
      raw.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      if (status !== 200) await raw.tcpEnd();
      await until(() => new RegExp(`^HTTP/1.1 ${status} .*connection: close`, 'is').test(raw.received.toString()), () => `${target}: ${raw.received}`);
      raws.push(raw);
    }
    raws.forEach(raw => raw.destroy());
    await open.stop();
  });

  test('http_connections_max bounds sockets that are no clients, and clients are not among them', async () => {
    const server = await startServer({ set: { 'limits.http_connections_max': 3 } });
    const clients = [];
    for (let i = 0; i < 6; i += 1) clients.push(await Client.open(server));
    const idle = [];
    for (let i = 0; i < 3; i += 1) idle.push(await RawSocket.connect(server));
    await sleep(50);
    const over = await RawSocket.connect(server);
    await over.tcpEnd();
    assert.match(over.received.toString(), /^HTTP\/1\.1 503 .*http_connections_max/s);
    await clients[0].command('SET', 'alive', '1');
    idle.forEach(raw => raw.destroy());
    await until(async () => (await ask(server, { path: '/healthz' }).catch(() => ({}))).status === 200, 'room again');
    await Promise.all(clients.map(client => client.close()));
    await server.stop();
  });
});

test('a Unix socket serves HTTP and WebSocket, with its permissions, and goes with the server', { timeout: 30_000 }, async () => {
  const socketPath = path.join(dir, 'keywire.sock');
  const server = await startServer({ set: { listen_unix: socketPath, listen_unix_mode: '600' } });
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  assert.match(server.output.text, /keywire\.sock/);
  const status = await new Promise((resolve, reject) => {
    http.get({ socketPath, path: '/readyz' }, answer => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
  });
  assert.equal(status, 200);
  const client = new Client(new WebSocket(`ws+unix:${socketPath}:/ws`, 'keywire.v1.json'));
  await once(client.socket, 'open');
  await client.command('SET', 'by', 'unix');
  const feed = await client.live(['GET', 'by'], { every: 0 });
  await feed.shows('unix');
  await client.command('SET', 'by', 'x'.repeat(200_000));
  await feed.shows('x'.repeat(200_000));
  await client.close();
  const second = await runToEnd(['serve', '--listen', `127.0.0.1:${await freePort()}`, '--set', `listen_unix=${socketPath}`]);
  assert.equal(second.code, 1);
  assert.match(second.output, /keywire\.sock/);
  await server.stop();
  assert.throws(() => statSync(socketPath));
});

/** A certificate authority with openssl: signs certificates by name. */
function authority(name) {
  const file = suffix => path.join(dir, `${name}-${suffix}`);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', file('ca.key'), '-out', file('ca.pem'));
  return {
    ca: file('ca.pem'),
    sign(common) {
      const [key, request, cert, extra] = [`${common}.key`, `${common}.csr`, `${common}.pem`, `${common}.ext`].map(file);
      writeFileSync(extra, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${common}`, '-keyout', key, '-out', request);
      openssl('x509', '-req', '-in', request, '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '1', '-extfile', extra, '-out', cert);
      return { key, cert };
    },
  };
}

const read = file => execFileSync('cat', [file]);

describe('TLS', { timeout: 60_000 }, () => {
  const own = authority('own');
  const first = own.sign('first');
  const live = { certificate: path.join(dir, 'live.pem'), key: path.join(dir, 'live.key') };
  const install = ({ cert, key }) => {
    for (const [from, to] of [[cert, live.certificate], [key, live.key]]) {
      writeFileSync(`${to}.new`, read(from));
      renameSync(`${to}.new`, to);
    }
  };
  let server, port;
  before(async () => {
    install(first);
    port = await freePort();
    server = await startServer({ set: { listen_tls: `127.0.0.1:${port}`, 'tls.certificate': live.certificate, 'tls.key': live.key, 'limits.frame_timeout_ms': 1500 } });
  });
  after(() => server?.stop());
  const ca = () => read(own.ca);

  test('https and wss are served beside plain HTTP, at any size and in both directions', async () => {
    assert.match(server.output.text, new RegExp(`wss://127\\.0\\.0\\.1:${port}`));
    const answer = await ask({ port }, { secure: true, ca: ca(), path: '/readyz' });
    assert.equal(answer.status, 200);
    const client = new Client(new WebSocket(`wss://127.0.0.1:${port}/ws`, 'keywire.v1.json', { ca: ca() }));
    await once(client.socket, 'open');
    const feed = await client.live(['GET', 'big'], { every: 0 });
    for (const size of [1, 100, 16_384, 16_385, 400_000]) {
      await client.command('SET', 'big', String.fromCharCode(97 + size % 26).repeat(size));
      await feed.shows(String.fromCharCode(97 + size % 26).repeat(size));
    }
    const replies = await Promise.all(Array.from({ length: 500 }, (_, i) => client.command('ECHO', 'y'.repeat(i * 20))));
    assert.ok(replies.every((reply, i) => reply.length === i * 20));
    await client.close();
  });

  test('a slow client over TLS conflates as any other, and gets the newest value in the end', async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, 'keywire.v1.json', { ca: ca() });
    const client = new Client(socket);
    await once(socket, 'open');
    const feed = await client.live(['GET', 'flood'], { every: 0 });
    socket.pause();
    const writer = await Client.open(server);
    for (let i = 0; i < 60; i += 1) await writer.command('SET', 'flood', `${i}:${'z'.repeat(200_000)}`);
    await writer.command('SET', 'flood', 'the end');
    socket.resume();
    await feed.shows('the end');
    await writer.close();
    await client.close();
  });

  test('a new certificate is taken without dropping anybody', async () => {
    const client = new Client(new WebSocket(`wss://127.0.0.1:${port}/ws`, 'keywire.v1.json', { ca: ca() }));
    await once(client.socket, 'open');
    const common = () => new Promise((resolve, reject) => {
      const request = https.get({ host: '127.0.0.1', port, path: '/healthz', ca: ca(), agent: false }, answer => {
        resolve(answer.socket.getPeerCertificate().subject.CN);
        answer.resume();
      });
      request.on('error', reject);
    });
    assert.equal(await common(), 'first');
    install(own.sign('second'));
    await until(async () => await common() === 'second', 'the new certificate');
    assert.equal(await client.command('ECHO', 'still here'), 'still here');
    writeFileSync(live.key, 'no key at all');
    await until(() => /not reloaded/.test(server.output.text), 'a word in the log');
    assert.equal(await common(), 'second', 'what does not fit is not taken');
    assert.equal(await client.command('ECHO', 'and here'), 'and here');
    await client.close();
  });

  test('plain HTTP on a TLS port, and a handshake that does not go on, end soon and are counted', async () => {
    const raw = await RawSocket.connect({ port });
    raw.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await raw.tcpEnd();
    const begun = Date.now();
    const silent = await RawSocket.connect({ port });
    await silent.tcpEnd();
    assert.ok(Date.now() - begun >= 1400 && Date.now() - begun < 4000, `${Date.now() - begun} ms`);
    assert.ok(await metric(server, 'keywire_refused_total{reason="tls"}') >= 2);
  });

  test('with client_ca only clients with a certificate are let in', async () => {
    const stranger = authority('stranger');
    const asking = await freePort();
    const strict = await startServer({ set: { listen_tls: `127.0.0.1:${asking}`, 'tls.certificate': first.cert, 'tls.key': first.key, 'tls.client_ca': own.ca } });
    const known = own.sign('client'), unknown = stranger.sign('client');
    const secure = options => ask({ port: asking }, { secure: true, ca: ca(), path: '/readyz', agent: false, ...options });
    assert.equal((await secure({ cert: read(known.cert), key: read(known.key) })).status, 200);
    await assert.rejects(secure({}));
    await assert.rejects(secure({ cert: read(unknown.cert), key: read(unknown.key) }));
    await strict.stop();
  });

  test('settings of TLS that do not fit are told by keywire check', async () => {
    const check = (...set) => runToEnd(['check', ...set.flatMap(s => ['--set', s])]);
    for (const [set, told] of [
      [['listen_tls=127.0.0.1:1'], /needs tls\.certificate and tls\.key/],
      [[`tls.certificate=${first.cert}`, `tls.key=${first.key}`], /set listen_tls/],
      [['listen_tls=127.0.0.1:1', `tls.certificate=${first.cert}`, `tls.key=${own.ca}`], /tls\.certificate/],
      [['listen_tls=0.0.0.0:1', `tls.certificate=${first.cert}`, `tls.key=${first.key}`], /can be reached from beyond this machine/],
      [['listen='], /at least one address/],
    ]) {
      const { code, output } = await check(...set);
      assert.equal(code, 2, output);
      assert.match(output, told);
    }
    assert.equal((await check('listen=', 'listen_tls=127.0.0.1:1', `tls.certificate=${first.cert}`, `tls.key=${first.key}`)).code, 0);
  });
});

describe('drain', { timeout: 60_000 }, () => {
  test('readiness goes off first, new clients are refused, closes are spread, then it ends', async () => {
    const server = await startServer({ set: { 'drain.notice_ms': 400, 'drain.window_ms': 800 } });
    const clients = await Promise.all(Array.from({ length: 500 }, () => new Promise(resolve => {
      const socket = new WebSocket(server.wsUrl('/ws'), 'keywire.v1.json');
      const client = { socket, code: null, at: null };
      socket.once('open', () => resolve(client));
      socket.on('close', code => { client.code = code; client.at = Date.now(); });
      socket.on('error', () => {});
    })));
    const begun = Date.now();
    server.child.kill('SIGTERM');
    await until(async () => (await ask(server, { path: '/readyz' })).status === 503, 'readiness off');
    assert.equal((await ask(server, { path: '/healthz' })).status, 200);
    assert.equal(await handshake(server.wsUrl('/ws')), 101, 'until load balancers have noticed, clients are taken');
    assert.ok(clients.every(({ code }) => code === null), 'nobody is closed yet');
    await until(() => clients.some(({ code }) => code !== null), 'the first close');
    assert.equal(await handshake(server.wsUrl('/ws')).catch(() => 503), 503);
    await server.ended;
    await server.stop();
    assert.ok(clients.every(({ code }) => code === 1001), `${[...new Set(clients.map(({ code }) => code))]}`);
    const times = clients.map(({ at }) => at - begun).sort((a, b) => a - b);
    assert.ok(times[0] >= 380, `the first after ${times[0]} ms`);
    assert.ok(times[499] - times[0] >= 400, `spread over ${times[499] - times[0]} ms`);
    const perTenth = Array.from({ length: 30 }, (_, i) => times.filter(t => Math.floor(t / 100) === i).length);
    assert.ok(Math.max(...perTenth) <= 250, `${perTenth}`);
  });

  test('who does not answer its close frame holds nobody up, and a second signal ends at once', async () => {
    const server = await startServer({ set: { 'drain.goodbye_ms': 300 } });
    const stuck = await RawSocket.open(server);
    const begun = Date.now();
    await server.stop();
    assert.ok(Date.now() - begun < 2000);
    stuck.destroy();
    const waiting = await startServer({ set: { 'drain.notice_ms': 60_000 } });
    waiting.child.kill('SIGTERM');
    await until(() => /draining/.test(waiting.output.text), 'a word in the log');
    await waiting.stop();
  });
});

describe('reload', { timeout: 30_000 }, () => {
  test('the file and SIGHUP change what can change, name what cannot, and keep all if anything is wrong', async () => {
    const file = path.join(dir, 'keywire.toml');
    const port = await freePort();
    writeFileSync(file, `origins = ["https://one.example"]\n[limits]\nfeeds_max = 1\n`);
    const server = await startServer({ port, args: ['--config', file] });
    const origin = name => handshake(server.wsUrl('/ws'), { headers: { origin: `https://${name}.example` } });
    assert.deepEqual([await origin('one'), await origin('two')], [101, 403]);
    const before = await Client.open(server);
    writeFileSync(file, `origins = ["https://two.example"]\nstale_after_ms = 3000\n[limits]\nfeeds_max = 3\n`);
    await until(async () => await origin('two') === 101, 'the new origin');
    assert.equal(await origin('one'), 403);
    const client = await Client.open(server);
    for (const key of ['a', 'b', 'c']) await client.live(['GET', key]);
    await assert.rejects(client.live(['GET', 'd']), { code: 'TOOMANY' });
    assert.match(server.output.text, /only a restart brings it about.*stale_after_ms/s);
    assert.match(server.output.text, /applied="?origins limits\.feeds_max/);

    writeFileSync(file, `origins = ["https://three.example"]\n[limits]\nfeeds_max = "many"\n`);
    server.child.kill('SIGHUP');
    await until(() => /not reloaded.*feeds_max/s.test(server.output.text), 'the mistake in the log');
    assert.equal(await origin('two'), 101);
    assert.equal(await before.command('ECHO', 'x'), 'x');
    await Promise.all([before.close(), client.close()]);
    await server.stop();
  });

  test('a file that is replaced while the settings are read is read again', async () => {
    // A secret that is read from a pipe makes reading take as long as this test likes.
    const [file, pipe] = [path.join(dir, 'twice.toml'), path.join(dir, 'secret.pipe')];
    execFileSync('mkfifo', [pipe]);
    const settings = origin => writeFileSync(file, `origins = ["https://${origin}.example"]\n[admin]\naccess = "secret"\nsecret_file = "${pipe}"\n`);
    /** Opens the pipe once somebody reads from it. */
    const opened = async () => {
      for (;;) {
        try { return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK); } catch (error) { if (error.code !== 'ENXIO') throw error; }
        await sleep(5);
      }
    };
    const feed = fd => { writeSync(fd, 'a secret of some length\n'); closeSync(fd); };
    let isHeld = false, isOver = false;
    const feeding = (async () => {
      while (!isOver) {
        if (isHeld) { await sleep(5); continue; }
        try { feed(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)); } catch (error) { if (!['ENXIO', 'EPIPE'].includes(error.code)) throw error; }
        await sleep(5);
      }
    })();
    settings('one');
    let server;
    try {
      server = await startServer({ args: ['--config', file] });
      const status = name => handshake(server.wsUrl('/ws'), { headers: { origin: `https://${name}.example` } });
      await until(async () => await status('one') === 101, 'the first settings');
      isHeld = true;
      settings('two');
      const fd = await opened();
      settings('three');
      feed(fd);
      isHeld = false;
      await until(async () => await status('three') === 101, 'the last settings');
    } finally {
      await server?.stop();
      isOver = true;
      await feeding;
    }
  });

  test('without its TLS settings a TLS port goes on with those it has, until a restart', async () => {
    const { key, cert } = authority('reload').sign('reload');
    const ca = read(path.join(dir, 'reload-ca.pem'));
    const file = path.join(dir, 'tls.toml');
    const secure = await freePort();
    const tls = `listen_tls = ["127.0.0.1:${secure}"]\n`;
    writeFileSync(file, `${tls}[tls]\ncertificate = "${cert}"\nkey = "${key}"\n`);
    const server = await startServer({ args: ['--config', file] });
    const asked = () => ask({ port: secure }, { secure: true, ca, path: '/readyz', agent: false });
    assert.equal((await asked()).status, 200);
    writeFileSync(file, '');
    await until(() => /only a restart brings it about.*listen_tls tls\.certificate tls\.key/s.test(server.output.text), () => `what waits for a restart: ${server.output.text}`);
    assert.equal((await asked()).status, 200);
    await server.stop();
  });

  test('keywire check --config tells all mistakes with their lines', async () => {
    const file = path.join(dir, 'wrong.toml');
    writeFileSync(file, 'hosts = ["https://a.example"]\ntrusted_proxies = ["10.0.0.0/99"]\n[limits]\nheader_bytes_max = 1\n[admin]\naccess = "secret"\n');
    const { code, output } = await runToEnd(['check', '--config', file]);
    assert.equal(code, 2);
    for (const line of ['wrong.toml:1: hosts', 'wrong.toml:2: trusted_proxies', 'wrong.toml:4: limits.header_bytes_max', 'admin.secret']) assert.ok(output.includes(line), `${line}\n${output}`);
  });
});
