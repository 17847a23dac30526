/** Plays scenarios of sdk/contract with this SDK. What the steps mean is in the README there. */
import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import WebSocket from 'ws';
import { connect, KeywireError, type Client, type Command } from '../../src/index.ts';
import { HELLO } from '../lib/machine.ts';
import { startServer, until, type Server } from '../lib/server.ts';
import { ScriptedServer } from './script.ts';

export interface Scenario {
  name: string;
  against: 'server' | 'script';
  restarts?: boolean;
  tokens?: string[];
  steps: Record<string, unknown>[];
}

const folder = new URL('../../../contract/', import.meta.url);

/** All scenarios, by file and name. */
export const scenarios: [string, string, Scenario][] = readdirSync(folder).filter(name => name.endsWith('.json')).flatMap(name =>
  (JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Scenario[]).map((scenario): [string, string, Scenario] => [name.replace('.json', ''), scenario.name, scenario]));

/** Every frame that passed in any scenario, in both directions. */
export const seen: { requests: Record<string, unknown>[]; frames: Record<string, unknown>[] } = { requests: [], frames: [] };

/** A WebSocket that remembers what passed, and can be cut. */
function recorder(sockets: Set<WebSocket>) {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.add(this);
      this.on('close', () => sockets.delete(this));
      this.on('message', data => {
        try { seen.frames.push(JSON.parse(String(data)) as Record<string, unknown>); } catch { /* a scenario's own */ }
      });
    }

    override send(text: unknown): void {
      seen.requests.push(...[JSON.parse(text as string) as Record<string, unknown>].flat());
      super.send(text as string);
    }
  };
}

type AnyFeed = ReturnType<Client['live']> & { onEvent?(listener: (event: Record<string, unknown>) => void): () => void };
interface Held { feed: AnyFeed; events: Record<string, unknown>[] }

let scenarioCount = 0;

export class Player {
  readonly #scenario: Scenario;
  readonly #feeds = new Map<string, Held>();
  readonly #started = new Map<string, Promise<unknown>>();
  readonly #ids = new Map<string, unknown>();
  readonly #sockets = new Set<WebSocket>();
  #server!: Server;
  #script!: ScriptedServer;
  #client!: Client;

  constructor(scenario: Scenario) {
    const prefix = `s${process.pid}-${++scenarioCount}:`;
    this.#scenario = JSON.parse(JSON.stringify(scenario).replaceAll('{k}', prefix)) as Scenario;
  }

