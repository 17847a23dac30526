// What the writers write and what the clients ask for: all types, by seed.
//
// Every written value carries its writer, the writer's generation (a new one when a connection with a command under way is lost)
// and a count: `w3g0n17x`. Names spread over all slots; what one command touches shares one.

export const SIZES = { per_type: 8, streams: 6, channels: 6, counters: 8 };
const names = (stem, count) => Array.from({ length: count }, (_, i) => `chaos:${stem}:${i}`);

export const KEYS = {
  string: names('string', SIZES.per_type), hash: names('hash', SIZES.per_type), list: names('list', SIZES.per_type), set: names('set', SIZES.per_type),
  zset: names('zset', SIZES.per_type), volatile: names('volatile', SIZES.per_type), seq: names('seq', SIZES.counters),
  stream: names('stream', SIZES.streams), channel: names('channel', SIZES.channels),
  multi: Array.from({ length: SIZES.per_type }, (_, i) => `chaos:{multi${i}}`),
};

/** Every live query there is. */
export function queries() {
  const { string, hash, list, set, zset, volatile, seq, stream, multi } = KEYS;
  return [
    ...string.flatMap(k => [['GET', k], ['STRLEN', k], ['GETRANGE', k, '0', '5'], ['EXISTS', k]]),
    ...hash.flatMap(k => [['HGETALL', k], ['HMGET', k, 'f1', 'f2', 'gone'], ['HKEYS', k], ['HLEN', k]]),
    ...list.flatMap(k => [['LRANGE', k, '0', '-1'], ['LLEN', k], ['LINDEX', k, '-1']]),
    ...set.flatMap(k => [['SMEMBERS', k], ['SCARD', k], ['SISMEMBER', k, 'm3']]),
    ...zset.flatMap(k => [['ZRANGE', k, '0', '9', 'REV', 'WITHSCORES'], ['ZRANGE', k, '0', '-1'], ['ZCARD', k], ['ZSCORE', k, 'm1']]),
    ...volatile.flatMap(k => [['GET', k], ['EXISTS', k]]),
    ...seq.map(k => ['GET', k]),
    ...stream.flatMap(k => [['XLEN', k], ['XREVRANGE', k, '+', '-', 'COUNT', '3']]),
    ...multi.flatMap(k => [['MGET', `${k}a`, `${k}b`], ['SINTER', `${k}s`, `${k}t`], ['SUNION', `${k}s`, `${k}t`]]),
  ];
}

/** A client's feeds, no two of them the same feed. */
export function feedsOf(random, count, all = queries()) {
  const chosen = new Map();
  while (chosen.size < count) {
    const query = oneFeed(random, all);
    // A feed is the query with its pace; the place does not make another.
    chosen.set(JSON.stringify({ ...query, from: undefined }), query);
  }
  return [...chosen.values()];
}

function oneFeed(random, all) {
  const kind = random.below(100);
  if (kind < 66) {
    const live = kind < 6 ? ['GET', random.pick(KEYS.seq)] : random.pick(all);
    return { live, ...random.pick([{}, {}, { every: 0 }, { every: 50 }, { every: 250 }]), ...(random.below(4) === 0 ? { json: true } : {}) };
  }
  if (kind < 78) return { subscribe: random.pick(KEYS.channel) };
  if (kind < 84) return { psubscribe: random.pick(['chaos:channel:*', 'chaos:*']) };
  return { follow: random.pick(KEYS.stream), from: random.pick(['0', '$', 'id']) };
}

/**
 * One write of a writer, as `{key, command}`; `tag` is its value. A writer owns the counters whose number is its own.
 * What is appended to is bounded: values stay small.
 */
export function write(random, writer, tag) {
  const key = random.pick(KEYS[random.pick(TYPES)]);
  const small = random.below(8), member = `m${random.below(12)}`;
  const long = `${tag} ${'a longer text '.repeat(1 + random.below(3))}`;
  const json = JSON.stringify({ by: tag, list: [small, member], deep: { text: 'that stays the same', n: small } });
  const one = (...options) => ({ key, command: random.pick(options) });
  switch (key.split(':')[1].replace(/\{.*/, 'multi')) {
    case 'string': return one(['SET', key, tag], ['SET', key, long], ['SET', key, json], ['APPEND', key, 'x'], ['DEL', key], ['GETDEL', key], ['SETRANGE', key, small, 'y'],
      ['SET', key, tag], ['SET', key, Buffer.from([0xff, 0xfe, small])], ['RPUSH', key, tag], ['SET', key, '[1,{"not":"closed"']);
    case 'hash': return one(['HSET', key, `f${small}`, long], ['HSET', key, `f${small}`, tag, `f${small + 1}`, json], ['HDEL', key, `f${small}`], ['HINCRBY', key, 'n', small],
      ['HSET', key, `f${small}`, json], ...(random.below(20) ? [] : [['DEL', key], ['HSET', key, '$odd/~name', tag], ['HDEL', key, '$odd/~name']]));
    case 'list': return one(['RPUSH', key, tag], ['LPUSH', key, long], ['LPOP', key], ['RPOP', key], ['LTRIM', key, 0, 19], ['LSET', key, 0, tag], ['LREM', key, 1, tag]);
    case 'set': return one(['SADD', key, member, tag.slice(0, 3)], ['SREM', key, member], ['SADD', key, member], ['SPOP', key]);
    case 'zset': return one(['ZADD', key, small, member], ['ZINCRBY', key, '1.5', member], ['ZREM', key, member], ['ZADD', key, 'inf', 'high', '-inf', 'low'], ['ZPOPMIN', key]);
    case 'volatile': return one(['SET', key, tag, 'PX', 40 + random.below(2_000)], ['PEXPIRE', key, 20 + random.below(800)], ['PERSIST', key], ['SET', key, tag, 'PX', 5]);
    case 'seq': { const own = `chaos:seq:${writer % SIZES.counters}`; return { key: own, command: ['SET', own, tag], counter: true }; }
    case 'multi': return one(['MSET', `${key}a`, tag, `${key}b`, tag], ['SET', `${key}b`, tag], ['SADD', `${key}s`, member], ['SADD', `${key}t`, member], ['SREM', `${key}s`, member],
      ['SINTERSTORE', `${key}t`, `${key}s`, `${key}t`], ['DEL', `${key}a`]);
    case 'stream': {
      const trim = random.below(6) === 0 ? ['MAXLEN', random.pick([50, 200])] : [];
      return { key, command: ['XADD', key, ...trim, '*', 'w', tag, ...(random.below(3) ? [] : ['text', 'y'.repeat(20 + random.below(400))])], entry: true };
    }
    // Its text is the publisher's: messages are counted by channel.
    default: return { key, message: true };
  }
}

/** What is written how often. */
const TYPES = ['string', 'hash', 'list', 'set', 'zset', 'volatile', 'seq', 'seq', 'multi', 'stream', 'stream', 'channel', 'channel', 'channel'];
