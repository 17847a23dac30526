// The RESP port by its bytes: bad input beside a real redis-server, limits, slow readers and writers, watchers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, fresh, until } from './lib/client.mjs';
import { command, Raw, startRedis, startResp } from './lib/resp-port.mjs';
import { freePort, runToEnd } from './lib/server.mjs';

const MiB = 1 << 20;

describe('bytes that no client library sends', { timeout: 60_000 }, () => {
  let keywire, redis;
  before(async () => { [keywire, redis] = await Promise.all([startResp(), startRedis()]); });
  after(async () => { await redis?.stop(); await keywire?.stop(); });

  const cases = {
    'inline commands, empty lines, quotes': 'PING\r\n\r\n\n  \nSET "a b" \'c d\'\r\nGET "a b"\n',
    'unbalanced quotes': 'GET "a\r\nPING\r\n',
    'a closing quote with something behind it': 'GET "a"b\r\nPING\r\n',
    'an empty command': '*0\r\nPING\r\n',
    'a negative number of words': '*-1\r\nPING\r\n',
    'too many words': '*2147483648\r\n',
    'words that are no number': '*a\r\n',
    'a number with a sign': '*+1\r\n$4\r\nPING\r\n',
    'a negative length': '*1\r\n$-1\r\n',
    'a length over the limit': '*1\r\n$536870913\r\n',
    'a length that is no number': '*1\r\n$1x\r\n',
    'no dollar': '*2\r\n$3\r\nGET\r\n:1\r\n',
    'an array within an array': '*2\r\n*1\r\n$4\r\nPING\r\n',
    'RESP3 types as words': '*1\r\n+PING\r\n',
    'a good command before a bad one': '*1\r\n$4\r\nPING\r\n*1\r\n$x\r\n',
    'a good command behind a bad one': '*1\r\n$x\r\n*1\r\n$4\r\nPING\r\n',
    'a count that does not end': `*${'1'.repeat(70_000)}`,
    'a length that does not end': `*1\r\n$${'1'.repeat(70_000)}`,
    'a line that does not end': 'x'.repeat(70_000),
    'an unknown command with long arguments': command('NOSUCH', 'a'.repeat(300), 'b\r\nc'),
    'an unknown command of no letters': command('', 'a'),
    'a name with binary bytes': command('\x01\xff', 'a'),
    'arity': command('GET') + command('GET', 'a', 'b').toString(),
    'a NUL in a word': command('SET', 'k\0k', 'v\0v') + command('GET', 'k\0k').toString(),
    'QUIT and something behind it': 'QUIT\r\nPING\r\n',
    'HELLO with nonsense': 'HELLO 1\r\nHELLO 4\r\nHELLO x\r\nHELLO 3 NOSUCH\r\nHELLO 3 AUTH a\r\n',
    'AUTH without a password': 'AUTH x\r\nAUTH default x\r\nAUTH other x\r\n',
    'databases': 'SELECT 15\r\nSELECT 16\r\nSELECT -1\r\nSELECT x\r\n',
    'a subscriber in RESP2': 'SUBSCRIBE c\r\nGET a\r\nPING\r\nPING x\r\nUNSUBSCRIBE\r\nPING\r\n',
    'a subscriber in RESP3': 'HELLO 3 SETNAME n\r\nCLIENT GETNAME\r\n',
    'a transaction': 'MULTI\r\nSET t 1\r\nINCR t\r\nLPUSH t x\r\nEXEC\r\nEXEC\r\nMULTI\r\nNOSUCH\r\nEXEC\r\nMULTI\r\nDISCARD\r\n',
    'CLIENT REPLY': 'CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO a\r\n',
    'RESET': 'MULTI\r\nRESET\r\nGET nosuch\r\n',
    'nulls of both kinds': 'GET nosuch\r\nLPOP nosuch 2\r\nLPOP nosuch\r\nBLPOP nosuch 0.01\r\n',
    'tracking pushes in order': 'HELLO 3\r\nCLIENT TRACKING ON\r\nGET k1\r\nSET k1 a\r\nGET k1\r\nSET k1 b\r\nPING\r\n',
  };
  // What a real server tells of itself differs.
  const plain = text => text.replace(/\$\d+\r\n\d+\.\d+\.\d+\r\n/, '<version>').replace(/(\$2\r\nid\r\n):\d+/, '$1:<id>');

  for (const [name, bytes] of Object.entries(cases)) {
    test(name, async () => {
      const [ours, theirs] = await Promise.all([keywire, redis].map(async ({ resp }) => {
        const raw = await Raw.connect(resp);
        raw.send(bytes);
        const text = plain(await raw.settled(80));
        raw.end();
        return { text, closed: raw.ended };
      }));
      assert.deepEqual(ours, theirs);
    });
  }

  test('byte by byte it is the same as at once', async () => {
    const bytes = Buffer.concat([command('SET', 'slow', 'value'), command('GET', 'slow'), Buffer.from('PING\r\n')]);
    const raw = await Raw.connect(keywire.resp);
    raw.socket.setNoDelay(true);
    for (const byte of bytes) { raw.send(Buffer.from([byte])); await sleep(1); }
    assert.equal(await raw.until('PONG'), '+OK\r\n$5\r\nvalue\r\n+PONG\r\n');
    raw.end();
  });

  test("an HTTP request, as a browser's page may send it, ends the connection before its body is read", async () => {
    const key = fresh();
    for (const head of ['POST / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n']) {
      const raw = await Raw.connect(keywire.resp);
      raw.send(`${head}Content-Length: 20\r\n\r\nSET ${key} 1\r\n`);
      await raw.closed();
      assert.ok(!raw.received.includes('+OK'), raw.received);
    }
    const raw = await Raw.connect(keywire.resp);
    raw.send(`EXISTS ${key}\r\n`);
    assert.equal(await raw.until(':'), ':0\r\n');
    raw.end();
  });
});

