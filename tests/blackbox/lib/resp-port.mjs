// The RESP port by hand on a TCP socket, a real redis-server beside it, and programs run to their end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './client.mjs';
import { freePort, startServer } from './server.mjs';

/** The binary with a RESP port, whose number is the server's `resp`. */
export async function startResp({ set = {}, args = [], ...options } = {}) {
  const resp = await freePort();
  const server = await startServer({ set, args: ['--resp', `127.0.0.1:${resp}`, ...args], ...options });
  return Object.assign(server, { resp });
}

/** A real redis-server in a folder of its own: its port and how to stop it. */
export async function startRedis(options = []) {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'keywire-redis-'));
  const line = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', [...line, ...options], { stdio: 'ignore' });
  const ended = once(child, 'close');
  process.once('exit', () => child.kill('SIGKILL'));
  const stop = async () => { child.kill('SIGKILL'); await ended; rmSync(folder, { recursive: true, force: true }); };
  const answers = async () => {
    try { const raw = await Raw.connect(port); raw.send('PING\r\n'); await raw.until('+PONG'); raw.end(); return true; } catch { await sleep(20); return false; }
  };
  await until(answers, 'redis-server');
  return { port, resp: port, stop };
}

/** One command as an array of bulk strings. */
export const command = (...words) => Buffer.concat([
  Buffer.from(`*${words.length}\r\n`),
  ...words.flatMap(word => { const bytes = Buffer.from(word); return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]; }),
]);

/** A TCP connection whose incoming bytes are kept. */
export class Raw {
  static async connect(port) {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Raw(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.chunks = [];
    this.length = 0;
    this.ended = false;
    socket.on('data', chunk => { this.chunks.push(chunk); this.length += chunk.length; });
    for (const event of ['end', 'close', 'error']) socket.on(event, () => { this.ended = true; });
  }

  get received() { return Buffer.concat(this.chunks).toString('latin1'); }

  send(bytes) { if (!this.socket.destroyed) this.socket.write(bytes); }

  end() { this.socket.destroy(); }

  /** Waits for this text among what came. */
  async until(text, timeout_ms) {
    await until(() => this.received.includes(text), () => `${JSON.stringify(text)}, there is ${JSON.stringify(this.received.slice(-300))}`, timeout_ms);
    return this.received;
  }

  async closed(timeout_ms) { await until(() => this.ended, 'the end of the connection', timeout_ms); }

  /** What came until nothing more did for a while, or to the end. */
  async settled(quiet_ms = 60) {
    for (let before = -1; before !== this.length && !this.ended;) { before = this.length; await sleep(quiet_ms); }
    return this.received;
  }
}

/** Runs a program to its end with this as its input; its exit code and output. */
export async function run(program, args, { input = '', timeout_ms = 30_000, ...options } = {}) {
  const child = spawn(program, args, { timeout: timeout_ms, killSignal: 'SIGKILL', ...options });
  let output = '';
  child.stdout.on('data', chunk => { output += chunk; });
  child.stderr.on('data', chunk => { output += chunk; });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, output };
}
