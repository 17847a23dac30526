// Who may do what: one authorisation function behind every door, rules in Redis' own ACL language.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { Client, until } from './lib/client.mjs';
import { runToEnd, freePort, startServer } from './lib/server.mjs';

const allowed = async (client, request) => {
  const reply = await client.request(request);
  assert.equal(reply.error, undefined, `${JSON.stringify(request)} → ${JSON.stringify(reply)}`);
  return reply;
};
const refusedWith = async (client, request, code = 'NOPERM') => assert.equal(await client.refused(request), code, JSON.stringify(request));

/** The first frame, or the HTTP status or close code that came instead. */
function firstOf(url) {
  return new Promise(resolve => {
    const socket = new WebSocket(url);
    socket.once('message', data => { resolve(String(data)); socket.terminate(); });
    socket.once('unexpected-response', (_, answer) => resolve(`HTTP ${answer.statusCode}`));
    socket.once('close', (code, reason) => resolve(`closed ${code} ${reason}`));
    socket.once('error', () => {});
  });
}

describe("anonymous '~a:* +@read'", { timeout: 30_000 }, () => {
  let server, client;
  before(async () => {
    server = await startServer({ args: ['--anonymous', '~a:* +@read'] });
    client = await Client.open(server);
  });
  after(async () => { await client?.close(); await server?.stop(); });

  test('its keys may be read, others not, and nothing may be written', async () => {
    await allowed(client, { command: ['GET', 'a:1'] });
    await allowed(client, { command: ['HGETALL', 'a:1'] });
    await allowed(client, { command: ['MGET', 'a:1', 'a:2'] });
    await refusedWith(client, { command: ['GET', 'b'] });
    await refusedWith(client, { command: ['GET', 'xa:1'] });
    await refusedWith(client, { command: ['MGET', 'a:1', 'b'] });
    await refusedWith(client, { command: ['SET', 'a:1', 'v'] });
    await refusedWith(client, { command: ['DEL', 'a:1'] });
    await refusedWith(client, { command: ['PUBLISH', 'a:1', 'm'] });
    await refusedWith(client, { command: ['GETDEL', 'a:1'] });
  });

  test('live demands what the command demands', async () => {
    await allowed(client, { live: ['GET', 'a:1'] });
    await allowed(client, { live: ['ZRANGE', 'a:z', '0', '9'] });
    await refusedWith(client, { live: ['GET', 'b'] });
    await refusedWith(client, { live: ['SINTER', 'a:1', 'b'] });
  });

  test('follow demands what XREAD demands', async () => {
    await allowed(client, { follow: 'a:stream', from: '0' });
    await refusedWith(client, { follow: 'b:stream', from: '0' });
    await refusedWith(client, { follow: 'b:stream' });
  });

  test('channels are not keys: subscribe and psubscribe are refused', async () => {
    await refusedWith(client, { subscribe: 'a:1' });
    await refusedWith(client, { psubscribe: 'a:*' });
  });

  test('what would tell of other keys is refused without allkeys, never filtered', async () => {
    for (const command of [['KEYS', 'a:*'], ['SCAN', '0', 'MATCH', 'a:*'], ['SCAN', '0'], ['RANDOMKEY'], ['DBSIZE']]) {
      await refusedWith(client, { command });
      await refusedWith(client, { live: command, every: 100 });
    }
  });

  test('a transaction is refused whole', async () => {
    await refusedWith(client, { commands: [['GET', 'a:1'], ['GET', 'b']], atomic: true });
    await refusedWith(client, { commands: [['GET', 'a:1'], ['SET', 'a:1', 'v']], atomic: true });
    await allowed(client, { commands: [['GET', 'a:1'], ['GET', 'a:2']], atomic: true });
  });

  test('every other door asks the same function', async () => {
    assert.equal((await server.post(['GET', 'b'])).error?.code, 'NOPERM');
    assert.equal((await server.post(['GET', 'a:1'])).result, null);
    const pipeline = await server.post([['GET', 'a:1'], ['SET', 'a:1', 'v'], ['GET', 'b']]);
    assert.deepEqual(pipeline.map(answer => answer.error?.code), [undefined, 'NOPERM', 'NOPERM']);

    for (const query of ['live=GET%20b', 'follow=b:stream&from=0', 'subscribe=c', 'psubscribe=c*']) {
      const raw = await firstOf(server.wsUrl(`/raw?${query}`));
      assert.match(raw, /NOPERM|HTTP 40[13]|closed 1008/, `/raw?${query} → ${raw}`);
      const stop = new AbortController();
      const sse = await fetch(server.url(`/sse?${query}`), { signal: stop.signal });
      if (sse.status === 200) {
        const { value } = await sse.body.getReader().read();
        assert.match(Buffer.from(value).toString(), /NOPERM/, `/sse?${query}`);
        stop.abort();
      } else {
        assert.equal(sse.status, 403, `/sse?${query}`);
        assert.match(await sse.text(), /NOPERM/);
      }
    }
    assert.equal(await firstOf(server.wsUrl('/raw?live=GET%20a:1')), 'null');
    const socket = new WebSocket(server.wsUrl('/raw?live=GET%20a:1'));
    const replies = [];
    socket.on('message', data => replies.push(String(data)));
    await until(() => replies.length === 1, 'the value');
    socket.send('SET a:1 v');
    await until(() => replies.length === 2, 'the refusal');
    assert.match(replies[1], /^\(error\) NOPERM /);
    socket.terminate();
  });
});