describe('much at once', { timeout: 120_000 }, () => {
  let server;
  before(async () => { server = await startResp({ set: { resp_output_total_bytes_max: '8MiB' } }); });
  after(async () => { await server?.stop(); });

  test('a pipeline of a million commands is answered in order and does not hold up others', async () => {
    const count = 1_000_000;
    const raw = await Raw.connect(server.resp);
    const other = await Raw.connect(server.resp);
    const batch = Buffer.from('*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n'.repeat(10_000));
    let longest = 0;
    let done = false;
    const writing = (async () => {
      for (let i = 0; i < count / 10_000; i++) if (!raw.socket.write(batch)) await new Promise(resolve => raw.socket.once('drain', resolve));
    })();
    const probing = (async () => {
      while (!done) {
        const begun = performance.now();
        const length = other.length;
        other.send('PING\r\n');
        await until(() => other.length >= length + 7, 'a PONG');
        longest = Math.max(longest, performance.now() - begun);
        await sleep(5);
      }
    })();
    await writing;
    await until(() => raw.received.endsWith(`:${count}\r\n`), 'the last reply', 60_000);
    done = true;
    await probing;
    const expected = Array.from({ length: count }, (_, i) => `:${i + 1}\r\n`).join('');
    assert.ok(raw.received === expected, 'each reply once and in order');
    assert.ok(longest < 1_000, `the other client waited ${longest} ms`);
    raw.end();
    other.end();
  });

  test('a million words in one command', async () => {
    const count = 1_000_000;
    const words = ['MSET'];
    for (let i = 0; i < count / 2 - 1; i++) words.push(`m${i % 1000}`, String(i));
    const raw = await Raw.connect(server.resp);
    raw.send(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...words.map(word => Buffer.from(`$${word.length}\r\n${word}\r\n`))]));
    assert.equal(await raw.until('\r\n', 30_000), '+OK\r\n');
    raw.send('DBSIZE\r\n');
    await raw.until(':');
    raw.end();
  });

  test('a large argument comes in pieces and goes whole', async () => {
    const value = Buffer.alloc(20 * MiB, 'abcdefgh');
    const raw = await Raw.connect(server.resp);
    raw.send(command('SET', 'large', value));
    await raw.until('+OK', 20_000);
    raw.send(command('GET', 'large'));
    await until(() => raw.length >= value.length + 15, 'the value', 20_000);
    assert.ok(raw.received === `+OK\r\n$${value.length}\r\n${value}\r\n`);
    raw.send(command('DEL', 'large'));
    raw.end();
  });

  test('a reader that stops is not read from, holds no more than the limit, and loses nothing', async () => {
    const raw = await Raw.connect(server.resp);
    raw.send(command('SET', 'block', 'x'.repeat(100_000)));
    await raw.until('+OK');
    raw.socket.pause();
    const begun = server.memory();
    const count = 2_000;
    const pipeline = Buffer.from('*2\r\n$3\r\nGET\r\n$5\r\nblock\r\n'.repeat(count));
    raw.send(pipeline);
    await sleep(1_500);
    const held = server.memory() - begun;
    assert.ok(held < 64 * MiB, `${count} replies of 100 kB to a reader that stopped take ${held} bytes`);
    const other = await Raw.connect(server.resp);
    other.send('PING\r\n');
    await other.until('PONG');
    raw.socket.resume();
    await until(() => raw.length === 5 + count * (100_000 + 11), () => `all replies, there are ${raw.length} bytes`, 30_000);
    raw.end();
    other.end();
  });

  test('messages to a subscriber that stopped end its connection at the limit', async () => {
    const limited = await startResp({ set: { resp_pubsub_bytes_max: '1MiB', resp_pubsub_soft_bytes_max: '64KiB', resp_pubsub_soft_ms: 1000 } });
    try {
      const reader = await Raw.connect(limited.resp);
      reader.send('SUBSCRIBE news\r\n');
      await reader.until(':1');
      reader.socket.pause();
      const writer = await Raw.connect(limited.resp);
      const message = command('PUBLISH', 'news', 'x'.repeat(50_000));
      for (let i = 0; i < 400; i++) { writer.send(message); if (i % 20 === 0) await sleep(5); }
      await until(() => writer.received.includes(':0'), 'the subscriber to be gone', 10_000);
      reader.socket.resume();
      await reader.closed();
      const metrics = await (await fetch(limited.url('/metrics'))).text();
      assert.match(metrics, /^keywire_resp_over_limit_total 1$/m);
      writer.end();
    } finally { await limited.stop(); }
  });

  test('settings are limits by the names of Redis, and CONFIG SET moves them', async () => {
    const limited = await startResp({ set: { resp_clients_max: 2, resp_bulk_bytes_max: '64KiB', resp_query_bytes_max: '128KiB' } });
    try {
      const [a, b] = [await Raw.connect(limited.resp), await Raw.connect(limited.resp)];
      b.send('PING\r\n');
      await b.until('PONG');
      const c = await Raw.connect(limited.resp);
      await c.closed();
      assert.equal(c.received, '-ERR max number of clients reached\r\n');
      b.send('CONFIG SET maxclients 3 timeout 1\r\n');
      await b.until('+OK');
      const d = await Raw.connect(limited.resp);
      d.send(`*2\r\n$4\r\nECHO\r\n$${65 * 1024}\r\n`);
      await d.closed();
      assert.equal(d.received, '-ERR Protocol error: invalid bulk length\r\n');
      const e = await Raw.connect(limited.resp);
      const word = `$60000\r\n${'x'.repeat(60_000)}\r\n`;
      e.send(`*4\r\n${word.repeat(3)}`);
      await e.closed();
      await a.closed(5_000);
      assert.equal(a.received, '', 'who is silent for longer than `timeout` is closed');
    } finally { await limited.stop(); }
  });
});

