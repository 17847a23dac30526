/** A WebSocket server that does what a scenario says: for faults that a good server does not have. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { sleep, until } from '../lib/server.ts';

type Json = Record<string, unknown>;

export class ScriptedServer {
  /** Connections that were made and not accepted by a step yet, with the subprotocols asked for. */
  readonly #waiting: { socket: WebSocket; protocols: string[] }[] = [];
  readonly #requests: Json[] = [];
  readonly #server: WebSocketServer;
  #socket: WebSocket | undefined;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      this.#waiting.push({ socket, protocols: (request.headers['sec-websocket-protocol'] ?? '').split(',').map(word => word.trim()) });
      socket.on('message', data => this.#requests.push(...[JSON.parse(String(data)) as Json | Json[]].flat()));
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'keywire.v1.json' });
    await once(server, 'listening');
    return new ScriptedServer(server);
  }

  get url(): string { return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`; }

  async accept(): Promise<string[]> {
    await until(() => this.#waiting.length > 0, () => 'a connection');
    const { socket, protocols } = this.#waiting.shift()!;
    this.#socket = socket;
    return protocols;
  }

  async receive(): Promise<Json> {
    await until(() => this.#requests.length > 0, () => 'a request');
    return this.#requests.shift()!;
  }

  send(frame: unknown): void { this.#socket!.send(typeof frame === 'string' ? frame : JSON.stringify(frame)); }

  drop(code: number): void {
    if (code === 1006) this.#socket!.terminate(); else this.#socket!.close(code);
  }

  /** What came in this time. */
  async nothing(ms: number): Promise<unknown[]> {
    await sleep(ms);
    return [...this.#requests, ...this.#waiting.map(({ protocols }) => ({ connection: protocols }))];
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
