/**
 * The shell around {@link Session}: the socket, the clock, the timer, the page's events, and the calls of a program. It
 * decides nothing.
 */
import { ConnectionError, KeywireError, ReplyError } from './errors.ts';
import { Handle, type ChannelFeed, type Host, type LiveFeed, type PatternMessage, type StreamFeed } from './feed.ts';
import type { Command, OpeningVerb, ServerFrame, Verb } from './frames.ts';
import type { Parsed, Replies, Reply } from './commands.ts';
import type { Subscriber, Topic } from './session/topic.ts';
import { Session, type ConnectionState, type Output } from './session/session.ts';

/** What of a WebSocket is used. Browsers, Deno, Bun, React Native, Node 22 and the package `ws` have one. */
export interface WebSocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Makes a WebSocket. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the events of `ws` and of browsers differ in what is not used
export type WebSocketClass = new (url: string, protocols: string[]) => any;

/** A token, or none for now. */
export type Token = string | null | undefined;

/** How to connect. All of it may be left out. */
export interface ConnectOptions {
  /** Is asked for a fresh token before every connect and before the token expires. */
  token?: () => Promise<Token> | Token;
  /** The WebSocket class, where there is no global one (Node 20: that of the package `ws`). */
  WebSocket?: WebSocketClass;
  /** How long a command may wait for its answer, or for a connection. Default 30,000. */
  timeoutMs?: number;
  /** How long a feed that nobody listens to any more stays open. Default 1,000. */
  lingerMs?: number;
  /** How long a page may be hidden before a lost connection is left lost until the page is shown. Default 60,000. */
  pauseMs?: number;
  /** How many requests may wait for a connection; more are refused. Default 1,000. */
  queueMax?: number;
  /** From 0 to 1, for the random delays. Default `Math.random`. */
  random?: () => number;
}

/** Whether a feed waits for its first listener. */
export interface FeedOptions {
  /** Do not open it before somebody listens. Default: it is opened at once. */
  lazy?: boolean;
}

/** How a live query behaves. */
export interface LiveOptions extends FeedOptions {
  /** The least time between two changes, in milliseconds; the server rounds it up to a pace it has. */
  every?: number;
  /** Strings that are JSON objects or arrays come parsed, and patches reach inside them. */
  json?: boolean;
}

/** How a channel behaves. */
export interface ChannelOptions extends FeedOptions {
  /** How many of the last messages its value holds. Default 100. */
  keep?: number;
}

/** How a stream behaves. */
export interface StreamOptions extends FeedOptions {
  /** After which entry to begin: an id, `'0'` for all that is there, `'$'` for only what is new (the default). */
  from?: string;
  /** How many of the last entries its value holds. Default 1,000. */
  keep?: number;
}

/** The connection at one moment. Immutable. */
export interface ConnectionSnapshot {
  readonly state: ConnectionState;
  /** Why it is not open. */
  readonly error: KeywireError | undefined;
  /** Who the server takes this client for; `null`: nobody; `undefined`: not greeted yet. */
  readonly user: string | null | undefined;
  /** The name of the node that serves it. */
  readonly node: string | undefined;
  /** While `waiting`: when the next attempt is, in milliseconds since 1970. */
  readonly retryAt: number | undefined;
}

/** What a browser's `setTimeout` can take. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A connection that keeps itself. It opens with the first feed or command. */
export class Client implements Host {
  readonly #url: string;
  readonly #options: ConnectOptions;
  readonly #session: Session;
  readonly #listeners = new Set<() => void>();
  #leavePage = () => {};
  #snapshot!: ConnectionSnapshot;
  #socket: WebSocketLike | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #performing = false;

  /** See {@link connect}. */
  constructor(url: string, options: ConnectOptions = {}) {
    this.#url = url;
    this.#options = options;
    const { token, timeoutMs = 30_000, lingerMs = 1_000, pauseMs = 60_000, queueMax = 1_000, random = Math.random } = options;
    this.#session = new Session({ token, timeoutMs, lingerMs, pauseMs, queueMax, random });
    this.#look();
    this.#hearPage();
  }

