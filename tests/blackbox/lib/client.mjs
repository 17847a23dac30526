// A protocol client on the npm package `ws`, and the mirrors that check a feed's promises while they follow it.
//
// Written from protocol.md alone. Patches are applied by `fast-json-patch`, which nobody here wrote.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import jsonpatch from 'fast-json-patch';
import WebSocket from 'ws';
import { CLUSTER } from './backend.mjs';

/** How long anything that should come may take before a test fails. */
export const PATIENCE_MS = 8_000;

/** Resolves when `condition` does not answer false; throws what it is waiting for after a while. */
export async function until(condition, what = 'the condition', timeout_ms = PATIENCE_MS) {
  for (const end = Date.now() + timeout_ms; ;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${timeout_ms} ms in vain for ${typeof what === 'function' ? what() : what}`);
    await sleep(3);
  }
}

/** One WebSocket connection that speaks the native protocol. */
export class Client {
  /** Connects and waits for `hello`. */
  static async open(server, { path = '/ws', protocols = 'keywire.v1.json', ...options } = {}) {
    const client = new Client(new WebSocket(server.wsUrl(path), protocols, options));
    await client.opened;
    client.hello = (await client.next(frame => frame.hello)).hello;
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    /** Every frame as it came: parsed, with its text beside it. */
    this.frames = [];
    this.texts = [];
    this.nextId = 1;
    this.replies = new Map();
    this.listeners = new Map();
    this.closed = new Promise(resolve => socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })));
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => this.receive(data, isBinary));
  }

  receive(data, isBinary) {
    assert.equal(isBinary, false, 'the native protocol sends text frames only');
    const text = String(data);
    const frame = JSON.parse(text);
    this.texts.push(text);
    this.frames.push(frame);
    if ('id' in frame && this.replies.has(frame.id)) {
      const resolve = this.replies.get(frame.id);
      this.replies.delete(frame.id);
      // A feed's mirror must be there before its next frame, which may be in the same chunk of bytes.
      resolve.now?.(frame);
      resolve(frame);
    } else if ('feed' in frame) {
      this.listeners.get(frame.feed)?.(frame, text);
    }
  }

  /** Sends text as it is. */
  send(text) { this.socket.send(typeof text === 'string' ? text : JSON.stringify(text)); }

  /** Sends a request under a fresh id; resolves with its reply frame, error or not. */
  request(body, now) {
    const id = this.nextId++;
    const reply = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no reply to ${JSON.stringify(body)}`)), PATIENCE_MS * 2);
      const done = frame => { clearTimeout(timer); resolve(frame); };
      done.now = now;
      this.replies.set(id, done);
    });
    this.send({ id, ...body });
    return reply;
  }

  /** One command: its result, or an exception that carries the error's code. */
  async command(...words) { return result(await this.request({ command: words })); }

  /** The code of the error that this request is answered with. */
  async refused(body) {
    const reply = await this.request(body);
    assert.ok(reply.error, `expected an error for ${JSON.stringify(body)}, got ${JSON.stringify(reply).slice(0, 300)}`);
    assert.equal(typeof reply.error.message, 'string');
    return reply.error.code;
  }

  /** Opens a live query; the mirror's `reply` is the opening reply. */
  live(command, options = {}) { return this.openFeed({ live: command, ...options }, Mirror); }

  /** Follows a stream. */
  follow(stream, from) { return this.openFeed({ follow: stream, ...(from === undefined ? {} : { from }) }, Entries); }

  subscribe(channel) { return this.openFeed({ subscribe: channel }, Messages); }

  psubscribe(pattern) { return this.openFeed({ psubscribe: pattern }, Messages); }

  async openFeed(request, Kind) {
    let feed;
    const reply = await this.request(request, frame => {
      if (frame.feed === undefined) return;
      feed = new Kind(this, frame, request);
      this.listeners.set(frame.feed, (event, text) => feed.take(event, text));
    });
    if (!feed) throw Object.assign(new Error(`${JSON.stringify(request)}: ${JSON.stringify(reply.error)}`), reply.error);
    return feed;
  }

  /** The first frame that fits, among those that came and those that come. */
  next(fits, timeout_ms) { return until(() => this.frames.find(fits), () => `a frame; there were ${JSON.stringify(this.frames.slice(-5))}`, timeout_ms); }

  /** After this, whatever the server had to send because of earlier requests on this connection has been sent. */
  async settle(ms = 60) {
    await this.request({ ping: 'settle' });
    await sleep(ms);
    await this.request({ ping: 'settled' });
  }

  async close() {
    this.socket.close();
    const timer = setTimeout(() => this.socket.terminate(), 2_000);
    const end = await this.closed;
    clearTimeout(timer);
    return end;
  }
}

/** The result of a reply, or an exception. */
export function result(reply) {
  if (reply.error) throw Object.assign(new Error(`${reply.error.code} ${reply.error.message}`), reply.error);
  return reply.result;
}

/** A live query's value as a client holds it. Checks at every frame what protocol.md promises of revs, tags and patches. */
export class Mirror {
  constructor(client, reply, request) {
    Object.assign(this, { client, reply, request, number: reply.feed });
    /** Frames after the opening reply, with the time they came. */
    this.frames = [];
    this.rev = reply.rev;
    this.tag = reply.tag;
    this.value = reply.value;
    this.error = reply.error;
    this.stale = reply.stale ?? false;
    assert.equal(typeof reply.rev, 'number', 'an opened live feed has a rev');
    assert.ok(['tracking', 'events', 'polling'].includes(reply.via), `via is ${reply.via}`);
    if (!reply.error) assert.match(reply.tag, /^.{16}$/, 'a tag is 16 characters');
  }

