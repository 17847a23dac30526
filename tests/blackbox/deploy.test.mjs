// What stands in deploy/ and docs/ is true: every metric exists, and the proxies' files work as they are.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { rolling } from '../chaos/rolling.mjs';
import { EMBEDDED } from './lib/backend.mjs';
import { Client, fresh, until } from './lib/client.mjs';
import { BEHIND, FRONTS, startFront } from './lib/front.mjs';
import { freePort, repository, startServer } from './lib/server.mjs';

const text = name => readFileSync(path.join(repository, name), 'utf8');

test('every metric that the dashboard, the alerts and the docs name is there, and every one there is documented', { timeout: 30_000 }, async () => {
  // A backend that is away, whose metrics are told all the same; and the embedded store.
  let metrics = '';
  for (const args of [['--redis', `redis://127.0.0.1:${await freePort()}`], ['--resp', `127.0.0.1:${await freePort()}`]]) {
    const server = await startServer({ args, backend: false, ready: '/healthz' });
    metrics += await (await fetch(server.url('/metrics'))).text();
    await server.stop();
  }
  const there = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const base = name => (there.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''));
  const docs = readdirSync(path.join(repository, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`);
  for (const file of ['deploy/grafana.json', 'deploy/alerts.yml', 'README.md', ...docs]) {
    // A whole name: not a label's, a host's or the beginning of a family's ("keywire_backend_…").
    for (const [, name] of text(file).matchAll(/(?<![\w.-])(keywire_[a-z0-9_]*[a-z0-9])(?![\w…*-]|_…)/g)) {
      assert.ok(there.has(base(name)), `${file} names ${name}`);
    }
  }
  const documented = text('docs/operations.md') + text('docs/redis.md');
  const missing = [...there].filter(name => name.startsWith('keywire_') && !name.startsWith('keywire_backend_') && !documented.includes(`\`${name}\``));
  assert.deepEqual(missing, [], 'docs/operations.md has them all');
  for (const panel of JSON.parse(text('deploy/grafana.json')).panels.filter(({ type }) => type !== 'row')) assert.ok(panel.targets.length > 0 && panel.title);
});

test('the systemd unit runs as a user who can read the settings as its comment installs them', () => {
  const unit = text('deploy/keywire.service');
  const value = name => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];
  const install = /^#.*install -D -m 640 -g (\S+) keywire\.toml (\S+)/m.exec(unit);
  assert.ok(install, 'the comment says how the settings are installed');
  assert.equal(value('User'), install[1]);
  assert.equal(value('DynamicUser'), undefined, 'its group would be another at each start');
  for (const line of ['ExecStartPre', 'ExecStart']) assert.match(value(line), new RegExp(`--config ${install[2]}$`));
  for (const what of ['ProtectSystem=strict', 'PrivateTmp=yes', 'RemoveIPC=yes', 'NoNewPrivileges=yes', 'RestrictSUIDSGID=yes']) assert.ok(unit.includes(`\n${what}\n`), what);
});

const SYSTEMD = '/usr/bin/systemd-analyze';
test('the systemd unit is understood whole, and gives few rights', { skip: existsSync(SYSTEMD) ? false : 'there is no systemd here' }, () => {
  const run = (...args) => spawnSync(SYSTEMD, [...args, path.join(repository, 'deploy/keywire.service')], { encoding: 'utf8' });
  // That it is not installed here is all there is to say.
  const said = run('verify').stderr.split('\n').filter(line => line.includes('keywire.service') && !/is not executable/.test(line));
  assert.deepEqual(said, []);
  const { status, stdout } = run('security', '--offline=true', '--threshold=20', '--no-pager');
  assert.equal(status, 0, stdout.split('\n').slice(-3).join('\n'));
});