  /** Plays it. `shared` is a server for those that need none of their own. */
  async play(shared: Server): Promise<void> {
    const { against, restarts, tokens, steps } = this.#scenario;
    if (against === 'script') this.#script = await ScriptedServer.start();
    else this.#server = restarts ? await startServer() : shared;
    const options = { WebSocket: recorder(this.#sockets), lingerMs: 20, timeoutMs: 5_000 };
    const left = [...tokens ?? []];
    const token = () => (left.length > 1 ? left.shift() : left[0]);
    this.#client = connect(this.#script?.url ?? this.#server.wsUrl('/ws'), tokens ? { ...options, token } : options);
    try {
      for (const [i, step] of steps.entries()) {
        await this.#step(step).catch((error: unknown) => { throw new Error(`step ${i + 1}, ${JSON.stringify(step)}: ${(error as Error).message}`); });
      }
    } finally {
      this.#client.close();
      await until(() => this.#sockets.size === 0, () => 'the sockets to close');
      await this.#script?.stop();
      if (restarts) await this.#server.stop();
    }
  }

  async #step(step: Record<string, unknown>): Promise<void> {
    const it = step as never as {
      open: string; live: Command; subscribe: string; psubscribe: string; follow: string; from: string; every: number; json: boolean;
      expect: string; close: string; start: string; settled: string; connection: string; write: unknown[]; server: 'kill' | 'start';
      accept: true | { token: string }; hello: object; receive: object; as: string; send: unknown; drop: number; nothing_ms: number;
    };
    if ('open' in step) return this.#open(it);
    if ('expect' in step) return this.#expect(step);
    if ('settled' in step) return this.#outcome(this.#started.get(it.settled)!, step);
    if ('command' in step || 'commands' in step || 'batch' in step) return this.#ask(step);
    if ('close' in step) return this.#feeds.get(it.close)!.feed.close();
    if ('connection' in step) return until(() => this.#client.state === it.connection, () => `${it.connection}, it is ${this.#client.state}`);
    if ('cut' in step) return this.#sockets.forEach(socket => socket.terminate());
    if ('end' in step) return this.#client.close();
    if ('wake' in step) return this.#client.wake();
    if ('write' in step) return void await this.#server.command(...it.write);
    if (it.server === 'kill') return this.#server.kill();
    if (it.server === 'start') return void (this.#server = await startServer({ port: this.#server.port }));
    if ('accept' in step) {
      const protocols = await this.#script.accept();
      return expect(protocols).toEqual(['keywire.v1.json', ...(it.accept === true ? [] : [`bearer.${it.accept.token}`])]);
    }
    if ('hello' in step) return this.#script.send({ hello: { ...HELLO, ...it.hello } });
    if ('receive' in step) {
      const { id, ...request } = await this.#script.receive();
      expect(request).toEqual(it.receive);
      return void this.#ids.set(`$${it.as}`, id);
    }
    if ('send' in step) return this.#script.send(typeof it.send === 'string' ? it.send : this.#filled(it.send as { id?: unknown }));
    if ('drop' in step) return this.#script.drop(it.drop);
    if ('nothing_ms' in step) return expect(await this.#script.nothing(it.nothing_ms)).toEqual([]);
    throw new Error('no such step');
  }

  #open(it: { open: string; live: Command; subscribe: string; psubscribe: string; follow: string; from: string; every: number; json: boolean }): void {
    const { every, json, from } = it;
    const feed = (it.live ? this.#client.live(it.live, { every, json }) : it.subscribe ? this.#client.subscribe(it.subscribe)
      : it.psubscribe ? this.#client.psubscribe(it.psubscribe) : this.#client.follow(it.follow, from ? { from } : {})) as AnyFeed;
    const held: Held = { feed, events: [] };
    if (!it.live) feed.onEvent!(event => {
      const last = held.events.at(-1);
      if (!('entries' in event)) held.events.push(event);
      else {
        const ids = (event.entries as [string][]).map(([id]) => id);
        if (last && 'entries' in last) (last.entries as string[]).push(...ids); else held.events.push({ entries: ids });
      }
    });
    this.#feeds.set(it.open, held);
  }

  async #expect(step: Record<string, unknown>): Promise<void> {
    const held = this.#feeds.get(step.expect as string)!;
    const { feed } = held;
    const shows = () => ({
      ...('value' in step && { value: feed.value }), ...('state' in step && { state: feed.state }),
      ...('error' in step && { error: feed.error?.code ?? null }), ...('events' in step && { events: held.events }),
    });
    const { expect: _, ...wanted } = step;
    await until(() => isDeepStrictEqual(shows(), wanted), () => `${JSON.stringify(wanted)}, it is ${JSON.stringify(shows())}`);
    if ('events' in step) held.events = [];
  }

  #ask(step: Record<string, unknown>): Promise<void> | void {
    const asked = 'command' in step ? this.#client.command<unknown>(step.command as Command)
      : 'commands' in step ? this.#client.commands(step.commands as Command[]) : this.#client.batch(step.batch as Command[]);
    if (!('start' in step)) return this.#outcome(asked, step);
    asked.catch(() => {}); // a later step looks at it
    this.#started.set(step.start as string, asked);
  }

  async #outcome(asked: Promise<unknown>, step: Record<string, unknown>): Promise<void> {
    const outcome = await asked.then(result => ({ result: Array.isArray(result) ? result.map(coded) : result }), (error: KeywireError) => ({ error: error.code }));
    expect(outcome).toEqual('error' in step ? { error: step.error } : { result: step.result });
  }

  #filled(frame: { id?: unknown }): object {
    return typeof frame.id === 'string' ? { ...frame, id: this.#ids.get(frame.id) } : frame;
  }
}

const coded = (element: unknown) => (element instanceof KeywireError ? { error: element.code } : element);
