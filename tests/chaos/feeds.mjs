// One feed of one client, as it is held across reconnects, and what docs/protocol.md promises of it.
//
// Pure: frames and the truth come in, problems go out by `problem(kind, text)`. What can be told from the frames alone is told at
// once (revs, patches, order of ids and messages); what needs the truth is told by `check`, when writing has stopped. Each
// kind of problem has a planted fault in plants.mjs that must be found.
import { apply, equal } from './patch.mjs';

const brief = value => { const text = JSON.stringify(value); return text === undefined ? 'nothing' : text.length > 300 ? `${text.slice(0, 300)}…` : text; };

/** Maps have no order, also where JSON has to write one as pairs. */
function unordered(value) {
  if (Array.isArray(value)) return value.map(unordered);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value.$map)) return { $map: value.$map.map(unordered).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unordered(inner)]));
}

class Feed {
  constructor(query, problem) {
    Object.assign(this, { query, problem, number: undefined, open: false, frames: 0 });
    /** Since when the feed is open without a break on one connection (ms of `performance.now`). */
    this.openSince = undefined;
    this.stale = false;
    /** What was told of staleness in this round: `{at, stale}`. */
    this.staleness = [];
    /** The last frames, for whoever looks into a problem; and all that are not data. */
    this.recent = [];
    this.events = [];
  }

  get name() { return JSON.stringify(this.query); }

  tell(kind, text) { this.problem(kind, `${this.name}: ${text}`, this); }

  note(frame, now) {
    this.recent.push({ at: Math.round(now), frame });
    if (this.recent.length > 10) this.recent.shift();
    if (!('message' in frame || 'entries' in frame || 'patch' in frame || ('value' in frame && !('id' in frame)))) this.events.push(`${Math.round(now)} ${JSON.stringify({ ...frame, value: undefined })}`);
    if (this.events.length > 30) this.events.shift();
  }

  /** The reply that opened it. `node` is the server's name: revs and numbers are its own. */
  opened(reply, now, node) {
    this.note(reply, now);
    this.number = reply.feed;
    this.open = true;
    this.openSince = now;
    this.setStale(reply.stale ?? false, now);
    this.begun(reply, now, node);
  }

  take(frame, now) {
    this.frames += 1;
    this.note(frame, now);
    if ('stale' in frame) { this.setStale(frame.stale, now); return; }
    if ('closed' in frame) { this.open = false; this.ended(frame.closed); return; }
    this.took(frame, now);
  }

  setStale(stale, at) {
    if (stale !== this.stale) this.staleness.push({ at, stale });
    this.stale = stale;
  }

  ended({ code }) { this.tell('closed', `the server closed it with ${code}`); }

  /** The connection is gone. */
  lost() { this.open = false; this.openSince = undefined; this.stale = false; }

  nextRound() { this.staleness = this.stale ? [{ at: 0, stale: true }] : []; }
}

/** A live query: revs rise, patches follow the rev held and fit, and in the end the value is what the server answers. */
export class Live extends Feed {
  constructor(query, problem) {
    super(query, problem);
    Object.assign(this, { rev: undefined, tag: undefined, value: undefined, error: undefined, node: undefined, patches: 0, values: 0, sames: 0 });
    /** For keys that one writer counts up: the highest count shown. */
    this.counts = /chaos:seq:/.test(query.live[1]);
    this.highest = -1;
    /** Steps back of such a count: a fault if nothing was lost in this round. */
    this.back = [];
  }

  request() { return { ...this.query, ...(this.tag === undefined || this.error ? {} : { have: this.tag }) }; }

  begun(reply, now, node) {
    if (node === this.node && reply.feed === this.lastNumber && reply.rev < this.rev) this.tell('rev', `reopened at rev ${reply.rev} after ${this.rev}`);
    if (reply.same) {
      this.sames += 1;
      if (reply.tag !== this.tag) this.tell('tag', `the same as ${this.tag}, it says, and its tag is ${reply.tag}`);
    } else this.hold(reply, now);
    Object.assign(this, { rev: reply.rev, tag: reply.tag, node, lastNumber: reply.feed });
  }