  take(frame, text) {
    this.frames.push({ ...frame, text, at: performance.now() });
    if ('stale' in frame) { this.stale = frame.stale; return; }
    if ('closed' in frame) { this.end = frame.closed; return; }
    assert.equal(typeof frame.rev, 'number', text);
    if ('patch' in frame) {
      assert.equal(frame.rev, this.rev + 1, `a patch goes from rev ${this.rev} to the next: ${text}`);
      assert.ok(Array.isArray(frame.patch) && frame.patch.length > 0, text);
      assert.equal(this.error, undefined, 'after an error comes a value, not a patch');
      const problem = jsonpatch.validate(frame.patch, this.value);
      assert.equal(problem, undefined, `the patch fits the value: ${problem?.message} in ${text.slice(0, 500)}`);
      this.value = jsonpatch.applyPatch(this.value, frame.patch, false, false).newDocument;
    } else {
      assert.ok(frame.rev > this.rev, `revs rise: ${this.rev}, then ${text.slice(0, 200)}`);
      assert.ok('value' in frame !== 'error' in frame, text);
      this.value = frame.value;
      this.error = frame.error;
    }
    if (!('error' in frame)) {
      assert.match(frame.tag, /^.{16}$/, text);
      if ('patch' in frame) this.error = undefined;
    }
    this.rev = frame.rev;
    this.tag = frame.tag;
  }

  /** Waits for the next frame after `count` of them and returns it. */
  async frame(count = this.frames.length, timeout_ms = PATIENCE_MS) {
    await until(() => this.frames.length > count, () => `a frame of ${JSON.stringify(this.request)}`, timeout_ms);
    return this.frames[count];
  }

  /** Does something, then returns the next frame. */
  async after(act) {
    const count = this.frames.length;
    await act();
    return this.frame(count);
  }

  /** Waits until the value is this one. */
  async shows(value, timeout_ms) {
    await until(() => same(this.value, value), () => `${JSON.stringify(value)}, it is ${JSON.stringify(this.value)}`, timeout_ms);
  }

  close() { return this.client.request({ close: this.number }); }
}

/** A followed stream: ids only rise. */
export class Entries {
  constructor(client, reply, request) {
    Object.assign(this, { client, reply, request, number: reply.feed, entries: [], gaps: [], frames: [] });
    assert.match(reply.from, /^\d+(-\d+)?$/, 'a follow reply tells where it begins');
    this.place = reply.from;
  }

  take(frame, text) {
    this.frames.push(frame);
    if (frame.gap) { this.gaps.push({ ...frame.gap, before: this.entries.length }); return; }
    if (frame.closed) { this.end = frame.closed; return; }
    if ('stale' in frame) return;
    assert.ok(Array.isArray(frame.entries) && frame.entries.length > 0, text);
    for (const [id, fields] of frame.entries) {
      assert.ok(compareIds(id, this.place) > 0, `stream ids rise: ${this.place}, then ${id}`);
      assert.equal(typeof fields, 'object');
      this.place = id;
      this.entries.push([id, fields]);
    }
  }

  get ids() { return this.entries.map(([id]) => id); }

  async reaches(count, timeout_ms) {
    await until(() => this.entries.length >= count, () => `${count} entries, there are ${this.entries.length}`, timeout_ms);
  }

  close() { return this.client.request({ close: this.number }); }
}

/** A channel's or a pattern's messages. */
export class Messages {
  constructor(client, reply, request) {
    Object.assign(this, { client, reply, request, number: reply.feed, messages: [], frames: [], missed: 0, unknown: 0 });
  }

  take(frame, text) {
    this.frames.push(frame);
    if ('missed' in frame) {
      if (frame.missed === null) this.unknown += 1; else { assert.ok(frame.missed > 0, text); this.missed += frame.missed; }
    } else if ('message' in frame) {
      this.messages.push(frame.message);
    }
  }

  async reaches(count, timeout_ms) {
    await until(() => this.messages.length + this.missed >= count,
      () => `${count} messages, there are ${this.messages.length} and ${this.missed} missed`, timeout_ms);
  }

  close() { return this.client.request({ close: this.number }); }
}

export function compareIds(a, b) {
  const [x, y] = [a, b].map(id => id.split('-').map(BigInt));
  const order = x[0] - y[0] || (x[1] ?? 0n) - (y[1] ?? 0n);
  return order < 0n ? -1 : order > 0n ? 1 : 0;
}

export function same(a, b) {
  try { assert.deepStrictEqual(a, b); return true; } catch { return false; }
}

/** Random numbers that a seed brings back: KEYWIRE_SEED, else a new seed, printed by the test that uses it. */
export class Random {
  constructor(seed = Number(process.env.KEYWIRE_SEED ?? Math.floor(Math.random() * 2 ** 31))) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  /** An integer from 0 to n-1 (mulberry32). */
  below(n) {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  pick(list) { return list[this.below(list.length)]; }
}

let keys = 0;
/** A key name that no other test of this run uses. On a Cluster all names made from it share its slot. */
export const fresh = (stem = 'key') => (CLUSTER ? `{${stem}:${process.pid}:${++keys}}` : `${stem}:${process.pid}:${++keys}`);
