// What stands before several nodes: HAProxy or nginx, by the files of deploy/ as they are, with ports, names and certificates of
// their own.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, repository } from './server.mjs';
import { temporaryFolder } from './topology.mjs';

export const FRONTS = ['nginx', 'haproxy'];
/** By this name the proxies' files call the service. */
export const HOST = 'live.example.com';
const folder = temporaryFolder('front');
const deployed = name => readFileSync(path.join(repository, 'deploy', name), 'utf8');

/** A certificate for `HOST`. */
function certificate() {
  const [cert, key, both] = ['live.crt', 'live.key', 'live.pem'].map(name => path.join(folder, name));
  if (!existsSync(both)) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(both, readFileSync(cert) + readFileSync(key));
  }
  return { cert, key, both };
}

const CONFIGS = {
  nginx(home, [a, b], port, tls, connections_max) {
    const cert = certificate();
    let config = deployed('nginx.conf').replace('7701', a).replace('7702', b).replace('listen 443 ssl', `listen 127.0.0.1:${port}${tls ? ' ssl' : ''}`)
      .replace('/etc/nginx/live.pem', cert.cert).replace('/etc/nginx/live.key', cert.key)
      .replace('worker_processes auto', 'worker_processes 1').replace('worker_rlimit_nofile 200000;', '').replace('worker_connections 100000', `worker_connections ${connections_max * 3 + 200}`)
      .replace('http {', `http {\n    access_log off;\n    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(what => `${what}_temp_path ${home}/${what};`).join(' ')}`);
    if (!tls) config = config.replace(/^.*ssl_(certificate|certificate_key|protocols).*\n/gm, '');
    const file = path.join(home, 'nginx.conf');
    writeFileSync(file, `daemon off;\nmaster_process off;\npid ${home}/nginx.pid;\nerror_log stderr;\n${config}`);
    return ['nginx', '-e', 'stderr', '-p', home, '-c', file];
  },
  haproxy(home, [a, b], port, tls, connections_max) {
    const config = deployed('haproxy.cfg').replace('7701', a).replace('7702', b).replace('maxconn 200000', `maxconn ${connections_max + 200}`)
      .replace('bind :443 ssl crt /etc/haproxy/live.pem alpn http/1.1', `bind 127.0.0.1:${port}${tls ? ` ssl crt ${certificate().both} alpn http/1.1` : ''}`);
    const file = path.join(home, 'haproxy.cfg');
    writeFileSync(file, config);
    return ['haproxy', '-db', '-f', file];
  },
};

/** Settings of nodes that stand behind one. */
export const BEHIND = { hosts: HOST, trusted_proxies: '127.0.0.1' };

/** Starts `kind` before the two nodes at these ports. It may not take connections yet. It ends with this process in every case. */
export async function startFront(kind, ports, { tls = true, connections_max = 1_000 } = {}) {
  const port = await freePort();
  const home = path.join(folder, `${kind}-${port}`);
  mkdirSync(home);
  return new Front(CONFIGS[kind](home, ports, port, tls, connections_max), port, tls);
}

class Front {
  constructor(line, port, tls) {
    Object.assign(this, { port, tls, log: '' });
    const child = this.child = spawn('setpriv', ['--pdeathsig', 'KILL', ...line], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(child, 'close');
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { this.log = (this.log + chunk).slice(-20_000); });
  }

  wsUrl(door) { return `${this.tls ? 'wss' : 'ws'}://127.0.0.1:${this.port}${door}`; }

  /** What a client gives to connect by name. */
  get options() {
    const headers = { host: HOST, origin: `https://${HOST}` };
    return this.tls ? { ca: readFileSync(certificate().cert), servername: HOST, headers } : { headers: { host: HOST } };
  }

  async stop() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