/** An HTTP server in keywire's place: ready, and gone without an answer to anything else that it is asked. */
async function deadEnd(asked) {
  const server = http.createServer((request, response) => {
    if (request.url === '/readyz') { response.end('ok'); return; }
    asked.push(request.method);
    request.resume().once('end', () => request.socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

for (const name of FRONTS) {
  describe(`behind ${name}`, { timeout: 60_000 }, () => {
    test('a command that may have been carried out is not sent again', async () => {
      const asked = [];
      const nodes = [await deadEnd(asked), await deadEnd(asked)];
      const front = await startFront(name, nodes.map(node => node.address().port));
      const status = (method, target, body) => new Promise((resolve, reject) => {
        const { headers, ...options } = front.options;
        const request = https.request({ host: '127.0.0.1', port: front.port, method, path: target, agent: false, ...options, headers: { ...headers, 'content-type': 'application/json' } }, answer => { answer.resume(); resolve(answer.statusCode); });
        request.on('error', reject);
        request.end(body);
      });
      try {
        await until(async () => await status('GET', '/readyz').catch(() => 0) === 200, () => `the proxy: ${front.log}`, 15_000);
        assert.equal(await status('POST', '/command', '["INCR","k"]'), 502);
        assert.deepEqual(asked, ['POST']);
      } finally {
        await front.stop();
        nodes.forEach(node => { node.closeAllConnections(); node.close(); });
      }
    });

    test('TLS, WebSocket and events pass; addresses are told; a node is restarted and its clients go on at the other', async () => {
      const set = { ...BEHIND, 'admin.access': 'secret', 'admin.secret': 'a secret for the tests', 'drain.notice_ms': 1_200, 'limits.reconnect_ms': '20ms,200ms' };
      const nodes = [await startServer({ set }), await startServer({ set })];
      const front = await startFront(name, nodes.map(({ port }) => port));
      try {
        const connect = async () => {
          const client = new Client(new WebSocket(front.wsUrl('/ws'), 'keywire.v1.json', front.options));
          await client.opened;
          return client;
        };
        const first = await until(() => connect().catch(() => null), () => `the proxy: ${front.log}`, 15_000);
        const clients = [first, ...await Promise.all(Array.from({ length: 19 }, connect))];
        const spread = await Promise.all(nodes.map(async node => Number(/^keywire_connections (\d+)/m.exec(await (await fetch(node.url('/metrics'))).text())[1])));
        assert.ok(spread.every(n => n >= 5), `spread over both: ${spread}`);

        const admin = { headers: { authorization: 'Bearer a secret for the tests' } };
        const { connections } = await (await fetch(nodes[0].url('/admin/connections'), admin)).json();
        assert.ok(connections.every(({ address }) => address === '127.0.0.1'));

        // 60 s of silence are allowed: pings come every 25 s. Here, that nothing is buffered.
        const key = fresh();
        const feed = await first.live(['GET', key], { every: 0 });
        const begun = performance.now();
        await first.command('SET', key, 'through');
        await feed.shows('through');
        assert.ok(performance.now() - begun < 1_000);

        // One node is restarted: who was there comes back, as SDKs do, and finds the other.
        const gone = clients.map(client => client.closed.then(async ({ code }) => {
          for (let tries = 0; tries < 100; tries += 1) {
            const again = await connect().catch(() => null);
            if (again && await again.request({ ping: 1 }).then(() => true, () => false)) return { code, again };
            await sleep(20 + Math.random() * 100);
          }
          return { code, again: null };
        }));
        nodes[0].child.kill('SIGTERM');
        await nodes[0].ended;
        const [moved] = [await Promise.all(gone.filter((_, i) => clients[i].socket.readyState !== WebSocket.OPEN))];
        assert.ok(moved.length >= 5, `${moved.length} had to move`);
        assert.ok(moved.every(({ code, again }) => code === 1001 && again), JSON.stringify(moved.map(({ code, again }) => [code, !!again])));
        assert.ok(clients.length - moved.length >= 5, 'those of the other node noticed nothing');
        [...clients, ...moved.map(({ again }) => again)].forEach(client => client.socket.terminate());
      } finally {
        await front.stop();
        await Promise.all(nodes.map(node => node.stop()));
      }
    });
  });
}

test('two nodes behind HAProxy are restarted one after the other under clients of all feeds, and nobody misses anything', { timeout: 120_000, skip: EMBEDDED ? false : 'it starts a Redis of its own' }, async t => {
  const summary = await rolling({ clients: 100, rate: 100, calm_ms: 1_500, settle_ms: 15_000, set: { 'drain.window_ms': 500, 'limits.reconnect_ms': '50ms,600ms' } });
  assert.deepEqual(summary.problems.slice(0, 5), []);
  const { restarts, feeds, away, distinct } = summary;
  t.diagnostic(`${feeds.entries} entries to ${feeds.follow} followers, ${away.count} times away, at most ${Math.round(away.max)} ms; reads more than else, by distinct query: ${restarts.map(each => each.reads_per_query.toFixed(2))}`);
  assert.ok(feeds.entries > 1_000 && feeds.gaps === 0 && feeds.live > 0 && feeds.messages > 0, JSON.stringify(feeds));
  assert.ok(away.count >= 100 && away.max < 3_000, JSON.stringify(away));
  assert.ok(summary.oldest_entry_ms < 3_000, `an entry came ${summary.oldest_entry_ms} ms after it was written`);
  assert.ok(restarts.every(each => each.reads_per_query < 3), JSON.stringify({ restarts, distinct }));
});
