// One run: servers, a keywire, writers, clients and a nemesis; after every round the promises are checked.
//
// A round: writers write, the nemesis does its harm and repairs it, the writers stop, and within a stated time every client must
// show what the servers say, with every loss told. Everything random comes from the seed; what is left to chance is the timing.
import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../blackbox/lib/client.mjs';
import { startServer } from '../blackbox/lib/server.mjs';
import { slotOf } from '../blackbox/lib/resp.mjs';
import { startTopology } from '../blackbox/lib/topology.mjs';
import { ChaosClient, countFeeds, newFigures } from './clients.mjs';
import { Follow, Live, Messages, checkStaleness } from './feeds.mjs';
import { openLink, truthOf } from './links.mjs';
import { FAULTS } from './nemesis.mjs';
import { KEYS, SIZES, feedsOf } from './workload.mjs';
import { Writers } from './writers.mjs';

export const DEFAULTS = {
  topology: 'redis', seconds: 60, clients: 200, feeds: 10, writers: 8, rate: 400, seed: undefined,
  /** How long after the last repair everything must be current. */
  settle_ms: 15_000,
  /** What is allowed over the promised two seconds until `stale` is told: this process and two cores have much to do. */
  slack_ms: 1_000,
  /** Rounds have so many faults, at least one. */
  faults_max: 3,
  /** Only these, if given. */
  faults: undefined,
  rounds: Infinity,
  /** Plants by client number: functions of frames. */
  plants: [],
  /** Clients that leave, stall and change their feeds. */
  restless: true,
  storm_ms: 1_500,
  /** keywire reaches the servers by proxies that break what goes through them. */
  proxied: true,
  say: () => {},
};

export async function chaos(options) {
  const run = new Run({ ...DEFAULTS, ...options });
  try { await run.all(); } finally { await run.end(); }
  return run.summary();
}

/** Also for runs of another kind: they begin and end, settle and check alike. */
export class Run {
  constructor(options) {
    Object.assign(this, options, { problems: [], figures: newFigures(), rounds_done: 0, faultCounts: {}, outages: 0 });
    this.seed ??= Math.floor(Math.random() * 2 ** 31);
    this.random = new Random(this.seed);
    this.maxima = { settled_ms: 0, stale_told_ms: 0, memory_bytes: 0 };
    this.problem = (kind, text, feed, client) => {
      this.problems.push({ kind, text, client: client?.number, round: this.rounds_done + 1, recent: feed?.recent.slice(-6) });
    };
    this.memory_bytes_max ??= (96 << 20) + this.clients * (3 << 19);
  }

  /** Its own random numbers for each part, so that one part's haste does not change another's. */
  part(name) { return new Random((this.seed ^ slotOf(name) * 2_654_435) >>> 0); }

  async all() {
    await this.begin();
    const end = performance.now() + this.seconds * 1_000;
    while (performance.now() < end && this.rounds_done < this.rounds && !this.died) await this.round();
  }

  async begin() {
    if (this.topology !== 'embedded') this.servers = await startTopology(this.topology, { proxied: this.proxied, durable: true });
    await this.startKeywire();
    this.writing = new Writers(Math.min(this.writers, SIZES.counters), {
      random: number => this.part(`writer${number}`), link: number => openLink(this.servers, () => this.server, this.part(`link${number}`)), rate: this.rate, problem: this.problem,
    });
    this.writing.publishers.mayRepeat = this.topology === 'cluster';
    this.link = openLink(this.servers, () => this.server, this.part('link'));
    this.nemesisLink = openLink(this.servers, () => this.server, this.part('nemesis link'));
    this.users = Array.from({ length: this.clients }, (_, number) => {
      const random = this.part(`client${number}`);
      return this.newClient(number, {
        url: () => this.server.wsUrl('/ws'), random, queries: this.queriesOf(number, random), publishers: this.writing.publishers,
        problem: this.problem, figures: this.figures, plant: this.plants[number],
      });
    });
    this.sampling = setInterval(() => this.sample(), 1_000);
    if (this.topology === 'sentinel') this.following = setInterval(() => this.follow(), 250);
    await this.settle('the start');
  }

