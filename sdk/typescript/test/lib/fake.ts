/** A server in memory behind a WebSocket class: answers live queries by key, and does to feeds what a test says. Asynchronous, as a network. */
import type { PatchOp } from '../../src/frames.ts';
import { applyPatch } from '../../src/patch.ts';
import { HELLO } from './machine.ts';

type Json = Record<string, unknown>;

export class FakeServer {
  readonly values = new Map<string, unknown>();
  /** Keys whose feeds are refused, and by which code. */
  readonly refuse = new Map<string, string>();
  readonly sent: (Json & { id: number })[] = [];
  /** Openings wait for `release`. */
  delayed = false;
  sockets = 0;
  readonly #feeds = new Map<string, { feed: number; rev: number }>();
  readonly #held: (() => void)[] = [];
  #socket: { onmessage: ((event: { data: string }) => void) | null; onclose: ((event: { code: number; reason: string }) => void) | null } | undefined;
  #lastFeed = 0;

  readonly WebSocket: new (url: string, protocols: string[]) => object;

  constructor() {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class below has its own
    const server = this;
    this.WebSocket = class {
      onmessage = null;
      onclose = null;
      onerror = null;
      constructor() {
        server.sockets += 1;
        server.#socket = this;
        server.#feeds.clear();
        setTimeout(() => server.#frame({ hello: HELLO }), 1);
      }

      send(text: string) { for (const request of [JSON.parse(text)].flat()) server.#take(request as Json & { id: number }); }
      close() {}
    };
  }

  requests(verb: string): Json[] { return this.sent.filter(request => verb in request); }

  /** Another value of a key. */
  set(key: string, value: unknown): void {
    this.values.set(key, value);
    this.#next(key, { value });
  }

  patch(key: string, patch: PatchOp[]): void {
    this.values.set(key, applyPatch(this.values.get(key), patch));
    this.#next(key, { patch });
  }

  /** A frame of the feed of this key, channel, pattern or stream. */
  frame(key: string, frame: Json): void { this.#frame({ feed: this.#feeds.get(key)!.feed, ...frame }); }

  drop(code = 1006): void { this.#socket!.onclose?.({ code, reason: '' }); }

  release(): void {
    this.delayed = false;
    this.#held.splice(0).forEach(answer => answer());
  }

  #next(key: string, frame: Json): void {
    const feed = this.#feeds.get(key);
    if (feed) this.#frame({ feed: feed.feed, rev: feed.rev += 1, tag: `tag-${feed.rev}`, ...frame });
  }

  #frame(frame: unknown): void { this.#socket!.onmessage?.({ data: JSON.stringify(frame) }); }

  #take(request: Json & { id: number }): void {
    this.sent.push(request);
    const answer = () => setTimeout(() => this.#frame({ id: request.id, ...this.#answer(request) }), 1);
    if (this.delayed) this.#held.push(answer); else answer();
  }

  #answer(request: Json): Json {
    const { live, follow, subscribe, psubscribe } = request as { live?: string[]; follow?: string; subscribe?: string; psubscribe?: string };
    const key = live?.[1] ?? follow ?? subscribe ?? psubscribe;
    if (key === undefined) return { result: 'OK' };
    const code = this.refuse.get(key);
    if (code) return { error: { code, message: 'refused' } };
    const feed = { feed: this.#lastFeed += 1, rev: 1 };
    this.#feeds.set(key, feed);
    if (live) return { ...feed, tag: 'tag-1', via: 'tracking', value: this.values.get(key) ?? null };
    return { feed: feed.feed, ...(follow !== undefined && { from: '0-0' }) };
  }
}
