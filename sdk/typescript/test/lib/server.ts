/** The real server, started as the repository's black-box tests start it: `KEYWIRE` names the binary. */
// @ts-expect-error -- plain JavaScript without types
import * as blackbox from '../../../../tests/blackbox/lib/server.mjs';

export interface Server {
  readonly port: number;
  readonly origin: string;
  wsUrl(path: string): string;
  /** One command by HTTP. */
  command(...words: unknown[]): Promise<unknown>;
  /** SIGTERM; fails if it panicked or did not end. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export const startServer = blackbox.startServer as (options?: { port?: number; set?: Record<string, unknown>; args?: string[] }) => Promise<Server>;

/** Waits until the condition holds. */
export async function until(condition: () => unknown, what: () => string = () => 'the condition', timeoutMs = 5_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await condition());) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for ${what()}`);
    await sleep(2);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