  /** The connection's state and what belongs to it; the same object until something of it changes. */
  get snapshot(): ConnectionSnapshot { return this.#snapshot; }

  /** Where the connection is. */
  get state(): ConnectionState { return this.#snapshot.state; }

  /** Why the connection is not open. */
  get error(): KeywireError | undefined { return this.#snapshot.error; }

  /** Calls the listener after every change of the connection. Returns what ends that. */
  onChange(listener: (connection: ConnectionSnapshot) => void): () => void {
    const call = () => listener(this.#snapshot);
    this.#listeners.add(call);
    return () => { this.#listeners.delete(call); };
  }

  /** What a read-only command answers, and then every change of it. The type can be given: `live<Cart>(['GET', 'cart'], { json: true })`. */
  live<const C extends Command, const O extends LiveOptions = LiveOptions>(command: C, options?: O): LiveFeed<O extends { json: true } ? Parsed<Reply<C>> : Reply<C>>;
  live<T>(command: Command, options?: LiveOptions): LiveFeed<T>;
  live(command: Command, { every, json, lazy }: LiveOptions = {}): LiveFeed<unknown> {
    return this.#feed({ live: command, every, json: json || undefined }, lazy) as LiveFeed<unknown>;
  }

  /** The messages of a channel. */
  subscribe(channel: string, { keep = 100, lazy }: ChannelOptions = {}): ChannelFeed<string> {
    return this.#feed({ subscribe: channel }, lazy, keep) as ChannelFeed<string>;
  }

  /** The messages of all channels that a glob matches. */
  psubscribe(pattern: string, { keep = 100, lazy }: ChannelOptions = {}): ChannelFeed<PatternMessage> {
    return this.#feed({ psubscribe: pattern }, lazy, keep) as ChannelFeed<PatternMessage>;
  }

  /** The entries of a stream. */
  follow(stream: string, { from = '$', keep = 1_000, lazy }: StreamOptions = {}): StreamFeed {
    return this.#feed({ follow: stream }, lazy, keep, from === '$' ? undefined : from) as StreamFeed;
  }

  /** Runs one command. Rejects with {@link ReplyError} or {@link ConnectionError}. */
  command<const C extends Command>(command: C): Promise<Reply<C>>;
  command<T>(command: Command): Promise<T>;
  async command(command: Command): Promise<unknown> {
    return only(await this.#ask([{ command }]));
  }

  /** Runs commands as one MULTI/EXEC: all or none are carried out. A failed one is a {@link ReplyError} in its place. */
  async commands<const C extends readonly Command[]>(commands: C): Promise<Replies<C>> {
    return (only(await this.#ask([{ commands, atomic: true }])) as unknown[]).map(elementError) as Replies<C>;
  }

  /** Runs commands that travel together and are carried out in order, each by itself. A failed one is a {@link ReplyError} in its place. */
  async batch<const C extends readonly Command[]>(commands: C): Promise<Replies<C>> {
    return (commands.length > 0 ? await this.#ask(commands.map(command => ({ command }))) : []) as Replies<C>;
  }

  /** Tells it that the program is awake again, where no page says so (React Native: when the app becomes active). */
  wake(): void {
    this.#run(now => this.#session.wake(now));
  }

  /** Ends everything, for good: feeds are closed, waiting commands are rejected, no socket, timer or listener stays. */
  close(): void {
    this.#run(() => this.#session.end());
    this.#listeners.clear();
  }

  /** @internal */
  join(topic: Topic, subscriber: Subscriber): Topic {
    this.#run(now => { topic = this.#session.join(topic, subscriber, now); });
    return topic;
  }

  /** @internal */
  leave(topic: Topic, subscriber: Subscriber): void {
    this.#run(now => this.#session.leave(topic, subscriber, now));
  }

  /** @internal */
  call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      queueMicrotask(() => { throw error; });
    }
  }

  #feed(verb: OpeningVerb, lazy: boolean | undefined, keep?: number, place?: string): unknown {
    const handle = new Handle(this, this.#session.topic(verb), keep, place);
    return lazy ? handle : handle.open();
  }

  #ask(verbs: readonly Verb[]): Promise<unknown[]> {
    return new Promise((resolve, reject) => this.#run(now => this.#session.ask(verbs, outcome => {
      if (outcome instanceof KeywireError) reject(outcome); else resolve(outcome);
    }, now)));
  }

  /** An event for the session, and then everything it wants. */
  #run(event: (now: number) => void): void {
    event(Date.now());
    if (this.#performing) return; // a listener's call: the loop below takes what came of it
    this.#performing = true;
    const { out } = this.#session;
    for (const output of out) this.#perform(output); // also what is added meanwhile
    out.length = 0;
    this.#performing = false;
    this.#arm();
  }

  #perform(output: Output): void {
    switch (output.do) {
      case 'notify': return output.to.notify(output.event);
      case 'settle': return output.caller(output.outcome);
      case 'send': return this.#socket?.send(output.text);
      case 'connect': return this.#connect(output.attempt, output.token);
      case 'token': return void this.#fetchToken(output.attempt);
      case 'disconnect': return this.#disconnect();
      case 'state':
        this.#look();
        if (this.state === 'closed') this.#leavePage();
        for (const listener of [...this.#listeners]) this.call(listener);
    }
  }

  #look(): void {
    const { state, error, hello, retryAt } = this.#session;
    this.#snapshot = { state, error, user: hello?.user, node: hello?.node, retryAt };
  }

  #arm(): void {
    const at = this.#session.nextTimeout();
    if (at === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#run(now => this.#session.handleTimeout(now));
    }, Math.min(TIMER_MS_MAX, Math.max(0, at - Date.now())));
  }

  async #fetchToken(attempt: number): Promise<void> {
    try {
      const token = await this.#options.token!();
      this.#run(now => this.#session.handleToken(attempt, token ?? undefined, now));
    } catch (error) {
      this.#run(now => this.#session.handleTokenFailed(attempt, new KeywireError('TOKEN', String(error)), now));
    }
  }