describe('who may come', { timeout: 60_000 }, () => {
  test('with a password nothing is answered before it, and little is taken', async () => {
    const server = await startResp({ set: { resp_password: 'sesame' } });
    try {
      const raw = await Raw.connect(server.resp);
      raw.send('GET a\r\nHELLO 3\r\nAUTH wrong\r\n');
      const text = await raw.until('WRONGPASS');
      assert.match(text, /^-NOAUTH Authentication required\.\r\n-NOAUTH HELLO must be called with the client already authenticated/);
      raw.send('AUTH sesame\r\nSET a 1\r\nGET a\r\n');
      assert.ok((await raw.until('$1\r\n1')).endsWith('+OK\r\n+OK\r\n$1\r\n1\r\n'));
      const greeted = await Raw.connect(server.resp);
      greeted.send('HELLO 3 AUTH default sesame SETNAME me\r\nCLIENT GETNAME\r\n');
      await greeted.until('$2\r\nme\r\n');
      const stranger = await Raw.connect(server.resp);
      stranger.send(`*11\r\n`);
      await stranger.closed();
      assert.equal(stranger.received, '-ERR Protocol error: unauthenticated multibulk length\r\n');
      raw.end();
      greeted.end();
    } finally { await server.stop(); }
  });

  test('beyond loopback it does not start without one', async () => {
    const { code, output } = await runToEnd(['serve', '--listen', '127.0.0.1:0', '--resp', `0.0.0.0:${await freePort()}`]);
    assert.equal(code, 2);
    assert.match(output, /can be reached from beyond this machine, and no password is wanted/);
  });

  test('the demo prints a line for redis-cli that works', async () => {
    const { startServer } = await import('./lib/server.mjs');
    const { run } = await import('./lib/resp-port.mjs');
    const server = await startServer({ subcommand: 'demo' });
    try {
      const line = await until(() => /redis-cli .*/.exec(server.output.text)?.[0], 'the line');
      const { code, output } = await run('sh', ['-c', line]);
      assert.deepEqual([code, output], [0, 'OK\n']);
    } finally { await server.stop(); }
  });
});

