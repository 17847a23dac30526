// A rolling restart: two nodes behind a real proxy before one Redis, clients with feeds of every kind, writers that never stop; one node
// is drained and started anew, then the other. Clients do what the SDKs do (docs/protocol.md): they come back after a delay drawn from
// the window that `hello` told, and resume by `have` and `from`.
//
// The promises are checked by the feeds themselves, as in every other run of this folder. What is measured beside that: how long a
// client was away, until all of its feeds were current again; how long it heard nothing at all; how old a stream's entry was when it
// came; and what Redis was asked meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import { BEHIND, startFront } from '../blackbox/lib/front.mjs';
import { startServer } from '../blackbox/lib/server.mjs';
import { ChaosClient } from './clients.mjs';
import { Follow } from './feeds.mjs';
import { DEFAULTS, Run } from './harness.mjs';
import { KEYS, queries } from './workload.mjs';

const ROLLING = {
  clients: 2_000, front: 'haproxy', tls: false, rate: 40, settle_ms: 60_000,
  /** How long all goes on undisturbed, before the first restart and after each. */
  calm_ms: 8_000,
  /** Settings of both nodes. A proxy that asks every 500 ms needs a notice of two of those. */
  set: {},
  seed: 6, topology: 'redis', proxied: false,
};
const NOTICE_MS = 1_200;
const SAMPLE_MS = 100;
/** Clients that begin at once, ten times a second. */
const RAMP = 50;

export async function rolling(options = {}) {
  const run = new Rolling({ ...DEFAULTS, ...ROLLING, ...options });
  try { await run.all(); } finally { await run.end(); }
  return run.summary();
}

/** The same client as in the other runs, but that it comes back as the SDKs do; and it looks at the clock. */
class RollingClient extends ChaosClient {
  failures = 0;
  /** `{from, ms, code}` of each time that it was away, until all feeds were current again. */
  away = [];
  silence_ms = 0;

  /** The first connection waits for its turn: a crowd that comes at once is what is measured later, not now. */
  connect() {
    if (this.hasBegun) { super.connect(); return; }
    this.hasBegun = true;
    this.socket = { readyState: 0, terminate() {} };
    setTimeout(() => super.connect(), Math.floor(this.number / RAMP) * 100);
  }

  receive(frame) {
    const now = performance.now();
    if (frame.hello) this.window = frame.hello.reconnect_ms;
    else if (!('id' in frame)) {
      // The time away is measured for itself.
      if (this.heard !== undefined) this.silence_ms = Math.max(this.silence_ms, now - this.heard);
      this.heard = now;
    }
    if (frame.entries) this.figures.oldest_entry_ms = Math.max(this.figures.oldest_entry_ms, ...frame.entries.map(([id]) => (this.isCurrent ? Date.now() - parseInt(id, 10) : 0)));
    super.receive(frame);
    if (!this.gone && this.isCurrent) return;
    if (this.feeds.every(({ open, stale }) => open && !stale)) {
      this.failed = this.failures;
      this.failures = 0;
      this.isCurrent = true;
      if (this.gone) this.away.push({ ...this.gone, ms: now - this.gone.from, failures: this.failed - 1 });
      this.gone = undefined;
    }
  }

  closed(code) {
    if (this.isCurrent) this.gone ??= { from: performance.now(), code };
    super.closed(code);
    this.failures += 1;
  }

  delay() {
    const [least, most] = this.window ?? [100, 2_000];
    return (least + this.random.below(1 + most - least)) * 2 ** this.failures;
  }
}

class Rolling extends Run {
  restarts = [];
  nodes = [];

  async all() {
    Object.assign(this, { lossless: true, windows: [] });
    this.figures.oldest_entry_ms = 0;
    await this.begin();
    await this.roll();
  }

  /** One live query of each type, a channel, a pattern and a stream. Which, goes by the client's number: so all are watched on both nodes. */
  queriesOf(number, random) {
    const ofType = group(queries(), typeOf);
    const pick = (list, by) => list[(number * by + random.below(list.length)) % list.length];
    const live = [...ofType.values()].map(list => ({ live: pick(list, 7), ...random.pick([{}, { every: 0 }, { every: 50 }, { every: 250 }]), ...(random.below(4) === 0 ? { json: true } : {}) }));
    return [...live, { subscribe: pick(KEYS.channel, 5) }, { psubscribe: `${pick(KEYS.channel, 3)}*` }, { follow: pick(KEYS.stream, 1), from: random.pick(['0', '$']) }];
  }

  newClient(number, options) { return new RollingClient(number, { ...options, options: this.frontend.options }); }

  async startKeywire() {
    this.nodes = [await this.startNode(), await this.startNode()];
    this.frontend = await startFront(this.front, this.nodes.map(({ port }) => port), { tls: this.tls, connections_max: this.clients });
    this.server = { wsUrl: door => this.frontend.wsUrl(door), memory: () => Math.max(...this.nodes.map(node => node.memory())) };
    await sleep(1_500);
  }

  startNode(port) {
    return startServer({
      port, backend: false, args: ['--redis', this.servers.url],
      set: { ...BEHIND, 'limits.connections_per_address_max': 0, 'drain.notice_ms': NOTICE_MS, 'log.level': 'warn', ...this.set },
    });
  }

  async stopKeywire() {
    await this.frontend?.stop();
    await Promise.all(this.nodes.map(node => node.stop().catch(error => this.problem('died', error.message))));
  }

