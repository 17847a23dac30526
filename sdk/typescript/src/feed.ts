/**
 * Feeds as a program holds them. Several handles of the same feed are one on the wire. A handle is on the wire from its
 * making; when its last listener or loop leaves it rests, off the wire, and goes on where it was when somebody listens again.
 */
import { ConnectionError, type KeywireError } from './errors.ts';
import type { Entry, Gap } from './frames.ts';
import type { FeedState, Snapshot, Subscriber, Topic, TopicEvent } from './session/topic.ts';

/** How many items may wait for a loop that is busy. */
const WAITING_MAX = 10_000;

/** A value that changes. `Value` is what it shows, `Item` what a loop over it yields. */
export interface Feed<Value, Item> extends AsyncIterable<Item> {
  /** Value, state and error of one moment; the same object until one of them changes. */
  readonly snapshot: Snapshot<Value>;
  /** What it shows. Immutable: what changes is another object, what does not is the same one. */
  readonly value: Value;
  /** Whether it is current. */
  readonly state: FeedState;
  /** Why there is no value, or why it is closed. */
  readonly error: KeywireError | undefined;
  /**
   * Calls the listener after every change of value, state or error; also soon, if there is something to show already.
   * Returns what ends that.
   */
  onChange(listener: (value: Value, feed: this) => void): () => void;
  /** The store contract that Svelte reads: calls `run` with the value now and after every change of it. */
  subscribe(run: (value: Value) => void): () => void;
  /** Takes it on the wire, as a listener would. Only of use if it was made `lazy`. */
  open(): this;
  /** Ends it for good. The value stays; loops end; other handles of the same feed go on. */
  close(): void;
}

/** A live query: its value is what the command answers now. A loop yields the newest value whenever it asks. */
export interface LiveFeed<T> extends Feed<T | undefined, T> {}

/** What happens on a channel. `missed`: so many messages were lost, `null`: nobody knows how many. */
export type ChannelEvent<M> = { message: M } | { missed: number | null };

/** A message of a pattern's channels. */
export interface PatternMessage { readonly channel: string; readonly message: string }

/**
 * A channel, or a pattern of channels. Its value are the last messages; a loop yields each. What was lost, on the way here or
 * because a loop was too busy (10,000 messages wait), is counted by `missed` and told by `onEvent`.
 */
export interface ChannelFeed<M> extends Feed<readonly M[], M> {
  /** How many messages were lost; `null`: at some time nobody knew how many. */
  readonly missed: number | null;
  /** Calls the listener with everything that happens, in order, losses included. Returns what ends that. */
  onEvent(listener: (event: ChannelEvent<M>) => void): () => void;
}

/** What happens on a stream. `gap`: entries may be gone. `reset`: the stream was deleted or went back, and begins anew. */
export type StreamEvent = { entries: readonly Entry[] } | { gap: Gap } | { reset: true };

/**
 * A stream's entries. Its value are the last ones; a loop yields each. Nothing is left out: what the stream itself lost is told
 * by `onEvent` and kept in `gaps`. A loop that lets 10,000 entries wait ends with `TOOSLOW`; go on with `from`.
 */
export interface StreamFeed extends Feed<readonly Entry[], Entry> {
  /** Where entries may be gone: the last hundred places. */
  readonly gaps: readonly Gap[];
  /** Calls the listener with everything that happens, in order, losses included. Returns what ends that. */
  onEvent(listener: (event: StreamEvent) => void): () => void;
}

/** What feeds need of the client. */
export interface Host {
  join(topic: Topic, subscriber: Subscriber): Topic;
  leave(topic: Topic, subscriber: Subscriber): void;
  /** Calls a listener. What it throws is reported and harms nobody else. */
  call(listener: () => void): void;
}

/** All three kinds of feeds in one. A live query's value is the topic's; of the others the last items are kept here. */
export class Handle {
  missed: number | null = 0;
  gaps: readonly Gap[] = [];
  readonly #host: Host;
  /** How many items to keep; `undefined`: it is a live query. */
  readonly #keep: number | undefined;
  readonly #subscriber: Subscriber;
  readonly #listeners = new Set<(event: TopicEvent) => void>();
  #topic: Topic;
  #items: readonly unknown[] = [];
  #isOpen = false;
  #closed: Snapshot<unknown> | undefined;
  /** What `#shown` was made of. */
  #base: Snapshot<unknown> | undefined;
  #shown!: Snapshot<unknown>;

