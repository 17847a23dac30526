// The built package in Deno and Bun, whose WebSockets and clocks are their own, and in Node with the global WebSocket where it has one.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, until } from '../lib/server.ts';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const RUNTIMES: [name: string, command: string, args: string[]][] = [
  ['Deno', here('../../node_modules/.bin/deno'), ['run', '--quiet', '--no-lock', '--node-modules-dir=none', '--allow-all']],
  ['Bun', here('../../node_modules/.bin/bun'), ['run']],
  ...(Number(process.versions.node.split('.')[0]) >= 22 ? [['Node', process.execPath, []] as [string, string, string[]]] : []),
];

describe('runtimes', { timeout: 60_000 }, () => {
  let folder: string, module: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'keywire-runtimes-'));
    const { outputFiles } = await build({ entryPoints: [here('../../src/index.ts')], bundle: true, format: 'esm', target: 'es2022', write: false });
    module = path.join(folder, 'keywire.mjs');
    writeFileSync(module, outputFiles[0]!.contents);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(RUNTIMES)('%s: commands, feeds, patches, loops, errors, a server that comes back, and an end', async (_, command, args) => {
    const settings = { set: { 'limits.reconnect_ms': '10,50' } };
    let server = await startServer(settings);
    const child = spawn(command, [...args, here('program.mjs'), pathToFileURL(module).href, server.wsUrl('/ws')], { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
    let output = '';
    child.stdout.on('data', chunk => { output += chunk; });
    child.stderr.on('data', chunk => { output += chunk; });
    try {
      await until(() => output.includes('"ready"'), () => `it to be ready:\n${output}`, 20_000);
      const { port } = server;
      await server.kill();
      await until(() => output.includes('"stale"'), () => `stale:\n${output}`);
      server = await startServer({ port, ...settings });
      await until(() => child.exitCode !== null, () => `its end:\n${output}`, 10_000);
      expect([child.exitCode, output]).toEqual([0, expect.any(String)]);
      const seen = output.trim().split('\n').map(line => JSON.parse(line) as unknown[]);
      const told = seen.filter(([what]) => what !== 'counter');
      expect(told).toEqual([
        ['set', 'OK'], ['unchanged parts are the same objects', true], ['1-0', { n: '1' }], ['ReplyError', 'WRONGTYPE'],
        ['ready'], ['incr', 1], ['closed', 'closed', 'closed'],
      ]);
      const counter = seen.filter(([what]) => what === 'counter').map(([, ...rest]) => rest);
      for (const state of [['1', 'live'], ['1', 'stale'], [null, 'live'], ['1', 'live']]) expect(counter).toContainEqual(state);
    } finally {
      child.kill('SIGKILL');
      await server.stop();
    }
  });
});