  async startKeywire() {
    this.server = await startServer({
      backend: false,
      args: this.servers ? ['--redis', this.servers.url] : [],
      set: { 'limits.requests_per_second_max': 100_000, 'limits.requests_burst_max': 100_000, 'log.level': this.log ? 'debug' : 'warn', ...this.set },
    });
    if (this.log) for (const stream of [this.server.child.stdout, this.server.child.stderr]) stream.pipe(createWriteStream(this.log, { flags: 'a' }));
    this.server.child.once('exit', (code, signal) => {
      if (this.ending) return;
      this.died = true;
      this.problem('died', `keywire ended with ${code ?? signal}:\n${this.server.output.text.slice(-3_000)}`);
    });
  }

  newClient(number, options) { return new ChaosClient(number, options); }

  queriesOf(_number, random) { return feedsOf(random, this.feeds); }

  /**
   * Writers go where Sentinel says the master is, also when it has changed its mind by itself: two failovers may cross. What they
   * published at the old one until now is heard there only.
   */
  async follow() {
    if (this.isFollowing) return;
    this.isFollowing = true;
    const primary = await this.servers.primary().catch(() => undefined);
    if (primary && primary !== this.followed) {
      const now = performance.now();
      this.writing.publishers.excused.push({ from: now - 1_500, to: now + 300 });
      this.lossless &&= this.followed === undefined;
      this.followed = primary;
      this.writing.moved(primary);
    }
    this.isFollowing = false;
  }

  sample() {
    try {
      const bytes = this.server.memory();
      this.maxima.memory_bytes = Math.max(this.maxima.memory_bytes, bytes);
      if (bytes > this.memory_bytes_max && !this.toldMemory) { this.toldMemory = true; this.problem('memory', `${bytes} bytes, over ${this.memory_bytes_max}`); }
    } catch { /* it ended, which is told elsewhere */ }
  }

  get allFeeds() { return this.users.flatMap(({ feeds }) => feeds); }

  async round() {
    const begun = performance.now();
    this.lossless = true;
    this.windows = [];
    this.said = [];
    const generations = this.writing.generations;
    this.writing.start();
    const restless = this.restless && setInterval(() => this.stir(), Math.max(20, 20_000 / this.clients));
    await this.harm(begun);
    clearInterval(restless);
    if (this.servers) {
      await this.servers.heal();
      if (this.topology === 'cluster') await this.servers.mend();
      await this.servers.healthy(60_000).catch(error => this.problem('nemesis', error.message));
      this.writing.moved(await this.servers.primary());
    }
    await sleep(300);
    await this.writing.stop();
    await this.writing.lastMessages(10_000);
    const settled = await this.settle(this.said.join('; '));
    if (this.died) return;
    this.check(this.lossless && generations === this.writing.generations);
    this.rounds_done += 1;
    this.say(`round ${this.rounds_done}, ${((performance.now() - begun) / 1_000).toFixed(1)} s: ${this.said.join('; ') || 'no harm'} — current after ${Math.round(settled)} ms, ${this.problems.length} problems`);
    this.writing.nextRound();
    if (this.restless) for (const user of this.users) if (user.random.below(3) === 0) user.change(feedsOf(user.random, 1)[0]);
  }

  /** Clients leave, stop reading, ask for something else. */
  stir() {
    const user = this.random.pick(this.users);
    const dice = user.random.below(10);
    if (dice < 4) user.leave();
    else if (dice < 6) user.stall(200 + user.random.below(1_500));
    else user.change(feedsOf(user.random, 1)[0]);
  }

  async harm(begun) {
    const kinds = Object.entries(FAULTS[this.topology]).filter(([name]) => !this.faults || this.faults.includes(name));
    const count = kinds.length === 0 ? 0 : 1 + this.random.below(this.faults_max);
    for (let i = 0; i < count && !this.died; i += 1) {
      await sleep(200 + this.random.below(600));
      const [name, fault] = this.random.pick(kinds);
      this.faultCounts[name] = (this.faultCounts[name] ?? 0) + 1;
      try { await fault(await this.context()); } catch (error) {
        this.said.push(`${name} failed: ${error.message}`);
        this.problem('nemesis', `${name}: ${error.stack}`);
        await this.servers?.heal();
      }
    }
    const left = this.storm_ms - (performance.now() - begun);
    if (left > 0) await sleep(left);
  }

  async context() {
    const { servers: topology, random } = this;
    const primaries = topology ? await topology.primaries() : [];
    const victim = topology?.kind === 'sentinel' ? await topology.primary() : primaries.length > 0 ? random.pick(primaries) : undefined;
    return {
      topology, random, victim, link: this.nemesisLink,
      say: text => this.said.push(text),
      lossy: () => { this.lossless = false; },
      outage: (nodes, act) => this.outage(nodes, act),
      excuse: act => this.excuse(act),
      notePrimary: async () => this.writing.moved(await topology.primary()),
    };
  }

