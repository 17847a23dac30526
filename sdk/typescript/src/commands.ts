/**
 * What the common commands answer, by their name and options. Types only: nothing of this file is in a bundle. A command that
 * is not listed answers `unknown`, and the type can be given: `client.command<number>(['MY.COMMAND'])`.
 *
 * Three kinds of values are rarer than the types let on: a string that is not UTF-8 comes as `{ $base64 }`, an integer beyond
 * ±(2^53-1) as `{ $int }`, and a double that is no finite number as `{ $double }`; `values.ts` has helpers for them.
 */
import type { ReplyError } from './errors.ts';
import type { Arg, Command } from './frames.ts';

type Nullable<T> = T | null;
/** A hash as an object. */
type Fields = Record<string, string>;
/** A member and its score. */
type Scored = [member: string, score: number];
/** A page of a scan: where the next begins (`'0'`: it was the last) and the items. */
type Page<Item> = [cursor: string, items: Item[]];
/** An entry of a stream as a command answers it: the fields are names and values in turn. */
type RawEntry = [id: string, fields: string[]];

/** What does not depend on options. */
interface Plain {
  // Strings
  APPEND: number; DECR: number; DECRBY: number; GET: Nullable<string>; GETDEL: Nullable<string>; GETEX: Nullable<string>;
  GETRANGE: string; GETSET: Nullable<string>; INCR: number; INCRBY: number; INCRBYFLOAT: string; MGET: Nullable<string>[];
  MSET: 'OK'; MSETNX: number; PSETEX: 'OK'; SETEX: 'OK'; SETNX: number; SETRANGE: number; STRLEN: number; SUBSTR: string;
  BITCOUNT: number; BITOP: number; BITPOS: number; GETBIT: number; SETBIT: number;
  // Keys
  COPY: number; DEL: number; EXISTS: number; EXPIRE: number; EXPIREAT: number; EXPIRETIME: number; KEYS: string[];
  PERSIST: number; PEXPIRE: number; PEXPIREAT: number; PEXPIRETIME: number; PTTL: number; RANDOMKEY: Nullable<string>;
  RENAME: 'OK'; RENAMENX: number; SCAN: Page<string>; TOUCH: number; TTL: number; TYPE: string; UNLINK: number;
  // Hashes
  HDEL: number; HEXISTS: number; HGET: Nullable<string>; HGETALL: Fields; HINCRBY: number; HINCRBYFLOAT: string;
  HKEYS: string[]; HLEN: number; HMGET: Nullable<string>[]; HMSET: 'OK'; HSCAN: Page<string>; HSET: number; HSETNX: number;
  HSTRLEN: number; HVALS: string[]; HTTL: number[]; HPTTL: number[]; HEXPIRE: number[]; HPEXPIRE: number[]; HPERSIST: number[];
  // Lists
  LINDEX: Nullable<string>; LINSERT: number; LLEN: number; LMOVE: Nullable<string>; LPUSH: number; LPUSHX: number;
  LRANGE: string[]; LREM: number; LSET: 'OK'; LTRIM: 'OK'; LMPOP: Nullable<[key: string, items: string[]]>;
  RPOPLPUSH: Nullable<string>; RPUSH: number; RPUSHX: number;
  // Sets
  SADD: number; SCARD: number; SDIFF: string[]; SDIFFSTORE: number; SINTER: string[]; SINTERCARD: number; SINTERSTORE: number;
  SISMEMBER: number; SMEMBERS: string[]; SMISMEMBER: number[]; SMOVE: number; SREM: number; SSCAN: Page<string>;
  SUNION: string[]; SUNIONSTORE: number;
  // Sorted sets
  ZCARD: number; ZCOUNT: number; ZDIFFSTORE: number; ZINCRBY: number; ZINTERCARD: number; ZINTERSTORE: number;
  ZLEXCOUNT: number; ZMPOP: Nullable<[key: string, items: Scored[]]>; ZMSCORE: Nullable<number>[]; ZRANGEBYLEX: string[];
  ZRANGESTORE: number; ZREM: number; ZREMRANGEBYLEX: number; ZREMRANGEBYRANK: number; ZREMRANGEBYSCORE: number;
  ZREVRANGEBYLEX: string[]; ZSCAN: Page<string>; ZSCORE: Nullable<number>; ZUNIONSTORE: number;
  // Streams
  XACK: number; XADD: Nullable<string>; XDEL: number; XLEN: number; XRANGE: RawEntry[]; XREVRANGE: RawEntry[];
  XREAD: Nullable<Record<string, RawEntry[]>>; XREADGROUP: Nullable<Record<string, RawEntry[]>>; XSETID: 'OK'; XTRIM: number;
  // Geo
  GEOADD: number; GEODIST: Nullable<string>; GEOHASH: Nullable<string>[]; GEOPOS: Nullable<[longitude: number, latitude: number]>[];
  GEOSEARCHSTORE: number;
  // HyperLogLog, pub/sub, server
  PFADD: number; PFCOUNT: number; PFMERGE: 'OK'; PUBLISH: number; SPUBLISH: number;
  DBSIZE: number; ECHO: string; INFO: string; TIME: [seconds: string, microseconds: string]; WAIT: number;
}