  #connect(attempt: number, token: string | undefined): void {
    const WebSocket = this.#options.WebSocket ?? (globalThis as unknown as { WebSocket: WebSocketClass }).WebSocket;
    let socket: WebSocketLike;
    try {
      socket = new WebSocket(absolute(this.#url), ['keywire.v1.json', ...(token ? [`bearer.${token}`] : [])]);
    } catch (error) {
      return this.#session.end(new ConnectionError('NOWEBSOCKET', String(error)));
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      try {
        const frame = JSON.parse(String(data)) as ServerFrame;
        this.#run(now => this.#session.handleFrame(attempt, frame, now));
      } catch (error) {
        this.#disconnect();
        lost({ code: 1002, reason: String(error) });
      }
    };
    const lost = socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
      this.#run(now => this.#session.handleClosed(attempt, code, reason, now));
    socket.onerror = () => {}; // `onclose` follows
  }

  #disconnect(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #hearPage(): void {
    const page = globalThis as { document?: Document } & Partial<EventTarget>;
    const { document } = page;
    // The network's return says no more of a hidden page than that it is hidden.
    const changed = () => this.#run(now => this.#session.handleVisible(document?.visibilityState !== 'hidden', now));
    document?.addEventListener('visibilitychange', changed);
    page.addEventListener?.('online', changed);
    if (document?.visibilityState === 'hidden') changed();
    this.#leavePage = () => {
      document?.removeEventListener('visibilitychange', changed);
      page.removeEventListener?.('online', changed);
    };
  }
}

/**
 * A client of the keywire server at this address: `wss://…`, `https://…`, or a path of the page's own origin (default `/ws`).
 * It connects with the first feed or command, and again whenever it has to.
 */
export function connect(url = '/ws', options?: ConnectOptions): Client {
  return new Client(url, options);
}

/** The one result, or the error that it is. */
function only([result]: unknown[]): unknown {
  if (result instanceof ReplyError) throw result;
  return result;
}

function absolute(url: string): string {
  const { location } = globalThis as { location?: { href: string } };
  return (/^\w+:/.test(url) ? url : new URL(url, location?.href).href).replace(/^http/, 'ws');
}

function elementError(element: unknown): unknown {
  const text = (element as { $error?: string } | null)?.$error;
  if (text === undefined) return element;
  const [code, ...words] = text.split(' ');
  return new ReplyError(code!, words.join(' '));
}
