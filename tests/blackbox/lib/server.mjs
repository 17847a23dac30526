// Starts the real binary on a free port, waits until it is ready, and stops it again.
//
// KEYWIRE is the binary's path (else the debug build of this repository), KEYWIRE_LANES how many lanes it runs,
// KEYWIRE_BACKEND what it shows (see backend.mjs; else the embedded store).
// `stop` fails a test whose server panicked or did not end when it was told to, so every test file checks that too.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { backendArguments } from './backend.mjs';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(repository, 'target');
export const binary = path.resolve(process.env.KEYWIRE ?? path.join(target, 'debug/keywire'));

/** A port of the loopback interface that was free a moment ago. */
export async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * Starts `keywire serve` (or another subcommand). `set` are settings (`{'limits.feeds_max': 3}`), `args` further flags.
 * With `backend: false` it is not given the suite's backend. Resolves once /readyz answers 200.
 */
export async function startServer({ subcommand = 'serve', port, set = {}, args = [], ready = '/readyz', backend = true } = {}) {
  if (!existsSync(binary)) throw new Error(`there is no binary at ${binary}: build it, or set KEYWIRE`);
  port ??= await freePort();
  const line = [subcommand, '--listen', `127.0.0.1:${port}`];
  if (process.env.KEYWIRE_LANES && subcommand !== 'echo') line.push('--lanes', process.env.KEYWIRE_LANES);
  if (backend && subcommand === 'serve') line.push(...await backendArguments({ fresh: started.size === 0 }));
  for (const [name, value] of Object.entries(set)) line.push('--set', `${name}=${value}`);
  const server = new Server(spawn(binary, [...line, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment() }), port);
  await server.untilReady(ready);
  return server;
}

/** Runs the binary to its end, for command lines that should fail. */
export async function runToEnd(args, { timeout_ms = 10_000 } = {}) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment(), timeout: timeout_ms, killSignal: 'SIGKILL' });
  const output = collect(child);
  const [code, signal] = await once(child, 'close');
  return { code, signal, output: output.text };
}

/** The environment without this suite's own variables: the binary takes every KEYWIRE_… for a setting. */
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KEYWIRE')));

// What a failed test left running ends with the test process.
const started = new Set();
process.on('exit', () => started.forEach(child => child.kill('SIGKILL')));

export class Server {
  constructor(child, port) {
    this.child = child;
    this.port = port;
    this.output = collect(child);
    this.ended = once(child, 'close');
    started.add(child);
    child.once('close', () => started.delete(child));
  }

  get origin() { return `http://127.0.0.1:${this.port}`; }

  url(pathAndQuery) { return this.origin + pathAndQuery; }

  wsUrl(pathAndQuery) { return `ws://127.0.0.1:${this.port}${pathAndQuery}`; }

  async untilReady(ready) {
    for (const end = Date.now() + 15_000; Date.now() < end; await sleep(25)) {
      if (this.child.exitCode !== null) break;
      if (ready === null) { if (await this.takesConnections()) return; continue; }
      const answer = await fetch(this.url(ready)).catch(() => null);
      await answer?.arrayBuffer();
      if (answer?.status === 200) return;
    }
    this.child.kill('SIGKILL');
    throw new Error(`the server was not ready (exit code ${this.child.exitCode}):\n${this.output.text}`);
  }

  takesConnections() {
    return new Promise(resolve => {
      const socket = net.connect(this.port, '127.0.0.1');
      socket.once('connect', () => { socket.destroy(); resolve(true); });
      socket.once('error', () => resolve(false));
    });
  }

  /** POST /command with one command; the parsed answer. */
  async post(body, headers = {}) {
    const answer = await fetch(this.url('/command'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return answer.json();
  }

  /** One command through POST /command: its result, or an exception with the error's code. */
  async command(...words) {
    const answer = await this.post(words);
    if (answer.error) throw Object.assign(new Error(`${answer.error.code} ${answer.error.message}`), answer.error);
    return answer.result;
  }

  /** The process' proportional set size in bytes. */
  memory() {
    const rollup = readFileSync(`/proc/${this.child.pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)[1]) * 1024;
  }

  /** SIGTERM, and SIGKILL if that does not help in ten seconds (an error then). Also an error: a panic in the log. */
  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const killer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    const [code, signal] = await this.ended;
    clearTimeout(killer);
    if (/panicked at/.test(this.output.text)) throw new Error(`the server panicked:\n${this.output.text}`);
    if (code !== 0) throw new Error(`the server ended with code ${code}, signal ${signal}:\n${this.output.text.slice(-4000)}`);
  }

  /** Without a word, as a crash would. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

function collect(child) {
  const output = { text: '' };
  const add = chunk => { output.text = (output.text + chunk).slice(-1_000_000); };
  child.stdout.on('data', add);
  child.stderr.on('data', add);
  return output;
}
