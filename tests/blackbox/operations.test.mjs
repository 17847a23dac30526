// What an operator sees: health, metrics, paths, the command line's help, and `keywire echo`.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { Client, fresh } from './lib/client.mjs';
import { runToEnd, startServer } from './lib/server.mjs';

/** Parses Prometheus' text format (version 0.0.4) strictly; returns `name{labels}` → value. */
function parseMetrics(text) {
  const types = new Map(), samples = new Map();
  assert.ok(text.endsWith('\n'), 'the last line ends with a line feed');
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('# HELP ')) { assert.match(line, /^# HELP [a-zA-Z_:][a-zA-Z0-9_:]* .+$/); continue; }
    if (line.startsWith('# TYPE ')) {
      const [, name, type] = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? assert.fail(line);
      assert.ok(!types.has(name), `one TYPE line for ${name}`);
      types.set(name, type);
      continue;
    }
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels = '', value] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)(?: -?\d+)?$/.exec(line) ?? assert.fail(`not a sample: ${line}`);
    const number = { '+Inf': Infinity, '-Inf': -Infinity, NaN }[value] ?? Number(value);
    assert.ok(!Number.isNaN(number) || value === 'NaN', line);
    assert.ok(!samples.has(name + labels), `one sample for ${name}${labels}`);
    samples.set(name + labels, number);
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count|total)$/, '');
    assert.ok(types.has(family) || types.has(name), `a TYPE line before ${name}`);
    if ((types.get(name) ?? types.get(family)) === 'counter') assert.ok(number >= 0, line);
  }
  return samples;
}

describe('operations', { timeout: 30_000 }, () => {
  let server;
  before(async () => { server = await startServer(); });
  after(() => server?.stop());

  test('/healthz and /readyz answer 200', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const answer = await fetch(server.url(path));
      assert.equal(answer.status, 200, path);
      await answer.text();
      const head = await fetch(server.url(path), { method: 'HEAD' });
      assert.equal(head.status, 200, `HEAD ${path}`);
    }
  });

  test('/metrics is Prometheus text, and counts', async () => {
    const scrape = async () => {
      const answer = await fetch(server.url('/metrics'));
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-type'), /^text\/plain; ?(version=0\.0\.4|charset=utf-8)/);
      return parseMetrics(await answer.text());
    };
    const before = await scrape();
    assert.ok(before.size > 5);
    assert.ok([...before.keys()].every(name => /^(keywire|process)_/.test(name)), [...before.keys()].join(' '));
    const client = await Client.open(server);
    const feed = await client.live(['GET', 'counted'], { every: 0 });
    for (let i = 0; i < 20; i += 1) await feed.after(() => client.command('INCR', 'counted'));
    const now = await scrape();
    const grown = [...now].filter(([name, value]) => value >= (before.get(name) ?? 0) + 20).map(([name]) => name);
    assert.ok(grown.length >= 2, `frames and commands were counted: ${grown}`);
    await client.close();
  });

  test('one read and one frame encoded per change, however many clients watch', async t => {
    const scrape = async () => parseMetrics(await (await fetch(server.url('/metrics'))).text());
    const sum = (metrics, pattern) => [...metrics].filter(([name]) => pattern.test(name)).reduce((all, [, value]) => all + value, 0);
    const key = fresh();
    const clients = await Promise.all(Array.from({ length: 50 }, () => Client.open(server)));
    const feeds = await Promise.all(clients.map(client => client.live(['GET', key], { every: 0 })));
    const before = await scrape();
    for (let i = 1; i <= 20; i += 1) {
      await clients[0].command('SET', key, i);
      await Promise.all(feeds.map(feed => feed.shows(String(i))));
    }
    const now = await scrape();
    const reads = /^keywire_.*reads?(_total)?(\{|$)/;
    const grown = sum(now, reads) - sum(before, reads);
    t.diagnostic(`${grown} reads for 20 changes seen by 50 clients`);
    assert.ok([...now.keys()].some(name => reads.test(name)), `a metric counts reads: ${[...now.keys()].join(' ')}`);
    assert.ok(grown >= 20 && grown <= 45, `${grown} reads`);
    await Promise.all(clients.map(client => client.close()));
  });

  test('paths that are not there are 404', async () => {
    for (const path of ['/nothing', '/socket.io/', '/console/', '/../etc/passwd', '/ws/more', '/metricsx', '/%00']) {
      const answer = await fetch(server.url(path));
      assert.equal(answer.status, 404, path);
      await answer.text();
    }
  });

  test('GET / says what this is', async () => {
    const answer = await fetch(server.url('/'));
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /keywire/i);
  });

  test('/ws without an upgrade is a client error that says what to do', async () => {
    const answer = await fetch(server.url('/ws'));
    assert.ok([400, 426].includes(answer.status), `${answer.status}`);
    await answer.text();
  });

  test('the start banner says what listens where', () => {
    assert.match(server.output.text, new RegExp(`127\\.0\\.0\\.1:${server.port}`));
  });
});

