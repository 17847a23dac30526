// WebSocket by hand on a TCP socket: what no library would send, and exactly the bytes that came back.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { until } from './client.mjs';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One frame's bytes. `length` lies about the payload's length; `wide` forces a longer length field. */
export function frame(opcode, payload = '', { fin = true, rsv = 0, masked = true, length, wide = 0 } = {}) {
  const body = Buffer.from(payload);
  const size = length ?? body.length;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const mask = masked ? 0x80 : 0;
  let head;
  if (size < 126 && wide === 0) head = Buffer.from([first, mask | size]);
  else if (size < 65536 && wide < 8) {
    head = Buffer.from([first, mask | 126, 0, 0]);
    head.writeUInt16BE(Number(size), 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  if (!masked) return Buffer.concat([head, body]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, Buffer.from(body.map((byte, i) => byte ^ key[i % 4]))]);
}

/** A close frame's payload. */
export const closePayload = (code, reason = '') => Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);

/** A TCP connection; after `upgrade`, a WebSocket whose incoming frames are collected. */
export class RawSocket {
  static async connect(server) {
    const socket = net.connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawSocket(socket, server);
  }

  /** Connected and upgraded on this path, its `hello` (or none) still to come. */
  static async open(server, path = '/ws') {
    const raw = await RawSocket.connect(server);
    await raw.upgrade(path);
    return raw;
  }

  constructor(socket, server) {
    this.socket = socket;
    this.server = server;
    this.received = Buffer.alloc(0);
    /** Frames from the server: `{opcode, fin, payload}`. */
    this.frames = [];
    this.ended = false;
    socket.on('data', chunk => { this.received = Buffer.concat([this.received, chunk]); if (this.upgraded) this.parse(); });
    socket.on('end', () => { this.ended = true; });
    socket.on('close', () => { this.ended = true; });
    socket.on('error', () => { this.ended = true; });
  }

  write(...parts) { this.socket.write(Buffer.concat(parts.map(part => Buffer.from(part)))); }

  /** Sends an upgrade request with these extra header lines and waits for the answer's head. */
  async upgrade(path, extra = []) {
    const lines = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${this.server.port}`, 'Upgrade: websocket', 'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, 'Sec-WebSocket-Version: 13', ...extra, '', ''];
    this.write(lines.join('\r\n'));
    const end = await until(() => this.received.indexOf('\r\n\r\n') + 1 || this.ended, 'the answer to the upgrade');
    this.head = this.received.subarray(0, end === true ? undefined : end - 1).toString('latin1');
    this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1]);
    if (this.status !== 101) return this.status;
    this.received = this.received.subarray(end + 3);
    this.upgraded = true;
    this.parse();
    return this.status;
  }

  parse() {
    for (;;) {
      const bytes = this.received;
      if (bytes.length < 2) return;
      let length = bytes[1] & 0x7f, at = 2;
      if (length === 126) { if (bytes.length < 4) return; length = bytes.readUInt16BE(2); at = 4; }
      else if (length === 127) { if (bytes.length < 10) return; length = Number(bytes.readBigUInt64BE(2)); at = 10; }
      if (bytes.length < at + length) return;
      if (bytes[1] & 0x80) throw new Error('a server must not mask');
      this.frames.push({ opcode: bytes[0] & 15, fin: (bytes[0] & 0x80) !== 0, rsv: (bytes[0] >> 4) & 7, payload: bytes.subarray(at, at + length) });
      this.received = bytes.subarray(at + length);
    }
  }

  /** The JSON text frames so far, parsed. */
  get json() { return this.frames.filter(f => f.opcode === OPCODE.text).map(f => JSON.parse(f.payload.toString())); }

  /** The frame that answers this id. */
  reply(id, timeout_ms) { return until(() => this.json.find(f => f.id === id), () => `a reply to ${id}; frames: ${JSON.stringify(this.json)}`, timeout_ms); }

  /** Waits for the server's close frame (or for the end of the connection): its code, 1005 for an empty one, 1006 for none. */
  async closeCode(timeout_ms = 8_000) {
    const close = await until(() => this.frames.find(f => f.opcode === OPCODE.close) ?? this.ended, 'a close frame', timeout_ms);
    const frame = close === true ? this.frames.find(f => f.opcode === OPCODE.close) : close;
    if (!frame) return 1006;
    return frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005;
  }

  /** Waits until the server ended the TCP connection. */
  async tcpEnd(timeout_ms = 8_000) { await until(() => this.ended, 'the end of the connection', timeout_ms); }

  destroy() { this.socket.destroy(); }
}

/** A TCP relay in front of a server, whose connections can be cut; while it `isDown` it takes no new ones. */
export class Relay {
  static async start(server) {
    const relay = new Relay();
    relay.sockets = new Set();
    relay.accepted = 0;
    relay.isDown = false;
    relay.listener = net.createServer(client => {
      if (relay.isDown) { client.destroy(); return; }
      relay.accepted += 1;
      const upstream = net.connect(server.port, '127.0.0.1');
      for (const [socket, other] of [[client, upstream], [upstream, client]]) {
        relay.sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => { relay.sockets.delete(socket); other.destroy(); });
      }
      client.pipe(upstream).pipe(client);
    }).listen(0, '127.0.0.1');
    await once(relay.listener, 'listening');
    relay.port = relay.listener.address().port;
    return relay;
  }

  cut() { for (const socket of this.sockets) socket.destroy(); }

  /** Cuts, and takes nothing until `up`. */
  down() { this.isDown = true; this.cut(); }

  up() { this.isDown = false; }

  async stop() {
    this.listener.close();
    this.cut();
    await once(this.listener, 'close');
  }
}
