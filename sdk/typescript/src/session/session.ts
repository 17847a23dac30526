/**
 * One client's side of the protocol, as a machine: events in (`handle…`), outputs out (`out`), the time passed in. It has no
 * socket, no clock and no timers; the shell around it (`client.ts`) does what the outputs say, in their order, and calls
 * `handleTimeout` when `nextTimeout` has come.
 *
 * ```text
 *            start              hello             lost
 *   idle ───────────► connecting ───────► open ───────────────► waiting ──► connecting …
 *                         │                 │                      │ hidden for long
 *                         └── 40xx, end() ──┴──► closed            └──► paused ── wake ──► connecting …
 * ```
 */
import { ConnectionError, KeywireError } from '../errors.ts';
import type { ErrorFrame, FeedFrame, Hello, OpeningVerb, ReplyFrame, ServerFrame, Verb } from '../frames.ts';
import { advice, delayMs, type Advice } from './backoff.ts';
import { Timers } from './timers.ts';
import { failure, Topic, type Subscriber, type TopicEvent } from './topic.ts';

/** Where the connection is; see the picture in `session.ts`. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting' | 'paused' | 'closed';

/** Is told how it went: each question's result or its error, in their order, or why there is no answer. Called by the shell. */
export type Caller = (outcome: unknown[] | KeywireError) => void;

/** What the shell is to do. */
export type Output =
  /** Fetch a token; then `handleToken` or `handleTokenFailed` with this attempt. */
  | { do: 'token'; attempt: number }
  /** Open a socket; its events are this attempt's. */
  | { do: 'connect'; attempt: number; token: string | undefined }
  /** Send a text frame. */
  | { do: 'send'; text: string }
  /** Close the socket and hear no more of it. */
  | { do: 'disconnect' }
  | { do: 'notify'; to: Subscriber; event: TopicEvent }
  | { do: 'settle'; caller: Caller; outcome: unknown[] | KeywireError }
  /** The connection's state is another one. */
  | { do: 'state' };

/** How a session behaves. All of it has a default in `client.ts`. */
export interface Config {
  /** There is a token to fetch before every connect. The session asks the shell for it. */
  token?: unknown;
  /** From 0 to 1, for the delays. */
  random: () => number;
  /** How long a command may wait for its answer, or for a connection. */
  timeoutMs: number;
  /** How long a feed that nobody listens to stays open, in case somebody does again. */
  lingerMs: number;
  /** How long a page may be hidden before lost connections are left lost until it is shown. */
  pauseMs: number;
  /** How many requests may wait for a connection. */
  queueMax: number;
}

/** From opening a socket to `hello`. */
const CONNECT_MS_MAX = 10_000;
/** A connection that lasted so long was a good one: the next delay is the first again. */
const STABLE_MS = 10_000;
/** How long a server may be silent after the page woke, since a connection may have died in its sleep. */
const PROBE_MS = 5_000;
/** The least time between two fetches of a token for one connection, whatever the clocks of both sides say. */
const REFRESH_MS_MIN = 5_000;
/** The part of a token's time after which it is replaced. */
const REFRESH_AFTER = 0.8;
/** How many commands go in one frame. */
const BATCH_MAX = 100;

/** Questions of one caller, sent together. */
interface Asked { verbs: readonly Verb[]; caller: Caller; sent: boolean }
type Handler = (reply: ReplyFrame) => void;

export class Session {
  /** What is to be done; the shell empties it. */
  readonly out: Output[] = [];
  state: ConnectionState = 'idle';
  /** What went wrong last: why it is not open. */
  error: KeywireError | undefined;
  /** The server's greeting, also of the connection before. */
  hello: Hello | undefined;
  /** While waiting: when the next attempt is. */
  retryAt: number | undefined;
  readonly #config: Config;
  /** `step`: the next attempt, or the hello or the sign of life that has to come. `probe`, `refresh`, topics, askers: what they say. */
  readonly #timers = new Timers();
  /** By request number: who takes the answer. */
  readonly #handlers = new Map<number, Handler>();
  /** Who waits for an answer, or for a connection, in the order asked. */
  readonly #asked = new Set<Asked>();
  readonly #topics = new Map<string, Topic>();
  /** The topics by the server's number: as a rule one, several if the server takes them for the same feed, none any more. */
  readonly #numbered = new Map<number, Set<Topic>>();
  /** The time of the event that is being handled. */
  #now = 0;
  #openings = 0;
  #lastId = 0;
  #attempt = 0;
  #failures = 0;
  #openedAt = Infinity;
  #heardAt = 0;
  #wokeAt = -Infinity;
  #hiddenAt = Infinity;

  constructor(config: Config) {
    this.#config = config;
  }

  // What the program asks.

