/**
 * The client of keywire: Redis data, live over WebSocket.
 *
 * ```ts
 * import { connect } from 'keywire';
 * const kw = connect('wss://example.com/ws');
 * kw.live(['GET', 'counter']).onChange(value => { output.textContent = value ?? '0'; });
 * ```
 * @module
 */
export { Client, connect } from './client.ts';
export type {
  ChannelOptions, ConnectionSnapshot, ConnectOptions, FeedOptions, LiveOptions, StreamOptions, Token, WebSocketClass, WebSocketLike,
} from './client.ts';
export type { Parsed, Replies, Reply } from './commands.ts';
export { ConnectionError, KeywireError, ReplyError } from './errors.ts';
export type { ChannelEvent, ChannelFeed, Feed, LiveFeed, PatternMessage, StreamEvent, StreamFeed } from './feed.ts';
export type { Arg, Base64, Command, Entry, Gap, PatchOp } from './frames.ts';
export { applyPatch } from './patch.ts';
export type { ConnectionState } from './session/session.ts';
export type { FeedState, Snapshot } from './session/topic.ts';
export { fromBytes, toBigInt, toBytes, toDouble } from './values.ts';