  took(frame, now) {
    if ('patch' in frame) {
      if (frame.rev !== this.rev + 1) this.tell('rev', `a patch to rev ${frame.rev} while rev ${this.rev} is held`);
      if (this.error) this.tell('patch', `a patch after the error ${this.error}`);
      this.patches += 1;
      try { this.hold({ value: apply(this.value, frame.patch) }, now); } catch (error) { this.tell('patch', `${error.message}: ${brief(frame.patch)} on ${brief(this.value)}`); }
    } else if ('value' in frame || 'error' in frame) {
      if (!(frame.rev > this.rev)) this.tell('rev', `rev ${frame.rev} after ${this.rev}`);
      this.values += 1;
      this.hold(frame, now);
    } else this.tell('foreign', `a frame that is none of a live feed: ${brief(frame)}`);
    this.rev = frame.rev;
    this.tag = frame.tag;
  }

  hold({ value, error }, now) {
    this.value = value;
    this.error = error?.code;
    if (!this.counts || typeof value !== 'string') return;
    const count = Number(/n(\d+)x$/.exec(value)?.[1] ?? -1);
    if (count < this.highest) this.back.push({ at: now, from: this.highest, to: count });
    this.highest = Math.max(this.highest, count);
  }

  /** `truth` is `{value}` or `{error}`: whether that is what it shows. */
  shows(truth) {
    if (!this.open || this.stale) return false;
    if (truth.error !== undefined || this.error !== undefined) return this.error === truth.error;
    return equal(this.value, truth.value) || equal(unordered(this.value), unordered(truth.value));
  }

  /** To be told when the time is up and `shows` is still false. */
  diverged(truth) {
    if (!this.open) this.tell('not-open', 'it could not be opened again');
    else if (this.stale) this.tell('stale-left', 'it is still told to be stale');
    else this.tell('diverged', `it shows ${this.error ?? brief(this.value)}, the server says ${truth.error ?? brief(truth.value)}`);
  }

  /** `lossless`: in this round nothing that was acknowledged could be lost. */
  checkOrder(lossless) {
    if (lossless) for (const { from, to } of this.back) this.tell('went-back', `it showed count ${to} after ${from}`);
    this.back = [];
    this.highest = this.counts && typeof this.value === 'string' ? Number(/n(\d+)x$/.exec(this.value)?.[1] ?? -1) : -1;
  }
}

/** Ids as numbers that compare: [ms, seq]. */
export function compareIds(a, b) {
  const [x, y] = [a.split('-'), b.split('-')];
  return Number(x[0]) - Number(y[0]) || Number(x[1] ?? 0) - Number(y[1] ?? 0);
}

/** A followed stream: ids rise, and no entry is missing where no `gap` was told. */
export class Follow extends Feed {
  constructor(query, problem) {
    super(query, problem);
    Object.assign(this, { place: undefined, log: [], start: undefined, since: 0, gaps: 0, resets: 0, entries: 0 });
  }

  get stream() { return this.query.follow; }

  request() { return { ...this.query, from: this.place ?? this.query.from }; }

  begun(reply, now) {
    if (this.place !== undefined && compareIds(reply.from, this.place) !== 0) this.tell('place', `followed from ${this.place}, it says it goes on from ${reply.from}`);
    // From 0 it is all that is there now, as at the first time: what came and was deleted in between is no loss of this feed's.
    if (this.place === undefined || compareIds(this.place, '0-0') === 0) Object.assign(this, { start: reply.from, since: now, log: [] });
    this.place = reply.from;
    this.log.push({ opened: reply.from });
  }

  took(frame) {
    if (frame.gap) { this.gaps += 1; this.log.push({ gap: frame.gap }); return; }
    if (!Array.isArray(frame.entries) || frame.entries.length === 0) { this.tell('foreign', `a frame that is none of a followed stream: ${brief(frame)}`); return; }
    this.log.push({ ids: frame.entries.map(([id]) => id) });
    for (const [id, fields] of frame.entries) {
      if (compareIds(id, this.place) <= 0) this.tell('doubled', `entry ${id} after ${this.place}`);
      if (typeof fields?.w !== 'string') this.tell('foreign', `entry ${id} is none of the writers': ${brief(fields)}`);
      this.place = id;
      this.entries += 1;
    }
  }

  ended({ code }) {
    if (code !== 'RESET') { super.ended({ code }); return; }
    this.resets += 1;
    // The client chooses: it begins anew with all that is there.
    this.place = undefined;
    this.query = { ...this.query, from: '0' };
  }

  /** Whether it has come to the end of the stream. */
  reached(last) { return this.open && !this.stale && (last === undefined || compareIds(this.place, last) >= 0); }