  async roll() {
    this.writing.start();
    const admin = await this.servers.nodes[0].client();
    this.redis = new RedisWatch(admin);
    await sleep(1_000);
    this.forget();
    this.calm = await this.watched(() => sleep(this.calm_ms));
    this.say(`undisturbed: ${describe(this.calm)}`);
    for (const at of [0, 1]) {
      const restart = await this.watched(() => this.restart(at));
      this.restarts.push(Object.assign(restart, { clients: this.moved(restart), reads_per_query: (restart.reads - this.calm.reads * restart.seconds / this.calm.seconds) / this.distinct }));
      this.say(`${'AB'[at]} restarted: ${describe(restart)}; ${restart.clients} clients moved, ${restart.reads_per_query.toFixed(2)} reads more per distinct query than undisturbed`);
      await sleep(this.calm_ms);
    }
    this.redis.stop();
    await this.writing.stop();
    await this.writing.lastMessages(10_000);
    await this.settle('the restarts');
    this.check(true);
    this.rounds_done = 1;
    admin.end();
    if (this.problems.length > 0 || this.users.some(user => user.away.some(({ ms }) => ms > 3_000))) this.say(`the proxy said: ${this.frontend.log.slice(-3_000)}`);
  }

  /** One node is drained, ends, and is started again in its place; until every client is current. */
  async restart(at) {
    const node = this.nodes[at];
    const port = node.port;
    await node.stop();
    this.nodes[at] = await this.startNode(port);
    for (const end = performance.now() + 30_000; performance.now() < end && !this.users.every(user => user.isCurrent && !user.gone);) await sleep(20);
  }

  moved({ from }) { return this.users.filter(({ away }) => away.some(each => each.from >= from)).length; }

  forget() {
    for (const user of this.users) Object.assign(user, { away: [], silence_ms: 0, heard: undefined });
    this.figures.oldest_entry_ms = 0;
  }

  /** What Redis was asked while `act` was done. */
  async watched(act) {
    const from = performance.now(), before = await this.redis.calls();
    this.redis.peaks = [];
    await act();
    const after = await this.redis.calls(), seconds = (performance.now() - from) / 1_000;
    const asked = Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]).filter(([name, count]) => count > 0 && !OWN.has(name)));
    const reads = sum(Object.entries(asked).filter(([name]) => READS.has(name)).map(([, count]) => count));
    return { from, seconds, asked, reads, peak_per_second: Math.max(...this.redis.peaks), commands_per_second: sum(Object.values(asked)) / seconds };
  }

  /** Distinct watches and streams. */
  get distinct() { return new Set(this.allFeeds.flatMap(({ query }) => (query.live ? [JSON.stringify(query.live)] : query.follow ? [query.follow] : []))).size; }

  summary() {
    const away = this.users.flatMap(user => user.away).map(({ ms }) => ms).sort((a, b) => a - b);
    const silence = this.users.map(({ silence_ms }) => silence_ms).sort((a, b) => a - b);
    const followers = this.allFeeds.filter(feed => feed instanceof Follow);
    return {
      ...super.summary(), distinct: this.distinct, calm: this.calm, restarts: this.restarts, oldest_entry_ms: this.figures.oldest_entry_ms, followers: followers.length,
      failed: this.users.flatMap(user => user.away).reduce((all, { failures }) => all + failures, 0),
      away: { count: away.length, p50: at(away, 0.5), p99: at(away, 0.99), max: away.at(-1) ?? 0 }, silence: { p50: at(silence, 0.5), p99: at(silence, 0.99), max: silence.at(-1) ?? 0 },
    };
  }
}

/** Samples what Redis carries out. */
class RedisWatch {
  peaks = [];

  constructor(admin) {
    this.admin = admin;
    this.timer = setInterval(() => this.sample().catch(() => {}), SAMPLE_MS);
  }

  async sample() {
    const info = await this.admin.command('INFO', 'stats');
    const now = performance.now(), count = Number(/^total_commands_processed:(\d+)/m.exec(info)[1]);
    // This question is not Redis' load.
    if (this.last && now - this.last.now < SAMPLE_MS / 2) return;
    if (this.last) this.peaks.push((count - this.last.count - 1) / (now - this.last.now) * 1_000);
    this.last = { now, count };
  }

  /** Calls by command so far. */
  async calls() {
    const info = await this.admin.command('INFO', 'commandstats');
    return Object.fromEntries([...info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]));
  }

  stop() { clearInterval(this.timer); }
}

/** What this run asks itself. */
const OWN = new Set(['info']);
/** Commands of live queries and of followed streams; none of them is a writer's. */
const READS = new Set([...queries().map(([name]) => name.toLowerCase()), 'xrange', 'xread', 'xinfo|stream']);
const typeOf = ([, key]) => key.split(':')[1].replace(/\{.*/, 'multi');
const sum = list => list.reduce((all, each) => all + each, 0);
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const describe = ({ asked, reads, peak_per_second, commands_per_second, seconds }) => `${seconds.toFixed(1)} s, Redis ${commands_per_second.toFixed(0)} commands/s, at most ${peak_per_second.toFixed(0)}/s in ${SAMPLE_MS} ms, ${reads} reads (${Object.entries(asked).sort((a, b) => b[1] - a[1]).slice(0, 8).map(([name, count]) => `${name} ${count}`).join(', ')})`;

function group(list, by) {
  const groups = new Map();
  for (const each of list) groups.set(by(each), [...(groups.get(by(each)) ?? []), each]);
  return groups;
}
