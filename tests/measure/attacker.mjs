// One attack, as a process of its own: raw sockets that write buffers made beforehand, so that the attacker costs the machine little.
//
//   node tests/measure/attacker.mjs NAME PORT SECONDS '{"tokens":[…],"half_open":10000}'
//
// Prints `ready`, attacks, and prints as JSON what it did: `{name, unit, count, seconds, connections, ended}`.
import { once } from 'node:events';
import net from 'node:net';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { OPCODE, frame } from '../blackbox/lib/rawsocket.mjs';

const HEAD = 'GET /ws HTTP/1.1\r\nHost: localhost\r\n';
const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
const HANDSHAKE = `${HEAD}${UPGRADE}\r\n`;
const EVIL = [`${'*a'.repeat(40)}b`, `${'a*'.repeat(200)}[^a]`, `${'*[ab]?'.repeat(60)}c`, `${'?*'.repeat(100)}\\x`];
const repeat = (bytes, times) => Buffer.concat(Array.from({ length: times }, () => Buffer.from(bytes)));
const text = value => frame(OPCODE.text, typeof value === 'string' ? value : JSON.stringify(value));
/** Requests as frames of their own, with ids from 1 on. */
const requests = (count, body) => Buffer.concat(Array.from({ length: count }, (_, i) => text({ id: i + 1, ...body(i) })));
const post = (body, headers = '') => `POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

class Attacker {
  constructor(port, seconds, options) { Object.assign(this, { port, options, seconds, count: 0, connections: 0, ended: 0, sockets: new Set() }); }

  get over() { return performance.now() > this.end; }

  /** A connection; what comes back is read and dropped, unless it is not to be read. */
  async connect({ deaf = false } = {}) {
    const socket = net.connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('close', () => { this.sockets.delete(socket); this.ended += 1; });
    this.sockets.add(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
    this.connections += 1;
    if (deaf) socket.pause(); else socket.on('data', () => {});
    return socket;
  }

  async websocket(options, handshake = HANDSHAKE) {
    const socket = await this.connect(options);
    socket.write(handshake);
    return socket;
  }

  /** Writes `bytes` over and over, as fast as they are taken, on `count` connections; each is made anew when it ends. */
  pour(count, bytes, each, open = () => this.websocket()) {
    return this.many(count, async () => {
      const socket = await open();
      while (!this.over && !socket.destroyed) {
        if (!socket.write(bytes)) await drained(socket);
        this.count += each;
        await new Promise(setImmediate);
      }
      socket.destroy();
    });
  }

  /** So many loops beside one another, until the time is up. */
  async many(count, act) {
    await Promise.all(Array.from({ length: count }, async (_, i) => {
      while (!this.over) { await act(i); await new Promise(setImmediate); }
    }));
  }
}

/** Waits until it takes more, or is over; or for half a second, since the time may be up. */
function drained(socket) {
  return new Promise(resolve => {
    const done = () => { clearTimeout(timer); socket.off('drain', done); socket.off('close', done); resolve(); };
    const timer = setTimeout(done, 500);
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** By name: the unit that is counted, and what is done. */
export const ATTACKS = {
  'slow handshakes': ['bytes', attacker => attacker.many(1_000, async () => {
    const socket = await attacker.connect();
    for (const byte of `${HEAD}X-Slow: ${'a'.repeat(500)}`) {
      if (attacker.over || socket.destroyed) break;
      socket.write(byte);
      attacker.count += 1;
      await sleep(400 + Math.random() * 200);
    }
    socket.destroy();
  })],
  'half-open connections': ['sockets', async attacker => {
    const most = attacker.options.half_open;
    for (let i = 0; i < most && !attacker.over; i += 1) {
      const socket = await attacker.connect();
      socket.write(`${HEAD}X: `);
      attacker.count += 1;
      // All of them within two seconds.
      if (i % 50 === 0) await sleep(100_000 / most);
    }
    await sleep(Math.max(0, attacker.end - performance.now()));
  }],
  'header floods': ['headers', attacker => {
    const some = Buffer.from(Array.from({ length: 50 }, (_, i) => `X-${i}: ${'b'.repeat(600)}\r\n`).join(''));
    return attacker.pour(20, some, 50, async () => { const socket = await attacker.connect(); socket.write(HEAD); return socket; });
  }],
  'ping floods': ['pings', attacker => attacker.pour(10, repeat(frame(OPCODE.ping, 'x'.repeat(125)), 200), 200)],
  'ping floods, pongs unread': ['pings', attacker => attacker.pour(10, repeat(frame(OPCODE.ping, 'x'.repeat(125)), 200), 200, () => attacker.websocket({ deaf: true }))],
  'frame floods: garbage': ['frames', attacker => attacker.pour(10, repeat(text('{"nonsense"'), 1_000), 1_000)],
  'frame floods: empty': ['frames', attacker => attacker.pour(10, repeat(text(''), 2_000), 2_000)],
  'frame floods: requests': ['requests', attacker => attacker.pour(10, requests(1_000, () => ({ ping: 1 })), 1_000)],
  'fragmented bombs': ['MiB', attacker => {
    const part = frame(OPCODE.continuation, 'x'.repeat(60_000), { fin: false });
    return attacker.pour(10, part, 60_000 / 2 ** 20, async () => { const socket = await attacker.websocket(); socket.write(frame(OPCODE.text, 'x', { fin: false })); return socket; });
  }],
  'fragmented bombs: empty fragments': ['frames', attacker => {
    const parts = repeat(frame(OPCODE.continuation, '', { fin: false }), 4_000);
    return attacker.pour(10, parts, 4_000, async () => { const socket = await attacker.websocket(); socket.write(frame(OPCODE.text, '', { fin: false })); return socket; });
  }],
  'nested bombs': ['MiB', attacker => attacker.pour(4, text('['.repeat(500_000)), 500_000 / 2 ** 20)],
  'subscription floods': ['feeds', attacker => {
    const kinds = [i => ({ live: ['GET', `flood:${i}`] }), i => ({ subscribe: `flood:${i}` }), i => ({ psubscribe: `flood:${i}*` }), i => ({ follow: `flood:s${i}` })];
    const batches = Array.from({ length: 8 }, (_, which) => requests(1_500, i => kinds[i % 4](which * 1_500 + i)));
    return attacker.many(8, async which => {
      const socket = await attacker.websocket();
      socket.write(batches[which]);
      attacker.count += 1_500;
      await Promise.race([sleep(400), once(socket, 'close')]);
      socket.destroy();
    });
  }],
  'exploding patterns': ['messages', attacker => {
    const long = 'a'.repeat(20_000);
    const publish = requests(50, () => ({ command: ['PUBLISH', long, 'x'] }));
    return attacker.pour(6, publish, 50, async () => {
      const socket = await attacker.websocket();
      socket.write(Buffer.concat(EVIL.map((pattern, i) => text({ id: i + 1, psubscribe: `${'a'.repeat(Math.floor(Math.random() * 20))}${pattern}` }))));
      return socket;
    });
  }],
  'request floods: /command': ['requests', attacker => attacker.pour(20, repeat(post('["GET","key"]'), 50), 50, () => attacker.connect())],
  'request floods: commands': ['requests', attacker => attacker.pour(10, requests(500, () => ({ command: ['GET', 'key'] })), 500)],
  'request floods: batches': ['requests', attacker => attacker.pour(10, text(Array.from({ length: 1_000 }, (_, i) => ({ id: i + 1, command: ['GET', 'key'] }))), 1_000)],
  'request floods: pages': ['requests', attacker => attacker.pour(20, repeat('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 50), 50, () => attacker.connect())],
  'connect and close': ['connections', attacker => attacker.many(50, async () => {
    const socket = await attacker.websocket();
    await Promise.race([once(socket, 'data'), once(socket, 'close'), sleep(1_000)]).catch(() => {});
    socket.resetAndDestroy();
    attacker.count += 1;
  })],
  'bad tokens: handshakes': ['tokens', attacker => {
    const handshakes = attacker.options.tokens.map(token => `${HANDSHAKE.slice(0, -2)}Authorization: Bearer ${token}\r\n\r\n`);
    return attacker.many(50, async which => {
      const socket = await attacker.websocket({}, handshakes[which % handshakes.length]);
      await Promise.race([once(socket, 'close'), once(socket, 'end'), sleep(300)]);
      socket.resetAndDestroy();
      attacker.count += 1;
    });
  }],
  'bad tokens: /command': ['tokens', attacker => {
    const some = Buffer.concat(attacker.options.tokens.map(token => repeat(post('["GET","key"]', `Authorization: Bearer ${token}\r\n`), 10)));
    return attacker.pour(20, some, 10 * attacker.options.tokens.length, () => attacker.connect());
  }],
  'bad tokens: auth': ['tokens', attacker => {
    const { tokens } = attacker.options;
    return attacker.pour(20, requests(40, i => ({ auth: tokens[i % tokens.length] })), 40);
  }],
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name, port, seconds, options] = process.argv.slice(2);
  const [unit, attack] = ATTACKS[name];
  const attacker = new Attacker(Number(port), Number(seconds), JSON.parse(options ?? '{}'));
  console.log('ready');
  const begun = performance.now();
  attacker.end = begun + attacker.seconds * 1_000;
  await attack(attacker);
  const took = (performance.now() - begun) / 1_000;
  console.log(JSON.stringify({ name, unit, count: Math.round(attacker.count), seconds: took, connections: attacker.connections, ended: attacker.ended }));
  process.exit(0);
}