  constructor(host: Host, topic: Topic, keep?: number, place?: string) {
    this.#host = host;
    this.#topic = topic;
    this.#keep = keep;
    this.#subscriber = { place, notify: event => this.#notify(event) };
  }

  get snapshot(): Snapshot<unknown> {
    const base = this.#closed ?? this.#topic.snapshot;
    const value = this.#keep === undefined ? base.value : this.#items;
    if (base !== this.#base || value !== this.#shown.value) {
      this.#base = base;
      this.#shown = { ...base, value };
    }
    return this.#shown;
  }

  get value(): unknown { return this.snapshot.value; }

  get state(): FeedState { return this.snapshot.state; }

  get error(): KeywireError | undefined { return this.snapshot.error; }

  onChange(listener: (value: unknown, feed: never) => void): () => void {
    // A feed that has nothing to show yet will change; one that has is told soon, after the caller's own code.
    let told: Snapshot<unknown> | undefined = this.state === 'loading' ? this.snapshot : undefined;
    const take = () => {
      if (told === this.snapshot) return;
      told = this.snapshot;
      listener(told.value, this as never);
    };
    if (!told) queueMicrotask(() => { if (this.#listeners.has(take)) this.#host.call(take); });
    return this.#listen(take);
  }

  subscribe(run: (value: unknown) => void): () => void {
    let told = this.value;
    run(told);
    return this.#listen(() => { if (told !== this.value) run(told = this.value); });
  }

  onEvent(listener: (event: never) => void): () => void {
    return this.#listen(event => { if (!('change' in event)) listener(event as never); });
  }

  open(): this {
    if (!this.#isOpen && !this.#closed) {
      this.#isOpen = true;
      this.#topic = this.#host.join(this.#topic, this.#subscriber);
    }
    return this;
  }

  close(): void {
    if (this.#closed) return;
    this.#rest();
    this.#closed = { ...this.#topic.snapshot, state: 'closed' };
    this.#notify({ change: true });
    this.#listeners.clear();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    let items: unknown[] = [];
    let told: unknown = this;
    let isOver = false;
    let wake = () => {};
    const take = (event: TopicEvent) => {
      const { value, state, error } = this.snapshot;
      if (this.#keep === undefined) {
        if (state !== 'loading' && !error && value !== told) items = [told = value];
      } else if ('message' in event) {
        if (items.push(event.message) > WAITING_MAX) {
          items.shift();
          this.#notify({ missed: 1 });
        }
      } else if ('entries' in event && !isOver) {
        items.push(...event.entries);
        isOver = items.length > WAITING_MAX;
      }
      wake();
    };
    const stop = this.#listen(take);
    try {
      for (take({ change: true }); ;) {
        if (items.length > 0) yield items.shift();
        else if (isOver) throw new ConnectionError('TOOSLOW', 'the loop is too slow');
        else if (this.state !== 'closed') await new Promise<void>(resolve => { wake = resolve; });
        else if (this.error) throw this.error;
        else return;
      }
    } finally {
      stop();
    }
  }

  #notify(event: TopicEvent): void {
    if ('message' in event) this.#append([event.message]);
    else if ('entries' in event) this.#append(event.entries);
    else if ('reset' in event) this.#items = [];
    else if (!('change' in event)) {
      // A loss is a change of what is shown, too.
      this.#append([]);
      if ('gap' in event) this.gaps = [...this.gaps, event.gap].slice(-100);
      else this.missed = this.missed === null || event.missed === null ? null : this.missed + event.missed;
    }
    for (const listener of [...this.#listeners]) this.#host.call(() => listener(event));
  }

  #append(items: readonly unknown[]): void {
    if (this.#keep) this.#items = [...this.#items, ...items].slice(-this.#keep);
  }

  #listen(listener: (event: TopicEvent) => void): () => void {
    this.#listeners.add(listener);
    this.open();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#rest();
    };
  }

  #rest(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.leave(this.#topic, this.#subscriber);
  }
}
