// A TCP proxy that misbehaves on demand: it delays, slows down, holds, drops or cuts what passes.
//
// Between keywire and a server it is the network. `hold` is a partition that heals (bytes wait, as TCP would retransmit
// them); `drop` is one that does not (bytes are gone, so its connections end when it heals, and until then neither side
// learns anything); `cut` ends connections as a crashed host's kernel would; `refuse` is a closed port.
//
// With `translate`, addresses in the server's answers (CLUSTER SLOTS, MOVED, Sentinel's) lead back to proxies, so that a
// client that discovers its servers never gets past them, while the servers know one another by their real ports.
import { once } from 'node:events';
import net from 'node:net';

/** What one direction of one connection may hold before the sender has to wait. */
const QUEUE_BYTES_MAX = 4 << 20;

export class Proxy {
  /** A proxy to this port of the loopback interface. `translate()` gives a map of ports, real → shown, or undefined. */
  static async start(target, { translate } = {}) {
    const proxy = new Proxy(target, translate);
    proxy.listener.listen(0, '127.0.0.1');
    await once(proxy.listener, 'listening');
    proxy.port = proxy.listener.address().port;
    return proxy;
  }

  constructor(target, translate) {
    Object.assign(this, { target, translate, links: new Set(), accepted: 0, bytes: 0 });
    /** pass · hold · drop */
    this.mode = 'pass';
    /** Added to each direction. */
    this.delay_ms = 0;
    /** For each direction of each connection; 0: no limit. */
    this.bytes_per_second = 0;
    /** New connections end at once. */
    this.refusing = false;
    this.listener = net.createServer({ noDelay: true }, client => this.accept(client));
  }

  accept(client) {
    client.on('error', () => {});
    if (this.refusing) { client.resetAndDestroy(); return; }
    this.accepted += 1;
    this.links.add(new Link(this, client));
  }

  hold() { this.mode = 'hold'; }

  drop() { this.mode = 'drop'; }

  refuse() { this.refusing = true; }

  /** Everything is well again; connections that lost bytes end. */
  heal() {
    Object.assign(this, { mode: 'pass', delay_ms: 0, bytes_per_second: 0, refusing: false });
    for (const link of [...this.links]) if (link.lossy) link.end(); else link.resume();
  }

  /** Ends every connection. */
  cut() { for (const link of [...this.links]) link.end(); }

  async stop() {
    this.cut();
    this.listener.close();
    await once(this.listener, 'close');
  }
}

/** One connection through the proxy. */
class Link {
  constructor(proxy, client) {
    this.proxy = proxy;
    this.client = client;
    this.server = net.connect({ port: proxy.target, host: '127.0.0.1', noDelay: true });
    this.lossy = false;
    this.server.on('error', () => {});
    this.directions = [
      new Direction(proxy, this, client, this.server),
      new Direction(proxy, this, this.server, client, proxy.translate && new Translator(proxy.translate)),
    ];
    // While the network is down, the end of one side is not heard by the other either.
    for (const socket of [client, this.server]) socket.on('close', () => this.sideEnded());
  }

  sideEnded() {
    this.ended = true;
    if (this.proxy.mode === 'pass') this.end(); else this.lossy = true;
  }

  resume() {
    if (this.ended) this.end(); else for (const direction of this.directions) direction.pump();
  }

  end() {
    this.proxy.links.delete(this);
    this.client.destroy();
    this.server.destroy();
    for (const direction of this.directions) direction.stop();
  }
}

/** One direction: chunks wait until they are due. */
class Direction {
  constructor(proxy, link, from, to, translator) {
    Object.assign(this, { proxy, link, from, to, translator, queue: [], queued: 0, freeAt: 0 });
    from.on('data', chunk => this.take(chunk));
    to.on('drain', () => this.pump());
  }

  take(chunk) {
    const { proxy } = this;
    if (proxy.mode === 'drop') { this.link.lossy = true; return; }
    this.queue.push({ chunk, due: performance.now() + proxy.delay_ms });
    this.queued += chunk.length;
    if (this.queued > QUEUE_BYTES_MAX) this.from.pause();
    this.pump();
  }

  pump() {
    clearTimeout(this.timer);
    const { proxy } = this;
    while (this.queue.length > 0 && proxy.mode === 'pass' && !this.to.writableNeedDrain) {
      const now = performance.now();
      const wait = Math.max(this.queue[0].due, this.freeAt) - now;
      if (wait > 0.5) { this.timer = setTimeout(() => this.pump(), wait); return; }
      let { chunk } = this.queue[0];
      if (proxy.bytes_per_second > 0) {
        const part = Math.max(1, Math.floor(proxy.bytes_per_second / 50));
        if (chunk.length > part) { this.queue[0].chunk = chunk.subarray(part); chunk = chunk.subarray(0, part); } else this.queue.shift();
        this.freeAt = now + chunk.length / proxy.bytes_per_second * 1_000;
      } else this.queue.shift();
      this.queued -= chunk.length;
      proxy.bytes += chunk.length;
      this.forward(chunk);
    }
    if (this.queued <= QUEUE_BYTES_MAX && this.from.isPaused()) this.from.resume();
  }

  forward(chunk) {
    if (!this.translator) { this.to.write(chunk); return; }
    const now = this.translator.take(chunk);
    if (now.length > 0) this.to.write(now);
    clearTimeout(this.flusher);
    if (this.translator.kept.length > 0) this.flusher = setTimeout(() => this.to.write(this.translator.rest()), 5);
  }

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.flusher);
  }
}

/**
 * Replaces ports of this machine's servers where an answer names them. All ports have five digits, so no length changes.
 * A chunk that ends within a line is kept back in part, as an address may be cut in two.
 */
export class Translator {
  constructor(ports) { this.ports = ports; this.kept = Buffer.alloc(0); }

  static ADDRESS = /(127\.0\.0\.1(?::| |\r\n:|\r\n\$5\r\n)|\$4\r\nport\r\n(?::|\$5\r\n))(\d{5})(?!\d)/g;
  static KEEP = 40;

  take(chunk) {
    const all = this.kept.length > 0 ? Buffer.concat([this.kept, chunk]) : chunk;
    // A reply's bytes end in a line end; if these do as well, nothing is cut unless the next line is the port.
    const text = all.toString('latin1');
    const whole = /\r\n$/.test(text) && !/(127\.0\.0\.1|port|\$[45])\r\n$/.test(text);
    const end = whole ? all.length : Math.max(0, all.length - Translator.KEEP);
    const shown = this.replaced(text);
    this.kept = Buffer.from(shown.slice(end), 'latin1');
    return Buffer.from(shown.slice(0, end), 'latin1');
  }

  rest() {
    const bytes = Buffer.from(this.replaced(this.kept.toString('latin1')), 'latin1');
    this.kept = Buffer.alloc(0);
    return bytes;
  }

  replaced(text) {
    const ports = this.ports();
    return text.replace(Translator.ADDRESS, (all, before, port) => before + (ports.get(Number(port)) ?? port));
  }
}
