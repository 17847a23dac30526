/**
 * The frames of the keywire protocol, version 1, as docs/protocol.md tables them. Types only: nothing of this file is in a
 * bundle. A test compares them with that page, member by member.
 */

/** One word of a command. A string that is not UTF-8 goes as base64. */
export type Arg = string | number | Base64;

/** One Redis command: its name and arguments. */
export type Command = readonly [name: string, ...args: Arg[]];

/** Bytes that are not UTF-8. */
export interface Base64 { readonly $base64: string }

/** A code and a sentence. */
export interface ErrorBody { code: string; message: string }

/** One operation of an RFC 6902 patch. `path` and `from` are JSON Pointers. */
export type PatchOp =
  | { op: 'add' | 'replace'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move'; from: string; path: string };

/** A stream's entry: its id and its fields. */
export type Entry = readonly [id: string, fields: Record<string, string>];

/** Entries after `after` may be gone; `first` is the first that is there, if one is. */
export interface Gap { after: string; first: string | null }

// Client to server.

/** Runs one command. */
export interface CommandVerb { command: Command }
/** Runs commands as one MULTI/EXEC. */
export interface CommandsVerb { commands: readonly Command[]; atomic: true }
/** Opens a live query. */
export interface LiveVerb { live: Command; every?: number; json?: true; have?: string }
/** Opens a channel. */
export interface SubscribeVerb { subscribe: string }
/** Opens all channels that a glob matches. */
export interface PsubscribeVerb { psubscribe: string }
/** Follows a stream. */
export interface FollowVerb { follow: string; from?: string }
/** Ends a feed. */
export interface CloseVerb { close: number }
/** Presents a token. */
export interface AuthVerb { auth: string }
/** Asks for an echo. */
export interface PingVerb { ping: unknown }

/** What a request asks: exactly one verb. */
export type Verb =
  | CommandVerb | CommandsVerb | LiveVerb | SubscribeVerb | PsubscribeVerb | FollowVerb | CloseVerb | AuthVerb | PingVerb;

/** What opens a feed. */
export type OpeningVerb = LiveVerb | SubscribeVerb | PsubscribeVerb | FollowVerb;

/** A request with the number its answer will carry. */
export type Request = Verb & { id: number };

// Server to client.

/** What a connection is told first. */
export interface Hello {
  /** The server's version. */
  version: string;
  /** The node's name. */
  node: string;
  /** Who the client is; `null`: nobody yet. */
  user: string | null;
  /** When its rights end, in seconds since 1970. */
  expires: number | null;
  /** How often the server pings. */
  ping_interval_ms: number;
  /** The window of the first reconnect delay, least and most. */
  reconnect_ms: [number, number];
  /** What the server takes. */
  limits: { message_bytes_max: number; feeds_max: number; requests_per_second_max: number };
}

/** The first frame. */
export interface HelloFrame { hello: Hello }
/** A request's result. */
export interface ResultFrame { id: number; result: unknown }
/** A request's error; without `id` if the request's was not readable. */
export interface ErrorFrame { id?: number; error: ErrorBody }
/** A live query is open: `value`, or `same` if the client's `have` is current, or an error that is its state now. */
export interface LiveOpened {
  id: number; feed: number; rev: number; via: 'tracking' | 'events' | 'polling';
  tag?: string; value?: unknown; same?: true; error?: ErrorBody; stale?: true;
}
/** A channel or pattern is in force. */
export interface ChannelOpened { id: number; feed: number; stale?: true }
/** A stream is followed from this place on. */
export interface StreamOpened { id: number; feed: number; from: string; stale?: true }

/** What turns the value of `rev - 1` into that of `rev`. */
export interface PatchFrame { feed: number; rev: number; tag: string; patch: PatchOp[] }
/** The whole value. */
export interface ValueFrame { feed: number; rev: number; tag: string; value: unknown }
/** What the command answers now is an error. */
export interface FailedFrame { feed: number; rev: number; error: ErrorBody }
/** A message; `channel` only for patterns. */
export interface MessageFrame { feed: number; channel?: string; message: string }
/** Entries of a stream. */
export interface EntriesFrame { feed: number; entries: Entry[] }
/** A stream was trimmed past the client's place. */
export interface GapFrame { feed: number; gap: Gap }
/** So many messages were lost; `null`: nobody knows how many. */
export interface MissedFrame { feed: number; missed: number | null }
/** What is shown may be old, or is current again. */
export interface StaleFrame { feed: number; stale: boolean }
/** The server ended the feed. */
export interface ClosedFrame { feed: number; closed: ErrorBody }

/** The answer to an opening. */
export type Opened = LiveOpened | ChannelOpened | StreamOpened;
/** The answer to a request. */
export type ReplyFrame = ResultFrame | ErrorFrame | Opened;
/** What happens on a feed. */
export type FeedFrame =
  | PatchFrame | ValueFrame | FailedFrame | MessageFrame | EntriesFrame | GapFrame | MissedFrame | StaleFrame | ClosedFrame;
/** Everything a server sends. */
export type ServerFrame = HelloFrame | ReplyFrame | FeedFrame;
