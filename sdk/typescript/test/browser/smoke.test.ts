// The built package in a real Chromium: two people on two pages, a server that dies and comes back, and the page's own events.
import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client, LiveFeed } from '../../src/index.ts';
import { startServer, type Server } from '../lib/server.ts';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<p id="n" data-state="loading"></p><p id="log"></p><button id="b">+1</button>
<script type="module">
  import { connect } from './keywire.js';
  const kw = window.kw = connect(new URLSearchParams(location.search).get('ws'));
  const feed = window.feed = kw.live(['GET', 'counter']);
  feed.onChange((value, { state }) => { n.textContent = value ?? '0'; n.dataset.state = state; });
  kw.follow('chat', { from: '0' }).onChange(entries => { log.textContent = entries.map(([, { text }]) => text).join(' '); });
  b.onclick = () => kw.command(['INCR', 'counter']);
</script>`;

declare const window: { kw: Client; feed: LiveFeed<string | null>; dispatchEvent(event: Event): void };

describe('in Chromium', { timeout: 60_000 }, () => {
  let server: Server, pages: http.Server, browser: Browser, origin: string;
  const problems: string[] = [];
  const settings = () => ({ args: ['--origin', origin], set: { 'limits.reconnect_ms': '50,100' } });

  beforeAll(async () => {
    const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
    const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false });
    pages = http.createServer((request, response) => {
      const script = request.url!.startsWith('/keywire.js');
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
      response.end(script ? outputFiles[0]!.contents : PAGE);
    }).listen(0, '127.0.0.1');
    await once(pages, 'listening');
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    server = await startServer(settings());
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    pages?.close();
    await server?.stop();
  });

  async function visit(): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', error => problems.push(String(error)));
    await page.goto(`${origin}/?ws=${encodeURIComponent(server.wsUrl('/ws'))}`);
    await page.waitForSelector('#n[data-state=live]');
    return page;
  }
  const shows = (page: Page, text: string, state = 'live') => page.waitForFunction(
    ([wanted, of]) => { const n = document.getElementById('n')!; return n.textContent === wanted && n.dataset.state === of; }, [text, state] as const, { timeout: 10_000 });

  test('one acts, the other sees; the server dies and comes back, and the pages say so and recover', async () => {
    const [alice, bob] = [await visit(), await visit()];
    await alice.click('#b');
    await shows(bob, '1');
    await bob.click('#b');
    await shows(alice, '2');
    await server.command('XADD', 'chat', '*', 'text', 'hello');
    await alice.waitForFunction(() => document.getElementById('log')!.textContent === 'hello');

    const { port } = server;
    await server.kill();
    await Promise.all([shows(alice, '2', 'stale'), shows(bob, '2', 'stale')]);
    server = await startServer({ port, ...settings() });
    await Promise.all([shows(alice, '0'), shows(bob, '0')]);
    await bob.click('#b');
    await shows(alice, '1');
    await Promise.all([alice.context().close(), bob.context().close()]);
  });

  test('the network is back: made again at once, however far away the next attempt was', async () => {
    const page = await visit();
    const { port } = server;
    await server.kill();
    await page.waitForFunction(() => window.kw.state === 'waiting');
    // Many failures later the next attempt is far away.
    await page.waitForFunction(() => (window.kw.snapshot.retryAt ?? 0) - Date.now() > 1_500, undefined, { timeout: 30_000 });
    server = await startServer({ port, ...settings() });
    const begun = Date.now();
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await page.waitForSelector('#n[data-state=live]');
    expect(Date.now() - begun).toBeLessThan(1_200);
    await page.context().close();
  });

  test('closed: no socket is left', async () => {
    const page = await visit();
    const open = async () => Number(/^keywire_connections(?:\{[^}]*\})? (\d+)/m.exec(await (await fetch(`${server.origin}/metrics`)).text())?.[1] ?? NaN);
    const before = await open();
    expect(before).toBeGreaterThan(0);
    await page.evaluate(() => window.kw.close());
    for (const end = Date.now() + 5_000; Date.now() < end && await open() !== before - 1;) await new Promise(resolve => setTimeout(resolve, 20));
    expect(await open()).toBe(before - 1);
    expect(await page.evaluate(() => [window.kw.state, window.feed.state])).toEqual(['closed', 'closed']);
    await page.context().close();
  });

  test('nothing went wrong on any page', () => expect(problems).toEqual([]));
});
