// A RESP3 client on a plain socket, and a cluster client of a few lines on top: what the tests ask real servers with.
//
// It hides nothing: no reconnects, no retries, no queue while offline. A connection that ends rejects what it owed, and
// says so by `closed`. Replies are JavaScript values that keep RESP3's types apart: bulk strings are Buffers (`text`
// makes strings of them), maps and sets are classes of their own, errors are RespError values within arrays and
// exceptions at the top.
import net from 'node:net';

export class RespError extends Error {
  constructor(line) { super(line); this.code = line.split(' ', 1)[0]; }
}
/** RESP3 map: an array of [key, value]. */
export class RespMap extends Array {
  get(name) { return this.find(([key]) => String(key) === name)?.[1]; }
}
export class RespSet extends Array {}
export class RespDouble { constructor(text) { this.text = text; } }
export class RespBig { constructor(text) { this.text = text; } }

/** The connection ended, or was given up, before the reply came. */
export class Lost extends Error { constructor(why) { super(why); this.code = 'LOST'; } }

const encode = words => {
  const parts = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
};

/** Bytes in, replies out. */
export class Parser {
  buffer = Buffer.alloc(0);
  at = 0;

  push(chunk) {
    this.buffer = this.at < this.buffer.length ? Buffer.concat([this.buffer.subarray(this.at), chunk]) : chunk;
    this.at = 0;
  }

  /** The next whole reply as `{value, push}`, or undefined. */
  next() {
    const begun = this.at;
    const value = this.value();
    if (value === Parser.MORE) { this.at = begun; return undefined; }
    return value instanceof Push ? { value: value.items, push: true } : { value, push: false };
  }

  static MORE = Symbol('more');

  line() {
    const end = this.buffer.indexOf('\r\n', this.at);
    if (end < 0) return undefined;
    const line = this.buffer.toString('latin1', this.at, end);
    this.at = end + 2;
    return line;
  }

  bulk(length) {
    if (length < 0) return null;
    if (this.buffer.length < this.at + length + 2) return Parser.MORE;
    const bytes = this.buffer.subarray(this.at, this.at + length);
    this.at += length + 2;
    return bytes;
  }

  many(count, into) {
    if (count < 0) return null;
    for (let i = 0; i < count; i += 1) {
      const value = this.value();
      if (value === Parser.MORE) return value;
      into.push(value);
    }
    return into;
  }

  value() {
    const head = this.line();
    if (head === undefined) return Parser.MORE;
    const rest = head.slice(1);
    switch (head[0]) {
      case '+': return Buffer.from(rest, 'latin1');
      case '-': return new RespError(rest);
      case ':': return Number.isSafeInteger(Number(rest)) ? Number(rest) : new RespBig(rest);
      case '$': return this.bulk(Number(rest));
      case '*': return this.many(Number(rest), []);
      case '_': return null;
      case '#': return rest === 't';
      case ',': return new RespDouble(rest);
      case '(': return new RespBig(rest);
      case '!': { const text = this.bulk(Number(rest)); return text === Parser.MORE ? text : new RespError(String(text)); }
      case '=': { const text = this.bulk(Number(rest)); return text === Parser.MORE ? text : text.subarray(4); }
      case '~': return this.many(Number(rest), new RespSet());
      case '>': { const items = this.many(Number(rest), []); return items === Parser.MORE ? items : new Push(items); }
      case '%': {
        const flat = this.many(Number(rest) * 2, []);
        if (flat === Parser.MORE) return flat;
        const map = new RespMap();
        for (let i = 0; i < flat.length; i += 2) map.push([flat[i], flat[i + 1]]);
        return map;
      }
      default: throw new Error(`not RESP: ${JSON.stringify(head.slice(0, 80))}`);
    }
  }
}
class Push { constructor(items) { this.items = items; } }

/** Buffers as strings, at any depth. */
export function text(value) {
  if (Buffer.isBuffer(value)) return String(value);
  if (value instanceof RespDouble) return Number(value.text);
  if (value instanceof RespBig) return BigInt(value.text);
  if (value instanceof RespMap) return Object.fromEntries(value.map(([key, inner]) => [text(key), text(inner)]));
  if (Array.isArray(value)) return Array.from(value, text);
  return value;
}

export class Resp {
  /** A connection that speaks RESP3. `pushes` is called for what was not asked for. */
  static async connect(port, { host = '127.0.0.1', timeout_ms = 2_000, pushes } = {}) {
    const client = new Resp(net.connect({ port, host, noDelay: true }), pushes);
    const timer = setTimeout(() => client.end('connecting took too long'), timeout_ms);
    try { await client.send('HELLO', '3'); } finally { clearTimeout(timer); }
    return client;
  }

  constructor(socket, pushes = () => {}) {
    this.socket = socket;
    this.waiting = [];
    this.alive = true;
    this.port = undefined;
    const parser = new Parser();
    this.closed = new Promise(resolve => { this.resolveClosed = resolve; });
    socket.on('data', chunk => {
      parser.push(chunk);
      for (let next; this.alive && (next = parser.next()) !== undefined;) {
        if (next.push) { pushes(next.value); continue; }
        const { resolve, reject } = this.waiting.shift();
        if (next.value instanceof RespError) reject(next.value); else resolve(next.value);
      }
    });
    socket.on('error', error => this.end(error.message));
    socket.on('close', () => this.end('the connection ended'));
  }

  /** One command; its reply with Buffers. */
  send(...words) {
    if (!this.alive) return Promise.reject(new Lost('the connection has ended'));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.socket.write(encode(words));
    });
  }

  /** One command; its reply with strings. */
  async command(...words) { return text(await this.send(...words)); }

  /** As `command`, but the connection is given up if no reply comes in time. */
  async within(timeout_ms, ...words) {
    const timer = setTimeout(() => this.end(`no reply to ${words[0]} in ${timeout_ms} ms`), timeout_ms);
    try { return await this.command(...words); } finally { clearTimeout(timer); }
  }

  /** Several commands in one write; the replies or errors, in order. */
  async pipeline(commands) {
    if (!this.alive) throw new Lost('the connection has ended');
    const replies = commands.map(() => new Promise((resolve, reject) => this.waiting.push({ resolve, reject })));
    this.socket.write(Buffer.concat(commands.map(encode)));
    return (await Promise.allSettled(replies)).map(({ value, reason }) => {
      if (reason instanceof Lost) throw reason;
      return reason ?? value;
    });
  }

  end(why = 'closed here') {
    if (!this.alive) return;
    this.alive = false;
    this.socket.destroy();
    for (const { reject } of this.waiting.splice(0)) reject(new Lost(why));
    this.resolveClosed(why);
  }
}

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** The hash slot of a key, its {tag} respected. */
export function slotOf(key) {
  let bytes = Buffer.from(key);
  const open = bytes.indexOf('{');
  if (open >= 0) {
    const close = bytes.indexOf('}', open + 1);
    if (close > open + 1) bytes = bytes.subarray(open + 1, close);
  }
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ byte];
  return crc & 16_383;
}
