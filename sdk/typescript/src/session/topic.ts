/**
 * One feed on the wire: what the client must hold to show it and to resume it on any node. It takes the feed's frames and
 * says what its subscribers are to be told; it sends nothing and knows no time.
 *
 * A live query's value is the same for all its subscribers and is held here. Channels and streams are events: subscribers
 * keep what they want of them. Of a stream each subscriber has its own place, so one that begins at an older entry does not
 * make the others see entries twice.
 */
import { ReplyError, type KeywireError } from '../errors.ts';
import type { Entry, ErrorBody, FailedFrame, FeedFrame, Gap, OpeningVerb, Opened, PatchFrame, ValueFrame } from '../frames.ts';
import { applyPatch, share } from '../patch.ts';

/**
 * `loading`: nothing to show yet. `live`: what is shown is current. `stale`: it may be old, because the connection or the
 * server's backend is away. `closed`: it will not change any more.
 */
export type FeedState = 'loading' | 'live' | 'stale' | 'closed';

/** What a feed shows at one moment. Immutable: a change is another object. */
export interface Snapshot<Value> {
  /** The value; `undefined` while there is none. */
  readonly value: Value;
  /** Whether it is current. */
  readonly state: FeedState;
  /** Why there is no value, or why the feed is closed. */
  readonly error: KeywireError | undefined;
}

/** What subscribers are told. `change`: the snapshot is another one. A pattern's message has its channel with it. */
export type TopicEvent =
  | { change: true }
  | { message: unknown }
  | { missed: number | null }
  | { entries: readonly Entry[] }
  | { gap: Gap }
  | { reset: true };

/** Who listens to a topic. */
export interface Subscriber {
  /** Streams: the last entry it had; `undefined`: it wants only new ones, and the end is not known yet. */
  place?: string | undefined;
  /** Is told. Called by the shell, never by the session. */
  notify(event: TopicEvent): void;
}

/** Takes what one subscriber is to be told. */
export type Tell = (to: Subscriber, event: TopicEvent) => void;

export class Topic {
  /** Names the feed: equal requests have equal keys. */
  readonly key: string;
  readonly subscribers = new Set<Subscriber>();
  snapshot: Snapshot<unknown> = { value: undefined, state: 'loading', error: undefined };
  /** The server's number for it on this connection. */
  number: number | undefined;
  /** It was asked for, and the answer is not there yet. */
  opening = false;
  /** Openings in a row that were refused or led to frames that did not fit. */
  failures = 0;
  readonly #verb: OpeningVerb;
  readonly #tell: Tell;
  #rev = 0;
  /** Names the value for a resume; `undefined`: there is no value that a patch could be for. */
  #tag: string | undefined;
  /** Streams: how far the server has sent. */
  #place: string | undefined;
  /** Streams: where the last opening asked to begin. */
  #asked = '$';
  /** Channels: it was in force once. */
  #wasOpen = false;

  constructor(verb: OpeningVerb, tell: Tell) {
    this.#verb = verb;
    this.#tell = tell;
    this.key = JSON.stringify(verb);
  }

  get state(): FeedState { return this.snapshot.state; }