  /**
   * `present`: the stream's ids now. `written`: acknowledged entries, `{id, sent}`, that no loss of the server's can have taken.
   * Returns whether all is told; tells what is missing if `final`.
   */
  check(present, written, final) {
    if (!this.open || this.stale) {
      if (final) this.tell(this.open ? 'stale-left' : 'not-open', this.open ? 'it is still told to be stale' : 'it could not be opened again');
      return false;
    }
    const seen = new Set();
    for (const { ids } of this.log) for (const id of ids ?? []) seen.add(id);
    const expected = new Set(present.filter(id => compareIds(id, this.start) > 0));
    for (const { id, sent } of written) if (sent > this.since && compareIds(id, this.start) > 0) expected.add(id);
    const missing = [...expected].filter(id => !seen.has(id) && !this.gapped(id));
    if (missing.length > 0 && final) {
      this.tell('missing', `${missing.length} entries, ${missing.slice(0, 5)} of them, never came and no gap was told (from ${this.start}, now at ${this.place}; ${missing.filter(id => present.includes(id)).length} are still there); around it: ${this.around(missing[0])}; the entry was sent at ${Math.round(written.find(({ id }) => id === missing[0])?.sent)}, open since ${Math.round(this.openSince)}, all of it since ${Math.round(this.since)}; ${this.events.join(' ')}`);
    }
    return missing.length === 0;
  }

  /** What it was told just before and after where this id should have come. */
  around(id) {
    const at = this.log.findIndex(({ ids }) => ids && compareIds(ids.at(-1), id) > 0);
    const near = at < 0 ? this.log.slice(-3) : this.log.slice(Math.max(0, at - 2), at + 2);
    return near.map(({ gap, ids, opened }) => (opened ? `opened at ${opened}` : gap ? `gap ${gap.after}…${gap.first}` : `entries ${ids[0]}…${ids.at(-1)}`)).join(', ');
  }

  /** Whether a gap was told that has this id between its ends; without a second end it reaches to what comes after the next entries. */
  gapped(id) {
    return this.log.some(({ gap }, i) => {
      if (!gap || compareIds(gap.after, id) >= 0) return false;
      const end = gap.first ?? this.log.slice(i + 1).filter(({ ids }) => ids)[1]?.ids[0];
      return end === undefined || compareIds(id, end) < 0;
    });
  }

  /** What was checked is settled: the next round begins where this one ended. */
  nextRound(now) {
    super.nextRound();
    this.log = [];
    this.start = this.place;
    this.since = now;
  }
}

/** A channel or a pattern: each publisher's messages in order, none twice, and each loss told by `missed`. */
export class Messages extends Feed {
  constructor(query, problem, publishers) {
    super(query, problem);
    Object.assign(this, { publishers, messages: 0, missed: 0, unknown: 0, repeated: 0 });
    this.anew();
  }

  /** Nothing is known of what was before: every publisher is expected from its next message. */
  anew() {
    this.last = new Map();
    this.jumps = [];
    /** `missed` frames since the subscription or the round began: `{count, at}`, the count a number or null. */
    this.told = [];
  }

  request() { return this.query; }

  begun() {
    this.anew();
    this.baseline = this.publishers.sent();
    /** Whether it is open since the round began: only then can `missed` be compared with what did not come. */
    this.whole = false;
  }

  took(frame, now) {
    if ('missed' in frame) {
      this.told.push({ count: frame.missed, at: now });
      if (frame.missed === null) this.unknown += 1;
      else if (!(Number.isInteger(frame.missed) && frame.missed > 0)) this.tell('foreign', brief(frame));
      else this.missed += frame.missed;
      return;
    }
    const [, writer, generation, count] = /^w(\d+)g(\d+)n(\d+)x/.exec(frame.message) ?? [];
    if (writer === undefined) { this.tell('foreign', `a message that is none of the publishers': ${brief(frame)}`); return; }
    const n = Number(count), channel = frame.channel ?? this.query.subscribe, source = `${channel} w${writer}g${generation}`;
    this.messages += 1;
    const before = this.last.get(source);
    if (before === undefined) this.jump(source, this.baseline.get(source) ?? -1, n, 0);
    else if (n <= before.n && this.publishers.mayRepeat && this.told.slice(before.told).some(({ count }) => count === null)) {
      this.repeated += 1;
      this.last.set(source, { n, told: this.told.length });
      return;
    } else if (n === before.n) this.tell('doubled', `message ${n} of ${source} came twice`);
    else if (n < before.n) this.tell('order', `message ${n} of ${source} came after ${before.n}`);
    else this.jump(source, before.n, n, before.told);
    this.last.set(source, { n: Math.max(n, before?.n ?? n), told: this.told.length });
  }