describe('the command line', { timeout: 30_000 }, () => {
  test('--help and --version', async () => {
    const help = await runToEnd(['--help']);
    assert.equal(help.code, 0);
    for (const word of ['serve', 'demo', 'bench']) assert.match(help.output, new RegExp(`\\b${word}\\b`));
    assert.doesNotMatch(help.output, /^\s+echo\b/m, 'echo is hidden');
    const version = await runToEnd(['--version']);
    assert.match(version.output, /keywire \d+\.\d+\.\d+/);
  });

  test('mistakes end with a code that is not 0 and name themselves', async () => {
    for (const [args, named] of [[['serve', '--listen', 'nowhere'], /nowhere|listen/], [['serve', '--lanes', '0', '--listen', '127.0.0.1:1'], /lanes/], [['frobnicate'], /frobnicate/]]) {
      const { code, output } = await runToEnd(args, { timeout_ms: 5_000 });
      assert.ok(code > 0, `${args.join(' ')} → ${code}`);
      assert.match(output, named);
    }
  });

  test('connections_max holds for handshakes that come at once', async () => {
    const server = await startServer({ set: { 'limits.connections_max': 20 } });
    const outcome = () => new Promise(resolve => {
      const socket = new WebSocket(server.wsUrl('/ws'));
      socket.once('open', () => resolve({ socket }));
      socket.once('unexpected-response', (_, answer) => resolve({ status: answer.statusCode }));
      socket.once('error', () => {});
    });
    const outcomes = await Promise.all(Array.from({ length: 100 }, outcome));
    const open = outcomes.filter(({ socket }) => socket);
    assert.ok(open.length <= 20 && open.length > 0, `${open.length} are open`);
    assert.ok(outcomes.every(({ socket, status }) => socket || status === 503));
    open[0].socket.close();
    await once(open[0].socket, 'close');
    for (let more; !(more = await outcome()).socket;) assert.equal(more.status, 503);
    await server.stop();
  });

  test('a port in use is told, not retried for ever', async () => {
    const server = await startServer();
    const { code, output } = await runToEnd(['serve', '--listen', `127.0.0.1:${server.port}`], { timeout_ms: 5_000 });
    assert.ok(code > 0, `exit code ${code}`);
    assert.match(output, new RegExp(String(server.port)));
    await server.stop();
  });
});

test('keywire echo gives back every message, of any size and fragmentation', { timeout: 60_000 }, async () => {
  const server = await startServer({ subcommand: 'echo', ready: null });
  const socket = new WebSocket(server.wsUrl('/'), { maxPayload: 32 << 20, perMessageDeflate: false });
  await once(socket, 'open');
  for (const size of [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20, 16 << 20]) {
    const text = 'ü'.repeat(size >> 1) + (size & 1 ? 'x' : '');
    for (const message of [text, randomBytes(size)]) {
      socket.send(message);
      const [back, isBinary] = await once(socket, 'message');
      assert.equal(isBinary, typeof message !== 'string');
      assert.ok(Buffer.from(message).equals(back), `${size} bytes`);
    }
  }
  for (const cuts of [2, 7, 100]) {
    const message = randomBytes(50_000);
    for (let i = 0; i < cuts; i += 1) socket.send(message.subarray(Math.floor(i * 50_000 / cuts), Math.floor((i + 1) * 50_000 / cuts)), { binary: true, fin: i === cuts - 1 });
    const [back] = await once(socket, 'message');
    assert.ok(message.equals(back), `${cuts} fragments`);
  }
  socket.close();
  await once(socket, 'close');
  await server.stop();
});