  /** What opens it, from where it is. */
  request(): OpeningVerb {
    const verb = this.#verb;
    return 'live' in verb ? { ...verb, have: this.#tag } : 'follow' in verb ? { ...verb, from: this.#asked = this.#from() } : verb;
  }

  /** Adds a subscriber. True: it begins before what the server sends now, so the feed must be opened again. */
  join(subscriber: Subscriber): boolean {
    this.subscribers.add(subscriber);
    if (this.number === undefined || this.#place === undefined) return false;
    return compareIds(subscriber.place ??= this.#place, this.#place) < 0;
  }

  /** The answer to its opening. True: a stream has to begin earlier than it does, so it must be opened again. */
  opened(reply: Opened): boolean {
    const state = reply.stale ? 'stale' : 'live';
    if ('rev' in reply) {
      this.#rev = reply.rev;
      this.#tag = reply.tag;
      const { value } = this.snapshot;
      this.#show({ value: reply.same ? value : share(value, reply.value), state, error: reply.error && failure(reply.error) });
      return false;
    }
    this.#show({ state, error: undefined });
    if ('from' in reply) {
      this.#place = reply.from;
      for (const subscriber of this.subscribers) subscriber.place ??= reply.from;
      return compareIds(this.#from(), this.#asked === '$' ? reply.from : this.#asked) < 0;
    }
    if (this.#wasOpen) this.#tellAll({ missed: null });
    this.#wasOpen = true;
    return false;
  }

  /** A frame of the feed. True: it must be opened again, because the frame does not fit or the stream begins anew. */
  take(frame: FeedFrame): boolean {
    if ('stale' in frame) this.#show({ state: frame.stale ? 'stale' : 'live' });
    else if ('closed' in frame) return this.refused(failure(frame.closed));
    else if ('rev' in frame) return this.#changed(frame);
    else if ('entries' in frame) this.#entries(frame.entries);
    else if ('gap' in frame) {
      const { gap } = frame;
      for (const to of this.subscribers) if (gap.first === null || compareIds(to.place!, gap.first) < 0) this.#tell(to, { gap });
    } else if ('missed' in frame) this.#tellAll({ missed: frame.missed });
    else if ('message' in frame) {
      const { message, channel } = frame;
      this.#tellAll({ message: channel === undefined ? message : { channel, message } });
    }
    return false;
  }

  /** The server does not open it, or ended it: it is closed. But `RESET` means that a stream begins anew: true, so does the topic. */
  refused(error: KeywireError): boolean {
    if (error.code !== 'RESET') {
      this.end(error);
      return false;
    }
    for (const subscriber of this.subscribers) subscriber.place = '0';
    this.#stale();
    this.#tellAll({ reset: true });
    return true;
  }

  /** It cannot be opened just now. True: it will be tried again. */
  postponed(error: KeywireError): boolean {
    this.#show({ error });
    return true;
  }

  /** It is not on the wire any more, for now. */
  disconnected(): void {
    this.number = undefined;
    this.opening = false;
    this.#stale();
  }

  /** Nothing comes any more. */
  end(error?: KeywireError): void { this.#show({ state: 'closed', error }); }

  /** Another value, or an error in its place. True: it does not follow from what is held, and must not be shown. */
  #changed(frame: PatchFrame | ValueFrame | FailedFrame): boolean {
    const { value } = this.snapshot;
    try {
      if ('patch' in frame ? this.#tag === undefined || frame.rev !== this.#rev + 1 : frame.rev <= this.#rev) throw frame;
      const next = 'patch' in frame ? applyPatch(value, frame.patch) : 'value' in frame ? share(value, frame.value) : undefined;
      this.failures = 0;
      this.#rev = frame.rev;
      this.#tag = 'tag' in frame ? frame.tag : undefined;
      this.#show({ value: next, error: 'error' in frame ? failure(frame.error) : undefined });
      return false;
    } catch {
      this.#tag = undefined;
      this.#stale();
      return true;
    }
  }

  /** The least place of the subscribers; `$` while one of them has to learn where the end is. */
  #from(): string {
    const [first, ...others] = [...this.subscribers].map(({ place }) => place ?? '$');
    return others.reduce((a, b) => (a === '$' || (b !== '$' && compareIds(a!, b!) < 0) ? a : b), first) ?? '$';
  }

  #entries(entries: readonly Entry[]): void {
    this.#place = entries.at(-1)![0];
    for (const to of this.subscribers) {
      const unseen = entries.filter(([id]) => compareIds(id, to.place!) > 0);
      if (unseen.length === 0) continue;
      to.place = this.#place;
      this.#tell(to, { entries: unseen });
    }
  }

  #stale(): void { if (this.state === 'live') this.#show({ state: 'stale' }); }

  #show(change: Partial<Snapshot<unknown>>): void {
    const held = this.snapshot;
    const next = { ...held, ...change };
    if (held.state === 'closed' || (held.value === next.value && held.state === next.state && held.error === next.error)) return;
    this.snapshot = next;
    this.#tellAll({ change: true });
  }

  #tellAll(event: TopicEvent): void {
    for (const subscriber of this.subscribers) this.#tell(subscriber, event);
  }
}

/** Compares stream ids, whose halves may be beyond a number's precision. */
export function compareIds(a: string, b: string): number {
  const [[x, i = 0n], [y, j = 0n]] = [a, b].map(id => id.split('-').map(BigInt)) as [[bigint, bigint?], [bigint, bigint?]];
  return Number(x - y || i - j);
}

export const failure = ({ code, message }: ErrorBody): ReplyError => new ReplyError(code, message);
