// The WebSocket clients: each holds feeds of all kinds, comes back by itself with `have` and `from`, now and then leaves or stops reading.
import WebSocket from '../blackbox/lib/ws.mjs';
import { Follow, Live, Messages } from './feeds.mjs';

const RETRY_MS = 250;

export class ChaosClient {
  /**
   * `url()` is where keywire is, `options` are the WebSocket's own, `plant` changes frames before they are looked at, `figures`
   * counts for all clients.
   */
  constructor(number, { url, options, random, queries, publishers, problem, figures, plant }) {
    Object.assign(this, { number, url, options, random, figures, plant, byNumber: new Map(), byRequest: new Map(), nextId: 1, running: true });
    this.problem = (kind, text, feed) => problem(kind, `client ${number}: ${text}`, feed, this);
    this.publishers = publishers;
    this.feeds = queries.map(query => this.feed(query));
    this.connect();
  }

  feed(query) {
    if (query.live) return new Live(query, this.problem);
    return query.follow ? new Follow(query, this.problem) : new Messages(query, this.problem, this.publishers);
  }

  connect() {
    if (!this.running) return;
    const socket = this.socket = new WebSocket(this.url(), 'keywire.v1.json', { perMessageDeflate: false, handshakeTimeout: 5_000, ...this.options });
    socket.on('error', () => {});
    socket.on('message', data => { if (socket === this.socket) this.receive(JSON.parse(data)); });
    socket.on('close', code => { if (socket === this.socket) this.closed(code); });
  }

  closed(code) {
    this.figures.closes[code] = (this.figures.closes[code] ?? 0) + 1;
    this.byNumber.clear();
    this.byRequest.clear();
    this.closing = undefined;
    clearTimeout(this.retrying);
    for (const feed of this.feeds) feed.lost();
    if (this.running) setTimeout(() => this.connect(), this.delay());
  }

  /** How long to stay away: shorter than an SDK would, so that more happens. */
  delay() { return 20 + this.random.below(RETRY_MS); }

  receive(frame) {
    if (frame.hello) { this.node = frame.hello.node; this.openAll(); return; }
    this.figures.frames += 1;
    if ('id' in frame) { this.replied(frame); return; }
    const feed = this.byNumber.get(frame.feed);
    if (!feed) { this.problem('foreign', `a frame of a feed that is not open: ${JSON.stringify(frame).slice(0, 200)}`); return; }
    for (const shown of this.plant ? this.plant(frame, feed) : [frame]) this.show(shown, feed);
  }

  show(frame, feed) {
    feed.take(frame, performance.now());
    if (!feed.open) { this.byNumber.delete(feed.number); this.openLater(RETRY_MS); }
  }

  /** Asks for every feed that is not open, in one batch. */
  openAll() {
    if (this.socket.readyState !== 1) return;
    const asked = new Set(this.byRequest.values());
    const batch = [];
    for (const feed of this.feeds) {
      if (feed.open || asked.has(feed)) continue;
      const id = this.nextId++;
      this.byRequest.set(id, feed);
      const body = feed.request();
      // A place to begin at is any that was: the oldest.
      batch.push({ id, ...body, ...(body.from === 'id' ? { from: '1-1' } : {}) });
    }
    if (batch.length > 0) this.socket.send(JSON.stringify(batch));
  }

  openLater(ms) {
    clearTimeout(this.retrying);
    this.retrying = setTimeout(() => this.openAll(), ms);
  }

  /** Closes one feed and opens another in its place. */
  change(query) {
    const old = this.random.pick(this.feeds);
    const same = ({ query: each }) => JSON.stringify({ ...each, from: undefined }) === JSON.stringify({ ...query, from: undefined });
    if (!old.open || this.feeds.some(same)) return;
    this.feeds[this.feeds.indexOf(old)] = this.feed(query);
    const id = this.nextId++;
    this.closing ??= new Map();
    this.closing.set(id, old);
    this.socket.send(JSON.stringify({ id, close: old.number }));
  }

  replied(frame) {
    if (this.closing?.has(frame.id)) {
      const old = this.closing.get(frame.id);
      this.closing.delete(frame.id);
      // Its own end may have crossed the request.
      if (frame.error && frame.error.code !== 'NOFEED') this.problem('refused', `close of ${old.name}: ${JSON.stringify(frame)}`, old);
      if (this.byNumber.get(old.number) === old) this.byNumber.delete(old.number);
      this.openAll();
      return;
    }
    const feed = this.byRequest.get(frame.id);
    this.byRequest.delete(frame.id);
    if (!feed) { if (frame.error) this.problem('refused', JSON.stringify(frame)); return; }
    if (frame.feed === undefined) {
      const code = frame.error?.code;
      this.figures.refused[code] = (this.figures.refused[code] ?? 0) + 1;
      if (code === 'RESET') feed.ended(frame.error);
      else if (code !== 'UNAVAILABLE') this.problem('refused', `${feed.name}: ${JSON.stringify(frame.error)}`);
      this.openLater(RETRY_MS);
      return;
    }
    this.byNumber.set(frame.feed, feed);
    feed.opened(frame, performance.now(), this.node);
  }

  /** Goes away without a word, or politely; comes back by itself. */
  leave() {
    this.figures.left += 1;
    if (this.random.below(2)) this.socket.terminate(); else this.socket.close();
  }

  /** Does not read for a while. */
  stall(ms) {
    const { socket } = this;
    if (socket.readyState !== 1) return;
    this.figures.stalls += 1;
    socket.pause();
    // What it is told meanwhile it sees late: nothing can be said of when it was told.
    for (const feed of this.feeds) feed.openSince = undefined;
    setTimeout(() => {
      socket.resume();
      if (socket === this.socket) for (const feed of this.feeds) if (feed.open) feed.openSince = performance.now() + 1_000;
    }, ms);
  }

  end() {
    this.running = false;
    this.socket.terminate();
    clearTimeout(this.retrying);
  }
}

/** What all clients counted together. */
export const newFigures = () => ({ frames: 0, closes: {}, refused: {}, left: 0, stalls: 0 });

/** Sums over feeds. */
export function countFeeds(clients) {
  const sums = { live: 0, follow: 0, channels: 0, patches: 0, values: 0, sames: 0, entries: 0, gaps: 0, resets: 0, messages: 0, missed: 0, 'missed: null': 0, repeated: 0 };
  for (const feed of clients.flatMap(({ feeds }) => feeds)) {
    if (feed instanceof Live) { sums.live += 1; sums.patches += feed.patches; sums.values += feed.values; sums.sames += feed.sames; }
    else if (feed instanceof Follow) { sums.follow += 1; sums.entries += feed.entries; sums.gaps += feed.gaps; sums.resets += feed.resets; }
    else { sums.channels += 1; sums.messages += feed.messages; sums.missed += feed.missed; sums['missed: null'] += feed.unknown; sums.repeated += feed.repeated; }
  }
  return sums;
}
