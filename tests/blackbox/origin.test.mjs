// Browsers are held to the same origin on every door; clients that send no Origin are no browsers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { Client, fresh } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

/** The HTTP status that a WebSocket upgrade with this Origin is answered with. */
async function upgrade(server, path, origin) {
  const socket = new WebSocket(server.wsUrl(path), origin === undefined ? {} : { headers: { origin } });
  socket.on('error', () => {});
  const status = await Promise.race([once(socket, 'open').then(() => 101), once(socket, 'unexpected-response').then(([, answer]) => answer.statusCode)]);
  socket.terminate();
  return status;
}

/** Node's fetch sets Origin as it pleases; plain http sends what it is told. */
async function request(server, method, path, headers, body) {
  const outgoing = http.request({ host: '127.0.0.1', port: server.port, method, path, headers });
  outgoing.end(body);
  const [answer] = await once(outgoing, 'response');
  answer.destroy();
  return { status: answer.statusCode, headers: answer.headers };
}

describe('origin', { timeout: 30_000 }, () => {
  let server;
  before(async () => { server = await startServer(); });
  after(() => server?.stop());
  const doors = {
    '/ws': (origin, on = server) => upgrade(on, '/ws', origin),
    '/raw': (origin, on = server) => upgrade(on, '/raw?live=GET%20k', origin),
    '/sse': async (origin, on = server) => (await request(on, 'GET', '/sse?live=GET%20k', origin === undefined ? {} : { origin })).status,
    'POST /command': async (origin, on = server) => (await request(on, 'POST', '/command', { 'content-type': 'application/json', ...(origin === undefined ? {} : { origin }) }, '["PING"]')).status,
  };
  const good = { '/ws': 101, '/raw': 101, '/sse': 200, 'POST /command': 200 };

  for (const [door, ask] of Object.entries(doors)) {
    test(`${door}: a foreign origin is refused with 403`, async () => {
      for (const foreign of ['http://evil.example', 'https://evil.example:443', `http://127.0.0.1:${server.port + 1}`, 'http://127.0.0.1', 'null',
        `http://127.0.0.1:${server.port}.evil.example`, `http://evil.example/127.0.0.1:${server.port}`, `http://127.0.0.1:${server.port}@evil.example`, '']) {
        assert.equal(await ask(foreign), 403, `Origin: ${foreign}`);
      }
    });

    test(`${door}: the same origin and no origin at all are served`, async () => {
      assert.equal(await ask(server.origin), good[door]);
      assert.equal(await ask(undefined), good[door]);
    });
  }

  test('a refused command is not carried out', async () => {
    const key = fresh();
    await request(server, 'POST', '/command', { 'content-type': 'application/json', origin: 'http://evil.example' }, JSON.stringify(['SET', key, 'x']));
    assert.equal(await server.command('EXISTS', key), 0);
  });

  test('no cross-origin permission is given to a foreign page', async () => {
    const preflight = await request(server, 'OPTIONS', '/command', { origin: 'http://evil.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' });
    assert.notEqual(preflight.headers['access-control-allow-origin'], '*');
    assert.notEqual(preflight.headers['access-control-allow-origin'], 'http://evil.example');
  });

  test('a configured origin is served, others are still refused', async () => {
    const open = await startServer({ args: ['--origin', 'https://app.example'] });
    for (const [door, ask] of Object.entries(doors)) {
      assert.equal(await ask('https://app.example', open), good[door], door);
      assert.equal(await ask('http://app.example', open), 403, door);
      assert.equal(await ask('https://evil.example', open), 403, door);
      assert.equal(await ask(open.origin, open), good[door], `${door}: the same origin`);
    }
    await open.stop();
  });

  test('the page that the server itself serves needs no Origin check', async () => {
    const answer = await fetch(server.url('/'));
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /text\/html/);
    const client = await Client.open(server, { headers: { origin: server.origin } });
    await client.close();
  });
});