  async outage(nodes, act) {
    const touches = await this.touched(nodes);
    const from = performance.now();
    try { await act(); } finally {
      this.windows.push({ from, to: performance.now(), touches });
      this.outages += 1;
    }
  }

  /** Which feeds hold data of these nodes: of a cluster, those whose slot is served there now. */
  async touched(nodes) {
    if (this.topology !== 'cluster') return () => true;
    const slots = new Map();
    for (const { first, last, node } of await this.servers.slots()) if (nodes.includes(node)) for (let i = first; i <= last; i += 1) slots.set(i, true);
    return ({ query }) => (query.live || query.follow) && slots.has(slotOf(query.follow ?? query.live[1]));
  }

  async excuse(act) {
    const window = { from: performance.now() - 200, to: Infinity };
    this.writing.publishers.excused.push(window);
    // A cluster's nodes need a while to find one another again.
    try { await act(); } finally { window.to = performance.now() + (this.topology === 'cluster' ? 3_000 : 300); }
  }

  /** Waits until every client shows what the servers say; tells what does not when the time is up. Returns how long it took. */
  async settle(after) {
    const begun = performance.now();
    const finals = this.writing.publishers.finals();
    for (;;) {
      const late = performance.now() - begun > this.settle_ms;
      let ok = false;
      try { ok = await this.settled(finals, late); } catch (error) { if (late) this.problem('nemesis', `the truth could not be read after ${after}: ${error.stack}`); }
      if (ok || late || this.died) break;
      await sleep(40);
    }
    const took = performance.now() - begun;
    this.maxima.settled_ms = Math.max(this.maxima.settled_ms, took);
    return took;
  }

  async settled(finals, late) {
    const feeds = this.allFeeds;
    const [truths, streams] = await Promise.all([this.truths(feeds), this.streams()]);
    let waiting = 0;
    for (const feed of feeds) {
      if (feed instanceof Live) {
        const truth = truths.get(truthKey(feed.query));
        if (!truth || feed.shows(truth)) continue;
        waiting += 1;
        if (late) feed.diverged(truth);
      } else if (feed instanceof Follow) {
        const present = streams.get(feed.stream);
        const written = this.lossless ? this.writing.entries.get(feed.stream) ?? [] : [];
        if (!feed.check(present, written, late)) waiting += 1;
      } else if (feed instanceof Messages && !feed.reached(finals)) waiting += 1;
    }
    return waiting === 0;
  }

  async truths(feeds) {
    const queries = new Map();
    for (const { query } of feeds) if (query.live) queries.set(truthKey(query), query);
    return new Map(await Promise.all([...queries].map(async ([key, query]) => [key, await truthOf(this.link, this.servers, query)])));
  }

  async streams() {
    return new Map(await Promise.all(KEYS.stream.map(async stream => [stream, (await this.link.send(stream, ['XRANGE', stream, '-', '+'])).map(([id]) => String(id))])));
  }

  check(strict) {
    const feeds = this.allFeeds;
    const finals = this.writing.publishers.finals();
    this.maxima.stale_told_ms = Math.max(this.maxima.stale_told_ms, checkStaleness(feeds, this.windows, this.slack_ms));
    for (const feed of feeds) {
      if (feed instanceof Live) { feed.checkOrder(strict); feed.nextRound(); }
      else if (feed instanceof Follow) feed.nextRound(performance.now());
      else { feed.check(finals); feed.nextRound(finals); }
    }
  }

  async end() {
    this.ending = true;
    clearInterval(this.sampling);
    clearInterval(this.following);
    for (const user of this.users ?? []) user.end();
    if (this.writing) { this.writing.running = false; this.writing.end(); }
    this.link?.end();
    this.nemesisLink?.end();
    await this.stopKeywire();
    await this.servers?.stop();
  }

  async stopKeywire() {
    if (this.server && !this.died) await this.server.stop().catch(error => this.problem('died', error.message));
  }

  summary() {
    return {
      topology: this.topology, seed: this.seed, clients: this.clients, rounds: this.rounds_done, problems: this.problems, faults: this.faultCounts, outages: this.outages,
      feeds: countFeeds(this.users ?? []), ...this.figures, writes: this.writing?.figures, maxima: this.maxima,
    };
  }
}

const truthKey = ({ live, json }) => JSON.stringify([live, json ?? false]);