  /** The topic of this request: the open one, or a new one that nobody listens to yet. */
  topic(verb: OpeningVerb): Topic {
    const topic = new Topic(verb, (to, event) => { this.out.push({ do: 'notify', to, event }); });
    return this.#topics.get(topic.key) ?? topic;
  }

  /** Begins to listen. Answers the topic that is listened to: the open one of the same request, if there is one. */
  join(topic: Topic, subscriber: Subscriber, now: number): Topic {
    this.#now = now;
    topic = this.#topics.get(topic.key) ?? topic;
    const isEarlier = topic.join(subscriber);
    if (this.state === 'closed') topic.end(this.error);
    if (topic.state === 'closed') return topic;
    this.#topics.set(topic.key, topic);
    this.#timers.clear(topic);
    if (isEarlier) this.#reopen(topic);
    else this.#open(topic);
    this.#start();
    return topic;
  }

  /** Listens no more. The feed stays open for a moment. */
  leave(topic: Topic, subscriber: Subscriber, now: number): void {
    this.#now = now;
    topic.subscribers.delete(subscriber);
    this.#linger(topic);
  }

  /** Asks questions that travel together. */
  ask(verbs: readonly Verb[], caller: Caller, now: number): void {
    this.#now = now;
    const asked = { verbs, caller, sent: false };
    this.#asked.add(asked);
    if (this.state === 'closed') return this.#settle(asked, closed());
    if (this.state !== 'open' && this.#asked.size > this.#config.queueMax) return this.#settle(asked, new ConnectionError('TOOMANY', 'the queue is full'));
    this.#timers.set(asked, now + this.#config.timeoutMs, () => this.#settle(asked, new ConnectionError('TIMEOUT', 'no answer in time', asked.sent)));
    if (this.state === 'open') this.#deliver(asked);
    this.#start();
  }

  /** The page is shown or the network is back: no reason to wait, and every reason to doubt. */
  wake(now: number): void {
    this.#wokeAt = this.#now = now;
    if (this.state === 'waiting' || this.state === 'paused') this.#dial();
    else if (this.state === 'open') {
      this.#timers.set('probe', now + PROBE_MS, () => this.#broken());
      this.#send({ ping: 0 });
    }
  }

  /** Ends everything, for good. Without an error: the program wanted it. */
  end(error?: KeywireError): void {
    if (this.state === 'closed') return;
    this.#hangUp('closed', error, error ?? closed(true));
    for (const topic of [...this.#topics.values()]) this.#drop(topic, error);
  }

  // What the world does.

  /** The page is shown or hidden. */
  handleVisible(visible: boolean, now: number): void {
    this.#hiddenAt = visible ? Infinity : Math.min(this.#hiddenAt, now);
    if (visible) this.wake(now);
  }

  /** The token that was asked for; `undefined`: connect without one. */
  handleToken(attempt: number, token: string | undefined, now: number): void {
    if (this.#isOld(attempt, now)) return;
    if (this.state !== 'open') this.#connect(token);
    else if (token !== undefined) this.#send({ auth: token }, reply => this.#authorised(reply));
  }

  /** There is no token to be had now. */
  handleTokenFailed(attempt: number, error: KeywireError, now: number): void {
    if (this.#isOld(attempt, now)) return;
    if (this.state === 'open') this.#refresh();
    else this.#lost(error);
  }

  /** A frame came. */
  handleFrame(attempt: number, frame: ServerFrame, now: number): void {
    if (this.#isOld(attempt, now)) return;
    this.#heardAt = now;
    this.#timers.clear('probe');
    if ('hello' in frame) this.#greeted(frame.hello);
    else if ('id' in frame) this.#answered(frame.id!, frame);
    else if ('feed' in frame) this.#feed(frame);
    else this.#broken(frame.error.message); // some request will never be answered
  }

  /** The socket closed, or could not be opened. */
  handleClosed(attempt: number, code: number, reason: string, now: number): void {
    if (this.#isOld(attempt, now)) return;
    const advised = advice(code);
    const error = new ConnectionError(advised === 'stop' ? 'CLOSED' : 'LOST', `closed by code ${code} ${reason}`, true, code);
    if (advised === 'stop') this.end(error);
    else this.#lost(error, advised);
  }

  /** When `handleTimeout` wants to be called, `Infinity` for never. It may want nothing then. */
  nextTimeout(): number { return this.#timers.next; }

  /** Something may be due. */
  handleTimeout(now: number): void {
    this.#now = now;
    this.#timers.run(now);
  }

  // The connection.

  /** What belongs to an earlier attempt to connect is of no interest any more. */
  #isOld(attempt: number, now: number): boolean {
    this.#now = now;
    return attempt !== this.#attempt;
  }

  #start(): void {
    if (this.state === 'idle') this.#dial();
  }

  #dial(): void {
    this.#timers.clear('step');
    this.retryAt = undefined;
    const attempt = ++this.#attempt;
    this.#to('connecting');
    if (this.#config.token) this.out.push({ do: 'token', attempt });
    else this.#connect();
  }

  #connect(token?: string): void {
    this.#timers.set('step', this.#now + CONNECT_MS_MAX, () => this.#broken());
    this.out.push({ do: 'connect', attempt: this.#attempt, token });
  }

  #greeted(hello: Hello): void {
    this.hello = hello;
    this.#openedAt = this.#now;
    this.error = undefined;
    this.#listen();
    this.#refresh();
    this.#to('open');
    for (const topic of this.#topics.values()) this.#open(topic);
    for (const asked of this.#asked) this.#deliver(asked);
  }

  /** Sets when the next token is fetched: well before this one expires. */
  #refresh(): void {
    const { expires } = this.hello!;
    if (expires === null || !this.#config.token) return;
    const wait = Math.max(REFRESH_MS_MIN, (expires * 1000 - this.#now) * REFRESH_AFTER);
    this.#timers.set('refresh', this.#now + wait, () => this.out.push({ do: 'token', attempt: this.#attempt }));
  }

  #authorised(reply: ReplyFrame): void {
    if ('result' in reply) this.hello = { ...this.hello!, ...reply.result as Pick<Hello, 'user' | 'expires'> };
    this.#refresh();
    this.out.push({ do: 'state' });
  }

  /** Silence of one interval asks for a sign of life; of two, leaves. */
  #listen(): void {
    const interval = this.hello!.ping_interval_ms;
    const silent = this.#now - this.#heardAt;
    if (silent >= 2 * interval) return this.#broken();
    if (silent >= interval) this.#send({ ping: 0 });
    this.#timers.set('step', this.#heardAt + (silent >= interval ? 2 : 1) * interval, () => this.#listen());
  }

  #broken(why = 'the server is silent'): void { this.#lost(new ConnectionError('LOST', why, true)); }

  #lost(error: KeywireError, advised?: Advice): void {
    const now = this.#now;
    if (now - this.#openedAt >= STABLE_MS) this.#failures = 0;
    // At once only the first time: who is sent away at once again and again has to wait as others do.
    const isAtOnce = this.#failures === 0 && (advised === 'now' || now - this.#wokeAt < PROBE_MS);
    this.retryAt = now + (isAtOnce ? 0 : this.#delay(this.#failures));
    this.#failures += 1;
    this.#hangUp('waiting', error, error);
    this.#timers.set('step', this.retryAt, () => {
      if (this.#now < this.#hiddenAt + this.#config.pauseMs) return this.#dial();
      this.retryAt = undefined;
      this.#to('paused');
    });
    for (const topic of [...this.#topics.values()]) {
      if (topic.subscribers.size > 0) topic.disconnected();
      else this.#drop(topic);
    }
  }

  /** Without a connection from now on: what was under way on it is not any more. */
  #hangUp(state: ConnectionState, error: KeywireError | undefined, told: KeywireError): void {
    for (const timer of ['step', 'probe', 'refresh']) this.#timers.clear(timer);
    this.#attempt += 1;
    this.#openedAt = Infinity;
    this.#openings = 0;
    this.#numbered.clear();
    this.#handlers.clear();
    this.error = error;
    this.out.push({ do: 'disconnect' });
    this.#to(state);
    for (const asked of this.#asked) {
      if (asked.sent) this.#settle(asked, told);
      else if (state === 'closed') this.#settle(asked, closed());
    }
  }

  #delay(failures: number): number {
    return delayMs(this.hello?.reconnect_ms ?? [100, 2000], failures, this.#config.random());
  }

  #to(state: ConnectionState): void {
    this.state = state;
    this.out.push({ do: 'state' });
  }

  // Requests.

  #deliver(asked: Asked): void {
    asked.sent = true;
    const { verbs } = asked;
    const results: unknown[] = [];
    let left = verbs.length;
    const handlers = verbs.map((_, i) => (reply: ReplyFrame) => {
      results[i] = 'error' in reply ? failure(reply.error!) : (reply as { result: unknown }).result;
      left -= 1;
      if (left === 0) this.#settle(asked, results);
    });
    for (let i = 0; i < verbs.length; i += BATCH_MAX) this.#sendAll(verbs.slice(i, i + BATCH_MAX), handlers.slice(i));
  }

  #settle(asked: Asked, outcome: unknown[] | KeywireError): void {
    if (!this.#asked.delete(asked)) return;
    this.#timers.clear(asked);
    this.out.push({ do: 'settle', caller: asked.caller, outcome });
  }

  #send(verb: Verb, handler: Handler = () => {}): void { this.#sendAll([verb], [handler]); }

  /** Sends requests in one frame, or in several if the server would not take one so big: that would cost the connection. */
  #sendAll(verbs: readonly Verb[], handlers: readonly Handler[]): void {
    const requests = verbs.map((verb, i) => {
      this.#handlers.set(++this.#lastId, handlers[i]!);
      return { id: this.#lastId, ...verb };
    });
    const [first, second] = requests;
    const text = JSON.stringify(second ? requests : first);
    const most = this.hello!.limits.message_bytes_max;
    if (text.length * 3 <= most || new TextEncoder().encode(text).length <= most) this.out.push({ do: 'send', text });
    else if (second) verbs.forEach((verb, i) => this.#send(verb, handlers[i]));
    else this.#answered(first!.id, { error: { code: 'TOOBIG', message: 'over message_bytes_max' } });
  }

  #answered(id: number, reply: ReplyFrame): void {
    const handler = this.#handlers.get(id);
    this.#handlers.delete(id);
    handler?.(reply);
  }

  // Topics.

  #open(topic: Topic): void {
    if (this.state !== 'open' || topic.opening || topic.number !== undefined || topic.subscribers.size === 0) return;
    topic.opening = true;
    this.#openings += 1;
    this.#send(topic.request(), reply => this.#opened(topic, reply));
  }

  #opened(topic: Topic, reply: ReplyFrame): void {
    this.#openings -= 1;
    topic.opening = false;
    if ('feed' in reply) {
      topic.number = reply.feed;
      this.#numbered.set(reply.feed, (this.#numbered.get(reply.feed) ?? new Set()).add(topic));
      if (topic.subscribers.size === 0) this.#linger(topic);
      else if (topic.opened(reply)) this.#reopen(topic);
    } else {
      const error = failure((reply as ErrorFrame).error);
      const isPassing = error.code === 'UNAVAILABLE' || error.code === 'TOOMANY';
      if (isPassing ? topic.postponed(error) : topic.refused(error)) this.#again(topic);
      else this.#drop(topic);
    }
    this.#sweep();
  }

  #feed(frame: FeedFrame): void {
    for (const topic of [...this.#numbered.get(frame.feed) ?? []]) {
      if (topic.number !== frame.feed) continue; // opened anew because of a topic before it
      const isToReopen = topic.take(frame);
      if ('closed' in frame) {
        topic.number = undefined;
        this.#numbered.delete(frame.feed);
        if (isToReopen) this.#open(topic);
        else this.#drop(topic);
      } else if (isToReopen && topic.failures === 0) {
        topic.failures = 1;
        this.#reopen(topic);
      } else if (isToReopen) {
        // Not the first time: a server that does this does not get asked again at once.
        this.#unbind(topic);
        this.#again(topic);
      }
    }
  }

  /** Closes the feed and opens it again, also for other topics that are the same feed to the server. */
  #reopen(topic: Topic): void {
    const number = topic.number!;
    const topics = [...this.#numbered.get(number)!];
    this.#numbered.delete(number);
    this.#send({ close: number });
    for (const each of topics) {
      each.number = undefined;
      this.#open(each);
    }
  }

  /** Opens it after a delay. */
  #again(topic: Topic): void {
    this.#timers.set(topic, this.#now + this.#delay(topic.failures++), () => this.#open(topic));
  }

  /** Forgets it in a while, if nobody listens. While an opening is under way there is no number to close: the answer sees to it. */
  #linger(topic: Topic): void {
    if (topic.subscribers.size > 0 || this.#topics.get(topic.key) !== topic) return;
    this.#timers.set(topic, this.#now + this.#config.lingerMs, () => { if (!topic.opening) this.#drop(topic); });
  }

  /** Forgets a topic: nobody listens, or it is closed. */
  #drop(topic: Topic, error?: KeywireError): void {
    if (this.state === 'closed') topic.end(error);
    this.#timers.clear(topic);
    this.#topics.delete(topic.key);
    this.#unbind(topic);
    topic.disconnected();
  }

  /** Wants no more frames of it. */
  #unbind(topic: Topic): void {
    this.#numbered.get(topic.number!)?.delete(topic);
    topic.number = undefined;
    this.#sweep();
  }

  /** Closes what nobody wants any more, unless an opening is under way, which might be answered by one of these numbers. */
  #sweep(): void {
    if (this.#openings > 0) return;
    for (const [number, topics] of this.#numbered) {
      if (topics.size > 0) continue;
      this.#numbered.delete(number);
      this.#send({ close: number });
    }
  }
}

const closed = (sent?: boolean) => new ConnectionError('CLOSED', 'the client is closed', sent);
