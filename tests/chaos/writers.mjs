// The writers, and what is known of what they wrote: which messages and entries the server acknowledged, and when.
import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../blackbox/lib/resp.mjs';
import { write } from './workload.mjs';

/** Errors a writer meets when servers fail; anything else is a fault of the tests. */
const EXPECTED = new Set(['LOST', 'MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'READONLY', 'LOADING', 'MASTERDOWN', 'BUSY', 'WRONGTYPE', 'ERR', 'UNAVAILABLE', 'MISCONF', 'NOREPLICAS',
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UNBLOCKED']);

/** Messages by source (`channel w3g0`), of the round. */
export class Publishers {
  constructor() {
    this.next = new Map();
    this.log = new Map();
    /** Times in which a message may be lost between servers that are all well by themselves: `{from, to}`. */
    this.excused = [];
    /**
     * On a cluster a subscription that goes to another node, which is told by `missed: null`, may be given there what it had here:
     * the bus brings a message to each node in its own time. From there on the order holds again.
     */
    this.mayRepeat = false;
  }

  /** The next message's text and how to note what became of it. */
  message(channel, writer, generation, now) {
    const source = `${channel} w${writer}g${generation}`;
    const n = this.next.get(source) ?? 0;
    this.next.set(source, n + 1);
    const entry = { n, sent: now, acked: false };
    if (!this.log.has(source)) this.log.set(source, []);
    this.log.get(source).push(entry);
    return { text: `w${writer}g${generation}n${n}x`, entry };
  }

  /** The last message of each source that was sent, acknowledged or not. */
  sent() { return new Map([...this.next].map(([source, next]) => [source, next - 1])); }

  /** The last acknowledged message of each source of this round. */
  finals() {
    const finals = new Map();
    for (const [source, entries] of this.log) {
      const last = entries.findLast(({ acked }) => acked);
      if (last) finals.set(source, last.n);
    }
    return finals;
  }

  /** Of the messages between two, sent after a moment: how many were surely published, how many possibly. */
  delivered(source, from, to, after = -Infinity) {
    const between = (this.log.get(source) ?? []).filter(({ n, sent }) => n > from && n < to && sent > after);
    const surely = between.filter(({ acked, sent }) => acked && !this.excused.some(window => sent >= window.from && sent <= window.to));
    return { surely: surely.length, possibly: between.length };
  }

  /** When the first and the last of these messages were sent. */
  times(source, from, to) {
    const between = (this.log.get(source) ?? []).filter(({ n }) => n > from && n < to);
    return between.length > 0 ? `sent from ${Math.round(between[0].sent)} to ${Math.round(between.at(-1).sent)}` : '';
  }

  nextRound() { this.log.clear(); this.excused = []; }
}

export class Writers {
  constructor(count, { random, link, rate, problem }) {
    Object.assign(this, { problem, rate, publishers: new Publishers(), running: false });
    /** Acknowledged entries of the round by stream: `{id, sent}`. */
    this.entries = new Map();
    this.figures = { writes: 0, refused: 0, lost: 0, messages: 0, entries: 0 };
    this.writers = Array.from({ length: count }, (_, number) => ({ number, random: random(number), link: link(number), count: 0, busy: Promise.resolve() }));
  }

  start() {
    this.running = true;
    for (const writer of this.writers) writer.busy = this.run(writer);
  }

  /** Each ends what it is about. */
  async stop() {
    this.running = false;
    await Promise.all(this.writers.map(({ busy }) => busy));
  }

  async run(writer) {
    const pause = 1_000 * this.writers.length / this.rate;
    let due = performance.now();
    while (this.running) {
      await this.one(writer);
      due = Math.max(due + pause, performance.now() - 50);
      const wait = due - performance.now();
      if (wait > 1) await sleep(wait);
    }
  }

  async one(writer, forced) {
    const { random, link, number } = writer;
    writer.count += 1;
    const what = forced ?? write(random, number, `w${number}g${link.generation}n${writer.count}x`);
    const sent = performance.now();
    const message = what.message && this.publishers.message(what.key, number, link.generation, sent);
    try {
      const reply = await link.send(what.key, message ? ['PUBLISH', what.key, message.text] : what.command);
      this.figures.writes += 1;
      if (message) { message.entry.acked = true; this.figures.messages += 1; }
      if (what.entry) this.entry(what.key, String(reply), sent);
      return true;
    } catch (error) {
      const code = error instanceof RespError ? error.code : error.code ?? error.name;
      if (!EXPECTED.has(code)) this.problem('writer', `${what.command ?? what.key}: ${error.stack}`);
      if (error instanceof RespError || code === 'WRONGTYPE' || code === 'ERR') this.figures.refused += 1;
      else { this.figures.lost += 1; await sleep(20 + random.below(60)); }
      if (['READONLY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'BUSY'].includes(code)) await sleep(50);
      return false;
    }
  }

  entry(stream, id, sent) {
    this.figures.entries += 1;
    if (!this.entries.has(stream)) this.entries.set(stream, []);
    this.entries.get(stream).push({ id, sent });
  }

  /** One more message on every channel that a writer published on in this round, so that what is lost at the end shows. */
  async lastMessages(timeout_ms) {
    const end = performance.now() + timeout_ms;
    await Promise.all(this.writers.map(async writer => {
      const channels = [...new Set([...this.publishers.log.keys()].map(source => source.split(' ')).filter(([, who]) => who.startsWith(`w${writer.number}g`)).map(([channel]) => channel))];
      for (const key of channels) while (!await this.one(writer, { key, message: true }) && performance.now() < end) await sleep(50);
    }));
  }

  moved(primary) { for (const { link } of this.writers) link.moved(primary); }

  get generations() { return this.writers.map(({ link }) => link.generation).join(); }

  nextRound() { this.publishers.nextRound(); this.entries.clear(); }

  end() { for (const { link } of this.writers) link.end(); }
}
