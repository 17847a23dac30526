// What stands in deploy/ and docs/ is true: every metric exists, and the proxies' files work as they are.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client, fresh, until } from './lib/client.mjs';
import { freePort, repository, startServer } from './lib/server.mjs';

const dir = mkdtempSync(path.join(os.tmpdir(), 'keywire-deploy-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const text = name => readFileSync(path.join(repository, name), 'utf8');

test('every metric that the dashboard, the alerts and the docs name is there, and every one there is documented', { timeout: 30_000 }, async () => {
  // A backend that is away: its metrics are told all the same.
  const server = await startServer({ args: ['--redis', `redis://127.0.0.1:${await freePort()}`], backend: false, ready: '/healthz' });
  const metrics = await (await fetch(server.url('/metrics'))).text();
  await server.stop();
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

/** A certificate for live.example.com. */
function certificate() {
  const [cert, key] = [path.join(dir, 'live.crt'), path.join(dir, 'live.key')];
  if (!existsSync(cert)) execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=live.example.com', '-addext', 'subjectAltName=DNS:live.example.com', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  writeFileSync(path.join(dir, 'live.pem'), readFileSync(cert) + readFileSync(key));
  return { cert, key, both: path.join(dir, 'live.pem'), ca: readFileSync(cert) };
}

const PROXIES = {
  nginx(config, ports, front, cert) {
    const file = path.join(dir, 'nginx.conf');
    const own = config.replace('7701', ports[0]).replace('7702', ports[1]).replace('listen 443 ssl', `listen 127.0.0.1:${front} ssl`)
      .replace('/etc/nginx/live.pem', cert.cert).replace('/etc/nginx/live.key', cert.key)
      .replace('worker_processes auto', 'worker_processes 1').replace('worker_rlimit_nofile 200000;', '').replace('worker_connections 100000', 'worker_connections 1000')
      .replace('http {', `http {\n    access_log off;\n    client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;`);
    writeFileSync(file, `daemon off;\nmaster_process off;\npid ${dir}/nginx.pid;\nerror_log stderr;\n${own}`);
    return spawn('nginx', ['-e', 'stderr', '-p', dir, '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  },
  haproxy(config, ports, front, cert) {
    const file = path.join(dir, 'haproxy.cfg');
    writeFileSync(file, config.replace('7701', ports[0]).replace('7702', ports[1]).replace('bind :443', `bind 127.0.0.1:${front}`)
      .replace('/etc/haproxy/live.pem', cert.both).replace('maxconn 200000', 'maxconn 1000'));
    return spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  },
};

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

for (const [name, start] of Object.entries(PROXIES)) {
  describe(`behind ${name}`, { timeout: 60_000 }, () => {
    test('a command that may have been carried out is not sent again', async () => {
      const cert = certificate();
      const asked = [];
      const nodes = [await deadEnd(asked), await deadEnd(asked)];
      const front = await freePort();
      const proxy = start(text(name === 'nginx' ? 'deploy/nginx.conf' : 'deploy/haproxy.cfg'), nodes.map(node => node.address().port), front, cert);
      for (const stream of [proxy.stdout, proxy.stderr]) stream.resume();
      const ended = once(proxy, 'close');
      const status = (method, target, body) => new Promise((resolve, reject) => {
        const request = https.request({ host: '127.0.0.1', port: front, method, path: target, ca: cert.ca, servername: 'live.example.com', agent: false, headers: { host: 'live.example.com', 'content-type': 'application/json' } }, answer => { answer.resume(); resolve(answer.statusCode); });
        request.on('error', reject);
        request.end(body);
      });
      try {
        await until(async () => await status('GET', '/readyz').catch(() => 0) === 200, 'the proxy', 15_000);
        assert.equal(await status('POST', '/command', '["INCR","k"]'), 502);
        assert.deepEqual(asked, ['POST']);
      } finally {
        proxy.kill('SIGKILL');
        await ended;
        nodes.forEach(node => { node.closeAllConnections(); node.close(); });
      }
    });

    test('TLS, WebSocket and events pass; addresses are told; a node is restarted and its clients go on at the other', async () => {
      const cert = certificate();
      const set = { hosts: 'live.example.com', trusted_proxies: '127.0.0.1', 'admin.access': 'secret', 'admin.secret': 'a secret for the tests', 'drain.notice_ms': 1_200, 'limits.reconnect_ms': '20ms,200ms' };
      const nodes = [await startServer({ set }), await startServer({ set })];
      const front = await freePort();
      const proxy = start(text(name === 'nginx' ? 'deploy/nginx.conf' : 'deploy/haproxy.cfg'), nodes.map(({ port }) => port), front, cert);
      let log = '';
      for (const stream of [proxy.stdout, proxy.stderr]) stream.on('data', chunk => { log += chunk; });
      const ended = once(proxy, 'close');
      try {
        const url = door => `wss://127.0.0.1:${front}${door}`;
        const options = { ca: cert.ca, servername: 'live.example.com', headers: { host: 'live.example.com', origin: 'https://live.example.com' } };
        const connect = async () => {
          const client = new Client(new WebSocket(url('/ws'), 'keywire.v1.json', options));
          await client.opened;
          return client;
        };
        const first = await until(() => connect().catch(() => null), () => `the proxy: ${log}`, 15_000);
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
        proxy.kill('SIGKILL');
        await ended;
        await Promise.all(nodes.map(node => node.stop()));
      }
    });
  });
}