describe('keys by direction, channels, selectors', { timeout: 60_000 }, () => {
  const withRules = async (rules, use) => {
    const server = await startServer({ args: ['--anonymous', rules] });
    const client = await Client.open(server);
    await use(client, server);
    await client.close();
    await server.stop();
  };

  test('%R~ and %W~ tell reading from writing', () => withRules('%R~r:* %W~w:* +@all', async client => {
    await allowed(client, { command: ['GET', 'r:1'] });
    await refusedWith(client, { command: ['SET', 'r:1', 'v'] });
    await allowed(client, { command: ['SET', 'w:1', 'v'] });
    await refusedWith(client, { command: ['GET', 'w:1'] });
    await refusedWith(client, { live: ['GET', 'w:1'] });
    await refusedWith(client, { command: ['SET', 'w:1', 'v', 'GET'] });
    await allowed(client, { command: ['SUNIONSTORE', 'w:2', 'r:1'] });
    await refusedWith(client, { command: ['SUNIONSTORE', 'r:2', 'r:1'] });
    await refusedWith(client, { command: ['SCAN', '0'] });
  }));

  test('channels: & for subscribing and publishing, a pattern only literally', () => withRules('&news:* +subscribe +psubscribe +publish', async client => {
    await allowed(client, { subscribe: 'news:1' });
    await refusedWith(client, { subscribe: 'olds:1' });
    await allowed(client, { psubscribe: 'news:*' });
    await refusedWith(client, { psubscribe: 'news:1*' });
    await refusedWith(client, { psubscribe: '*' });
    await allowed(client, { command: ['PUBLISH', 'news:1', 'm'] });
    await refusedWith(client, { command: ['PUBLISH', 'olds:1', 'm'] });
    await refusedWith(client, { live: ['GET', 'news:1'] });
  }));

  test('rules go left to right; a selector allows its command with its keys only', () => withRules('~g:* +@all -@write +set (~s:* +incr)', async client => {
    await allowed(client, { command: ['GET', 'g:1'] });
    await allowed(client, { command: ['SET', 'g:1', '1'] });
    await refusedWith(client, { command: ['INCR', 'g:1'] });
    await allowed(client, { command: ['INCR', 's:1'] });
    await refusedWith(client, { command: ['SET', 's:1', '1'] });
    await refusedWith(client, { command: ['GET', 's:1'] });
  }));

  test('subcommands', () => withRules('~* -@all +object|encoding +get', async client => {
    await allowed(client, { command: ['GET', 'k'] });
    await refusedWith(client, { command: ['OBJECT', 'FREQ', 'k'] });
    assert.notEqual((await client.request({ command: ['OBJECT', 'ENCODING', 'k'] })).error?.code, 'NOPERM');
  }));

  test('with allkeys, SCAN and DBSIZE are answered', () => withRules('~* +@all', async client => {
    await allowed(client, { command: ['SET', 'k', 'v'] });
    assert.deepEqual((await allowed(client, { command: ['DBSIZE'] })).result, 1);
    assert.deepEqual((await allowed(client, { command: ['SCAN', '0'] })).result, ['0', ['k']]);
  }));

  test('whoever may do nothing gets user null, ping and auth, and 4001 in the end', async () => {
    const server = await startServer({ args: ['--anonymous', '-@all'], set: { 'limits.auth_timeout_ms': 600 } });
    const client = await Client.open(server);
    assert.equal(client.hello.user, null);
    assert.equal((await client.request({ ping: 'x' })).result, 'x');
    for (const request of [{ command: ['GET', 'k'] }, { live: ['GET', 'k'] }, { subscribe: 'c' }, { follow: 's' }]) {
      const code = await client.refused(request);
      assert.ok(['NOAUTH', 'NOPERM'].includes(code), code);
    }
    assert.equal(await client.refused({ auth: 'x.y.z' }), 'NOAUTH');
    assert.equal((await client.closed).code, 4001);
    await server.stop();
  });
});

describe('on every server', { timeout: 30_000 }, () => {
  test('deny_commands: @admin and @dangerous are refused whatever the rules say, but INFO', async () => {
    const server = await startServer();
    const client = await Client.open(server);
    for (const command of [['FLUSHALL'], ['FLUSHDB'], ['KEYS', '*'], ['CONFIG', 'GET', '*'], ['SHUTDOWN'], ['DEBUG', 'SLEEP', '1'], ['ACL', 'LIST'], ['SAVE'], ['REPLICAOF', 'NO', 'ONE'], ['SWAPDB', '0', '1']]) {
      await refusedWith(client, { command });
      assert.equal((await server.post(command)).error?.code, 'NOPERM', command.join(' '));
    }
    assert.equal(typeof await client.command('INFO'), 'string');
    assert.ok(server.child.exitCode === null);
    await client.close();
    await server.stop();
  });

  test('rules that are none stop the start, all mistakes told at once', async () => {
    const port = await freePort();
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${port}`, '--anonymous', '~a:* +nosuchcommand', '--set', 'limits.feeds_max=many', '--set', 'no.such.setting=1']);
    assert.ok(code > 0, `exit code ${code}`);
    for (const mistake of [/nosuchcommand/, /feeds_max/, /no\.such|no_such|such/]) assert.match(output, mistake);
  });

  test('no listener beyond loopback without auth or an explicit anonymous', async () => {
    const port = await freePort();
    const { code, output } = await runToEnd(['serve', '--listen', `0.0.0.0:${port}`], { timeout_ms: 5_000 });
    assert.ok(code > 0, `exit code ${code}: ${output}`);
    assert.match(output, /anonymous|auth/i);
  });
});