/** The words that are known when the program is compiled, in capitals. One by one: `string | 'GET'` would be `string`. */
type Words<Args extends readonly Arg[]> = { [I in keyof Args]: Args[I] extends string ? string extends Args[I] ? never : Uppercase<Args[I]> : never }[number];
/** Whether one of the arguments is this word, in either case. */
type Has<Args extends readonly Arg[], Word extends string> = [Extract<Words<Args>, Word>] extends [never] ? false : true;
type If<Args extends readonly Arg[], Word extends string, Then, Else> = Has<Args, Word> extends true ? Then : Else;
/** A key alone answers one item; with a count, a list of them. */
type Counted<Args extends readonly Arg[], One, Many> = Args extends readonly [Arg] ? One : Many;

/** What depends on options. */
interface Optional<Args extends readonly Arg[]> {
  SET: If<Args, 'GET', Nullable<string>, If<Args, 'NX' | 'XX', Nullable<'OK'>, 'OK'>>;
  PING: Args extends readonly [] ? 'PONG' : string;
  LPOP: Counted<Args, Nullable<string>, Nullable<string[]>>;
  RPOP: Counted<Args, Nullable<string>, Nullable<string[]>>;
  LPOS: If<Args, 'COUNT', number[], Nullable<number>>;
  SPOP: Counted<Args, Nullable<string>, string[]>;
  SRANDMEMBER: Counted<Args, Nullable<string>, string[]>;
  HRANDFIELD: Counted<Args, Nullable<string>, If<Args, 'WITHVALUES', [field: string, value: string][], string[]>>;
  ZADD: If<Args, 'INCR', Nullable<number>, number>;
  ZRANDMEMBER: Counted<Args, Nullable<string>, If<Args, 'WITHSCORES', Scored[], string[]>>;
  ZPOPMIN: Counted<Args, Scored | [], Scored[]>;
  ZPOPMAX: Counted<Args, Scored | [], Scored[]>;
  ZRANK: If<Args, 'WITHSCORE', Nullable<[rank: number, score: number]>, Nullable<number>>;
  ZREVRANK: If<Args, 'WITHSCORE', Nullable<[rank: number, score: number]>, Nullable<number>>;
  ZRANGE: If<Args, 'WITHSCORES', Scored[], string[]>;
  ZREVRANGE: If<Args, 'WITHSCORES', Scored[], string[]>;
  ZRANGEBYSCORE: If<Args, 'WITHSCORES', Scored[], string[]>;
  ZREVRANGEBYSCORE: If<Args, 'WITHSCORES', Scored[], string[]>;
  ZDIFF: If<Args, 'WITHSCORES', Scored[], string[]>;
  ZINTER: If<Args, 'WITHSCORES', Scored[], string[]>;
  ZUNION: If<Args, 'WITHSCORES', Scored[], string[]>;
  GEOSEARCH: If<Args, 'WITHCOORD' | 'WITHDIST' | 'WITHHASH', unknown[][], string[]>;
}

/** What this command answers. */
export type Reply<C extends Command> = C extends readonly [infer Name extends string, ...infer Args extends readonly Arg[]]
  ? Uppercase<Name> extends keyof Plain ? Plain[Uppercase<Name>]
  : Uppercase<Name> extends keyof Optional<[]> ? Optional<Args>[Uppercase<Name>]
  : unknown
  : unknown;

/** What these commands answer, each in its place; a failed one is an error. */
export type Replies<C extends readonly Command[]> = { -readonly [I in keyof C]: Reply<C[I]> | ReplyError };

/** An answer whose strings were parsed as JSON where they are objects or arrays: their type is not known here. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as JSON.parse
export type Parsed<T> = T extends string ? any : T extends readonly unknown[] ? { [I in keyof T]: Parsed<T[I]> }
  : T extends object ? { [K in keyof T]: Parsed<T[K]> } : T;