describe('what happens on the RESP port is seen by everybody', { timeout: 60_000 }, () => {
  let server, raw, client;
  before(async () => {
    server = await startResp();
    raw = await Raw.connect(server.resp);
    client = await Client.open(server);
  });
  after(async () => { raw?.end(); await client?.close(); await server?.stop(); });

  test('a write reaches a live query, a PUBLISH a channel, an XADD a stream', async () => {
    const key = fresh();
    const feeds = {
      live: await client.request({ live: ['GET', `${key}:s`] }),
      list: await client.request({ live: ['LRANGE', `${key}:l`, '0', '-1'] }),
      channel: await client.request({ subscribe: `${key}:c` }),
      stream: await client.request({ follow: `${key}:x` }),
    };
    assert.ok(Object.values(feeds).every(feed => !feed.error), JSON.stringify(feeds));
    raw.send(`MULTI\r\nSET ${key}:s 1\r\nRPUSH ${key}:l a b\r\nPUBLISH ${key}:c hello\r\nXADD ${key}:x 1-1 f v\r\nEXEC\r\n`);
    for (const [name, { feed }] of Object.entries(feeds)) {
      await until(() => client.frames.some(frame => frame.feed === feed && !('id' in frame)), `the ${name}`);
    }
  });

  test('and the other way: a command over WebSocket wakes who waits and tells who tracks', async () => {
    const key = fresh();
    const [waiting, tracking] = [await Raw.connect(server.resp), await Raw.connect(server.resp)];
    waiting.send(`BLPOP ${key}:l 0\r\nPING\r\n`);
    tracking.send(`HELLO 3\r\nCLIENT TRACKING ON\r\nGET ${key}:t\r\nSUBSCRIBE ${key}:c\r\n`);
    await tracking.until(`${key}:c\r\n:1`);
    await client.command('RPUSH', `${key}:l`, 'job');
    await client.command('SET', `${key}:t`, '1');
    await client.command('PUBLISH', `${key}:c`, 'hi');
    const popped = await waiting.until('+PONG');
    assert.equal(popped, `*2\r\n$${key.length + 2}\r\n${key}:l\r\n$3\r\njob\r\n+PONG\r\n`);
    await tracking.until(`>2\r\n$10\r\ninvalidate\r\n*1\r\n$${key.length + 2}\r\n${key}:t\r\n`);
    await tracking.until('$2\r\nhi\r\n');
    waiting.end();
    tracking.end();
  });

  test('who waits may go away', async () => {
    const key = fresh();
    const gone = await Raw.connect(server.resp);
    gone.send(`BLPOP ${key} 0\r\n`);
    await sleep(50);
    gone.end();
    const there = await Raw.connect(server.resp);
    there.send(`BLPOP ${key} 0\r\n`);
    await sleep(50);
    raw.send(`RPUSH ${key} job\r\n`);
    await there.until('job');
    there.end();
  });
});
