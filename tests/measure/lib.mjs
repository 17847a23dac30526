// What the measurements share: servers, many clients, the server's own counts, a table.
import { execFile, execFileSync } from 'node:child_process';
import os from 'node:os';
import { promisify, parseArgs } from 'node:util';
import { startServer } from '../blackbox/lib/server.mjs';
import { startStandalone } from '../blackbox/lib/topology.mjs';
import WebSocket from '../blackbox/lib/ws.mjs';

const run = promisify(execFile);

/** `--name value` for each of these numbers and strings. */
export function flags(defaults) {
  const { values } = parseArgs({ options: Object.fromEntries(Object.keys(defaults).map(name => [name, { type: 'string' }])) });
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, name in values ? (typeof value === 'number' ? Number(values[name]) : values[name]) : value]));
}

/** A server of this brand and a keywire in front of it, with limits that let one machine be many clients. */
export async function startBoth({ brand = 'redis', port, args = [] } = {}) {
  const topology = await startStandalone({ brand, args });
  const node = topology.nodes[0];
  const server = await startKeywire(topology, port);
  return { topology, node, server, admin: await node.client(), async stop() { this.admin.end(); await this.server.stop(); await topology.stop(); } };
}

export const startKeywire = (topology, port) => startServer({
  port, backend: false, args: ['--redis', topology.url],
  set: { 'limits.requests_per_second_max': 100_000, 'limits.requests_burst_max': 100_000, 'limits.feeds_max': 1_000_000, 'log.level': 'warn' },
});

/** A WebSocket that keeps no frames: `replies` by id, `onFeed` for feed frames. */
export class Quick {
  static open(url) {
    return new Promise((resolve, reject) => {
      const quick = new Quick(new WebSocket(url, 'keywire.v1.json', { perMessageDeflate: false }));
      quick.socket.once('error', reject);
      quick.hello = () => resolve(quick);
    });
  }

  constructor(socket) {
    Object.assign(this, { socket, replies: new Map(), nextId: 1, onFeed: () => {} });
    this.closed = new Promise(resolve => socket.once('close', resolve));
    socket.on('message', data => {
      const frame = JSON.parse(data);
      if (frame.hello) this.hello();
      else if ('id' in frame) { this.replies.get(frame.id)?.(frame); this.replies.delete(frame.id); } else this.onFeed(frame);
    });
  }

  request(body) {
    const id = this.nextId++;
    return new Promise(resolve => { this.replies.set(id, resolve); this.socket.send(JSON.stringify({ id, ...body })); });
  }

  /** Many requests in few frames. */
  requests(bodies) {
    const all = [];
    for (let at = 0; at < bodies.length; at += 500) {
      const batch = bodies.slice(at, at + 500).map(body => ({ id: this.nextId++, ...body }));
      all.push(...batch.map(({ id }) => new Promise(resolve => this.replies.set(id, resolve))));
      this.socket.send(JSON.stringify(batch));
    }
    return Promise.all(all);
  }
}

export async function openMany(server, count) {
  const clients = [];
  while (clients.length < count) clients.push(...await Promise.all(Array.from({ length: Math.min(50, count - clients.length) }, () => Quick.open(server.wsUrl('/ws')))));
  return clients;
}

/** Calls by command, of `INFO commandstats`. */
export async function calls(admin) {
  const info = await admin.command('INFO', 'commandstats');
  return Object.fromEntries([...info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]));
}

/** The server's CPU seconds so far. */
export async function cpu(admin) {
  const info = await admin.command('INFO', 'cpu');
  return Number(/used_cpu_sys:([\d.]+)/.exec(info)[1]) + Number(/used_cpu_user:([\d.]+)/.exec(info)[1]);
}

/** redis-benchmark to its end; SETs a second as it says. */
export async function benchmark(port, args) {
  const { stdout } = await run('redis-benchmark', ['-p', String(port), '-q', '--csv', ...args.map(String)], { maxBuffer: 64 << 20 });
  return Number(stdout.trim().split('\n').at(-1).split(',')[1].replaceAll('"', ''));
}

export const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
export const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Rows of equal objects as a Markdown table, with the machine and the command that repeats it. */
export function report(title, rows) {
  const names = Object.keys(rows[0]);
  const kernel = os.release(), cores = os.cpus().length;
  console.log(`\n### ${title}\n\n${os.cpus()[0].model}, ${cores} cores, Linux ${kernel}; ${version('redis-server')}\n`);
  console.log(`| ${names.join(' | ')} |\n|${names.map(() => ' --- |').join('')}`);
  for (const row of rows) console.log(`| ${names.map(name => row[name]).join(' | ')} |`);
  console.log(`\nAgain: \`KEYWIRE=<release binary> node ${process.argv.slice(1).map(word => word.replace(/^.*\/tests\//, 'tests/')).join(' ')}\``);
}

function version(binary) {
  try { return execFileSync(binary, ['--version'], { encoding: 'utf8' }).split(' ').slice(0, 3).join(' '); } catch { return ''; }
}