  /** Messages between `from` and `to` did not come; `told` is how many `missed` frames there had been at `from`. */
  jump(source, from, to, told) {
    if (to > from + 1) this.jumps.push({ source, from, to, missed: this.told.slice(told) });
  }

  lost() { super.lost(); this.anew(); }

  /** Whether the publishers' last messages came, or their loss was told. */
  reached(finals) {
    if (!this.open || this.stale) return false;
    return this.tails(finals).every(tail => this.untold(tail) === 0);
  }

  /** Publishers of whom the last message of the round did not come. */
  tails(finals) {
    const tails = [];
    for (const [source, n] of finals) {
      if (!this.covers(source)) continue;
      const before = this.last.get(source);
      const from = before?.n ?? this.baseline.get(source) ?? -1;
      if (from < n) tails.push({ source, from, to: n + 1, missed: this.told.slice(before?.told ?? 0) });
    }
    return tails;
  }

  covers(source) {
    const channel = source.split(' ')[0];
    return this.query.subscribe === channel || (this.query.psubscribe !== undefined && channel.startsWith(this.query.psubscribe.slice(0, -1)));
  }

  /** How many messages were surely lost of whom no `missed` told: one that came before a message was sent is not about it. */
  untold({ source, from, to, missed }) {
    const last = missed.reduce((latest, { at }) => Math.max(latest, at), -Infinity);
    return this.publishers.delivered(source, from, to, last).surely;
  }

  /** When all has come that will: each message that was acknowledged and did not come must have been told of. */
  check(finals) {
    if (!this.open) { this.tell('not-open', 'it could not be opened again'); return; }
    if (this.stale) this.tell('stale-left', 'it is still told to be stale');
    let lost = 0, possible = 0;
    for (const jump of [...this.jumps, ...this.tails(finals)]) {
      const { source, from, to } = jump;
      const gone = this.publishers.delivered(source, from, to);
      lost += gone.surely;
      possible += gone.possibly;
      const untold = this.untold(jump);
      if (untold > 0) this.tell('silent-loss', `${untold} messages of ${source} between ${from} and ${to} never came and no missed was told (${this.publishers.times(source, from, to)}; ${this.events.join(' ')})`);
    }
    const told = this.told.reduce((all, { count }) => all + (count ?? 0), 0);
    if (this.whole && !this.told.some(({ count }) => count === null) && this.told.length > 0 && (told < lost || told > possible)) this.tell('miscounted', `missed says ${told}, and ${lost} to ${possible} did not come`);
  }

  /** The next round counts from here. */
  nextRound(finals) {
    super.nextRound();
    Object.assign(this, { jumps: [], told: [], whole: true });
    for (const [source, n] of finals) if (this.covers(source)) this.last.set(source, { n, told: 0 });
    for (const [source, last] of this.last) if (finals.has(source)) last.told = 0; else this.last.delete(source);
    this.baseline = this.publishers.sent();
  }
}

/** How long after the backend is out of reach a feed must be told so. */
export const STALE_WITHIN_MS = 2_000;

/**
 * Outages are `{from, to, touches(feed)}`. Each feed that was open all the while must be told within the promised time plus `slack_ms`,
 * and be told otherwise at the end (which `shows` and `reached` look for). Returns the longest it took.
 */
export function checkStaleness(feeds, outages, slack_ms) {
  let longest = 0;
  for (const { from, to, touches } of outages) {
    const limit = from + STALE_WITHIN_MS + slack_ms;
    if (to < limit) continue;
    for (const feed of feeds) {
      if (feed.openSince === undefined || feed.openSince > from || !touches(feed)) continue;
      const before = feed.staleness.filter(({ at }) => at <= from).at(-1);
      if (before?.stale) continue;
      const told = feed.staleness.find(({ at, stale }) => stale && at > from && at <= to);
      if (!told || told.at > limit) feed.tell('stale-not-told', told ? `told after ${Math.round(told.at - from)} ms` : `an outage of ${Math.round(to - from)} ms was never told`);
      if (told) longest = Math.max(longest, told.at - from);
    }
  }
  return longest;
}
