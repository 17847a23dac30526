/**
 * keywire for React, and for Preact by its `preact/compat`.
 *
 * A component opens its feeds when it is mounted, never while it renders, so rendering twice (StrictMode), rendering in vain
 * and rendering on a server open nothing. On a server every feed is `loading`.
 * @module
 */
import { createContext, createElement, useContext, useEffect, useMemo, useRef, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import type { Client, ConnectionSnapshot, LiveOptions, StreamOptions, ChannelOptions } from './client.ts';
import type { Parsed, Reply } from './commands.ts';
import type { KeywireError } from './errors.ts';
import type { ChannelEvent, ChannelFeed, LiveFeed, PatternMessage, StreamEvent, StreamFeed } from './feed.ts';
import type { Command, Entry, Gap } from './frames.ts';
import type { FeedState, Snapshot } from './session/topic.ts';

const Context = createContext<Client | undefined>(undefined);

/** Gives a client to all hooks below it. */
export function KeywireProvider({ client, children }: { client: Client; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest {@link KeywireProvider}. */
export function useClient(): Client {
  const client = useContext(Context);
  if (!client) throw new Error('keywire: there is no <KeywireProvider> above this component');
  return client;
}

/** How {@link useLive} behaves. */
export interface UseLiveOptions extends Omit<LiveOptions, 'lazy'> {
  /** Suspend until there is a value or an error. Needs a `<Suspense>` above, whose fallback is what a server renders. */
  suspense?: boolean;
  /** Do not listen for now. */
  skip?: boolean;
}

/** A live query's value, and every change of it. */
export function useLive<const C extends Command, const O extends UseLiveOptions = UseLiveOptions>(command: C, options?: O): Snapshot<(O extends { json: true } ? Parsed<Reply<C>> : Reply<C>) | undefined>;
export function useLive<T>(command: Command, options?: UseLiveOptions): Snapshot<T | undefined>;
export function useLive(command: Command, options: UseLiveOptions = {}): Snapshot<unknown> {
  const { suspense, skip, ...wire } = options;
  const client = useClient();
  const key = JSON.stringify([command, wire]);
  const holds = suspense && !skip;
  if (holds && typeof window === 'undefined') throw new Error('keywire: a server knows no live values; the nearest <Suspense> shows its fallback');
  const hold = useMemo(() => (holds ? held(client, key, () => client.live<unknown>(command, wire)) : undefined), [client, key, holds]);
  const feed = useMemo(() => hold?.feed ?? client.live<unknown>(command, { ...wire, lazy: true }), [client, key, hold]);
  if (hold && isWaiting(feed)) throw hold.ready;
  return useFeed(feed, skip);
}

/** A stream's entries and what was lost. */
export interface StreamResult extends Snapshot<readonly Entry[]> {
  /** The last entries, as many as `keep` says. */
  readonly entries: readonly Entry[];
  /** Where entries may be gone. */
  readonly gaps: readonly Gap[];
}

/** Follows a stream. `onEvent` hears everything that happens; it may be another function at every render. */
export function useStream(stream: string, options: Omit<StreamOptions, 'lazy'> & { onEvent?: (event: StreamEvent) => void } = {}): StreamResult {
  const { onEvent, ...wire } = options;
  const client = useClient();
  const feed: StreamFeed = useMemo(() => client.follow(stream, { ...wire, lazy: true }), [client, stream, wire.from, wire.keep]);
  const snapshot = useFeed(feed);
  useEvents(feed, onEvent);
  return { ...snapshot, entries: snapshot.value, gaps: feed.gaps };
}

/** A channel's last messages and how many were lost. */
export interface ChannelResult<M> extends Snapshot<readonly M[]> {
  /** The last messages, as many as `keep` says. */
  readonly messages: readonly M[];
  /** The newest one. */
  readonly last: M | undefined;
  /** How many were lost since the component was mounted; `null`: nobody knows how many. */
  readonly missed: number | null;
}

/** How {@link useChannel} behaves. */
export interface UseChannelOptions<M> extends Omit<ChannelOptions, 'lazy'> {
  /** The name is a glob: messages come with their channel. */
  pattern?: boolean;
  /** Hears everything that happens; it may be another function at every render. */
  onEvent?: (event: ChannelEvent<M>) => void;
}

/** Subscribes to a channel, or with `pattern` to all channels that a glob matches. */
export function useChannel(pattern: string, options: UseChannelOptions<PatternMessage> & { pattern: true }): ChannelResult<PatternMessage>;
export function useChannel(channel: string, options?: UseChannelOptions<string> & { pattern?: false }): ChannelResult<string>;
export function useChannel(name: string, options: UseChannelOptions<never> = {}): ChannelResult<string | PatternMessage> {
  const { pattern, keep, onEvent } = options;
  const client = useClient();
  const feed = useMemo((): ChannelFeed<string | PatternMessage> => {
    const wire = { lazy: true, ...(keep !== undefined && { keep }) };
    return (pattern ? client.psubscribe(name, wire) : client.subscribe(name, wire)) as ChannelFeed<string | PatternMessage>;
  }, [client, name, pattern, keep]);
  const snapshot = useFeed(feed);
  useEvents(feed, onEvent as never);
  return { ...snapshot, messages: snapshot.value, last: snapshot.value.at(-1), missed: feed.missed };
}

const IDLE: ConnectionSnapshot = { state: 'idle', error: undefined, user: undefined, node: undefined, retryAt: undefined };

/** Where the connection is, and every change of it. */
export function useConnection(): ConnectionSnapshot {
  const client = useClient();
  const listen = useMemo(() => (changed: () => void) => client.onChange(changed), [client]);
  return useSyncExternalStore(listen, () => client.snapshot, () => IDLE);
}

export type { FeedState, KeywireError, Snapshot };

const nothing = () => () => {};

/** What a component needs of a feed to show it. */
interface Shown<Value> {
  readonly snapshot: Snapshot<Value>;
  readonly value: Value;
  onChange(listener: () => void): () => void;
}

function useFeed<Value>(feed: Shown<Value>, skip?: boolean): Snapshot<Value> {
  const listen = useMemo(() => (changed: () => void) => feed.onChange(changed), [feed]);
  const server = useRef<Snapshot<Value>>(undefined);
  const now = () => feed.snapshot;
  // What a server rendered, and so what hydration has to begin with: nothing yet, whatever is known by now.
  const then = () => server.current ??= { value: (Array.isArray(feed.value) ? [] : undefined) as Value, state: 'loading', error: undefined };
  return useSyncExternalStore(skip ? nothing : listen, now, then);
}

/** Listens to events with whatever function the last render gave. */
function useEvents<Event>(feed: { onEvent(listener: (event: Event) => void): () => void }, listener: ((event: Event) => void) | undefined): void {
  const latest = useRef(listener);
  useEffect(() => { latest.current = listener; });
  const wanted = listener !== undefined;
  useEffect(() => (wanted ? feed.onEvent(event => latest.current?.(event)) : undefined), [feed, wanted]);
}

/** How long a feed that a suspended component asked for waits for that component. */
const HOLD_MS = 1_000;
/** A feed that is kept open, and when there is something to show. */
interface Hold { readonly feed: LiveFeed<unknown>; readonly ready: Promise<void> }
const holdsByClient = new WeakMap<Client, Map<string, Hold>>();

const isWaiting = (feed: LiveFeed<unknown>): boolean => feed.state === 'loading' && !feed.error;

/**
 * Keeps a feed open for a component that cannot do so itself, since it is suspended and so not mounted: until there is a value
 * or an error, and a moment longer. The same for all who ask in that time.
 */
function held(client: Client, key: string, open: () => LiveFeed<unknown>): Hold {
  let all = holdsByClient.get(client);
  if (!all) holdsByClient.set(client, all = new Map());
  let hold = all.get(key);
  if (hold) return hold;
  const feed = open();
  hold = {
    feed,
    ready: new Promise(resolve => {
      let isReady = false;
      const stop = feed.onChange(() => {
        if (isReady || isWaiting(feed)) return;
        isReady = true;
        resolve();
        setTimeout(() => { stop(); all.delete(key); }, HOLD_MS);
      });
    }),
  };
  all.set(key, hold);
  return hold;
}
