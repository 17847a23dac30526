// The demo page in a real Chromium: two people, one writes, the other sees it; looks, keyboard, reconnects.
//
// Screenshots go to artifacts/ at the repository's root, for a person to look at.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { until } from '../lib/client.mjs';
import { repository, startServer } from '../lib/server.mjs';

const ARTIFACTS = path.join(repository, 'artifacts');
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const lanes = process.env.KEYWIRE_LANES ? `-lanes${process.env.KEYWIRE_LANES}` : '';

describe('the demo page', { timeout: 180_000 }, () => {
  let server, browser;
  const problems = [];
  before(async () => {
    mkdirSync(ARTIFACTS, { recursive: true });
    server = await startServer({ subcommand: 'demo' });
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A person's browser: a context of its own, whose errors are collected. */
  async function visit(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
    const page = await context.newPage();
    page.on('console', message => { if (message.type() === 'error') problems.push(message.text()); });
    page.on('pageerror', error => problems.push(String(error)));
    await page.goto(server.origin);
    await page.waitForFunction(() => document.body.dataset.state === 'live');
    return page;
  }
  const text = (page, selector) => page.locator(selector).textContent();

  test("one writes a line and counts, the other's page shows it", async () => {
    const [alice, bob] = [await visit(), await visit()];
    await alice.fill('#name', 'Alice');
    await alice.fill('#text', 'Hello from the first window');
    await alice.click('#chat-form button');
    await bob.waitForFunction(() => document.querySelector('#log').textContent.includes('Hello from the first window'));
    assert.match(await text(bob, '#log li:last-child'), /^Alice Hello from the first window/);
    assert.equal(await alice.inputValue('#text'), '', 'a sent line leaves the field');

    const count = Number((await text(bob, '#count')).replaceAll(',', ''));
    for (let i = 0; i < 3; i += 1) await alice.click('#increment');
    for (const page of [alice, bob]) await page.waitForFunction(wanted => document.querySelector('#count').textContent.replaceAll(',', '') === String(wanted), count + 3);

    await server.command('SET', 'demo:counter', '41');
    await bob.click('#increment');
    await alice.waitForFunction(() => document.querySelector('#count').textContent === '42');
    await Promise.all([alice.context().close(), bob.context().close()]);
  });

  test('what is written is text, never markup', async () => {
    const page = await visit();
    const nasty = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>';
    await server.command('XADD', 'demo:chat', '*', 'name', nasty, 'text', nasty);
    await page.waitForFunction(() => document.querySelector('#log li:last-child')?.textContent.includes('onerror'));
    assert.equal(await page.locator('#log img, #log li b b').count(), 0);
    assert.doesNotMatch(await page.title(), /owned/);
    await page.context().close();
  });

  test('the machine and the quotes move by themselves', async () => {
    const page = await visit();
    await page.waitForFunction(() => /\d/.test(document.querySelector('#cpu').textContent) && /\d/.test(document.querySelector('#memory').textContent));
    await page.waitForFunction(() => (document.querySelector('#tile-cpu .line').getAttribute('d') ?? '').split('L').length >= 3, null, { timeout: 10_000 });
    assert.match(await text(page, '#cpu'), /^\d+(\.\d)? %$/);
    assert.match(await text(page, '#memory'), /^[\d.]+ [KMGT]iB$/);
    assert.match(await text(page, '#rx'), /^[\d.]+ [kMG]?B\/s$/);
    const before = await text(page, '#quotes-rows');
    assert.ok(await page.locator('#quotes-rows tr').count() >= 5);
    await page.waitForFunction(was => document.querySelector('#quotes-rows').textContent !== was, before);
    assert.ok(await page.locator('#movers li').count() >= 5);
    const movers = await page.locator('#movers li span:last-child').allTextContents();
    const changes = movers.map(parseFloat);
    assert.deepEqual(changes, [...changes].sort((a, b) => b - a), 'movers are ranked');
    await page.context().close();
  });

  test('the figures shown are those of this machine', async () => {
    const page = await visit();
    const host = await server.command('HGETALL', 'demo:host');
    const { totalmem } = await import('node:os');
    assert.ok(Math.abs(Number(host.memory_total_bytes) - totalmem()) < totalmem() * 0.02, `${host.memory_total_bytes} of ${totalmem()}`);
    assert.ok(Number(host.cpu_percent) >= 0 && Number(host.cpu_percent) <= 100);
    const busy = (async () => { for (const end = Date.now() + 3_500; Date.now() < end;) { for (const stop = Date.now() + 40; Date.now() < stop;); await new Promise(setImmediate); } })();
    await until(async () => Number((await server.command('HGETALL', 'demo:host')).cpu_percent) > 30, 'a busy processor to show', 6_000);
    await busy;
    await page.context().close();
  });

  test('the code shown is the code that runs', async () => {
    const page = await visit();
    const source = await (await fetch(`${server.origin}/app.js`)).text();
    const blocks = await page.locator('[data-code]').allTextContents();
    assert.equal(blocks.length, 5);
    for (const block of blocks) assert.ok(block.length > 80 && source.includes(block), block);
    await page.context().close();
  });

  test('try it: a command, its reply, an error, and a live answer', async () => {
    const page = await visit();
    const run = async line => { await page.fill('#line', line); await page.press('#line', 'Enter'); };
    await run('SET "try it" \'one two\'');
    await page.waitForFunction(() => document.querySelector('#reply').textContent === '"OK"');
    await run('GET "try it"');
    await page.waitForFunction(() => document.querySelector('#reply').textContent === '"one two"');
    await run('LPUSH "try it" x');
    await page.waitForFunction(() => document.querySelector('#reply').textContent.startsWith('WRONGTYPE'));
    await run('GET "unbalanced');
    await page.waitForFunction(() => document.querySelector('#reply').textContent.includes('unbalanced'));
    await page.fill('#line', 'GET "try it"');
    await page.click('#watch');
    await page.waitForFunction(() => document.querySelector('#reply').textContent === '"one two"');
    await server.command('SET', 'try it', 'moved');
    await page.waitForFunction(() => document.querySelector('#reply').textContent === '"moved"');
    await page.click('#watch');
    await server.command('SET', 'try it', 'not shown');
    await page.waitForTimeout(500);
    assert.equal(await text(page, '#reply'), '"moved"');
    await page.context().close();
  });

  test('everything can be reached by keyboard, in order, and has a name', async () => {
    const page = await visit();
    const reached = [];
    for (let i = 0; i < 60; i += 1) {
      await page.keyboard.press('Tab');
      const id = await page.evaluate(() => { const e = document.activeElement; return e === document.body ? null : e.id || e.textContent.trim().slice(0, 20); });
      if (id === null) break;
      reached.push(id);
    }
    for (const id of ['name', 'text', 'increment', 'line', 'watch', 'log']) assert.ok(reached.includes(id), `${id} among ${reached.join(', ')}`);
    assert.ok(reached.indexOf('name') < reached.indexOf('increment') && reached.indexOf('increment') < reached.indexOf('line'));
    const nameless = await page.evaluate(() => [...document.querySelectorAll('input, button, a, [role=region], [role=img], section')]
      .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length || e.textContent.trim())).map(e => e.outerHTML));
    assert.deepEqual(nameless, []);
    await page.focus('#increment');
    const before = Number((await text(page, '#count')).replaceAll(',', ''));
    await page.keyboard.press('Enter');
    await page.waitForFunction(was => Number(document.querySelector('#count').textContent.replaceAll(',', '')) === was + 1, before);
    await page.context().close();
  });

  test('nothing is wider than the page, on a phone as well', async () => {
    for (const width of [320, 390, 768, 1360]) {
      const page = await visit({ viewport: { width, height: 800 } });
      await page.waitForTimeout(300);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `at ${width} pixels`);
      await page.context().close();
    }
  });

  test('screenshots: desktop and phone, light and dark', async () => {
    for (const [name, viewport] of [['desktop', { width: 1360, height: 900 }], ['phone', { width: 390, height: 844 }]]) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await visit({ viewport, colorScheme });
        await page.waitForTimeout(1_500);
        const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const light = ground.match(/\d+/g).slice(0, 3).every(part => Number(part) > 128);
        assert.equal(light, colorScheme === 'light', ground);
        await page.screenshot({ path: path.join(ARTIFACTS, `demo-${name}-${colorScheme}${lanes}.png`), fullPage: true });
        await page.context().close();
      }
    }
  });

  test("EventSource and WebSocket of the browser work from the server's own page", async () => {
    const page = await visit();
    await server.command('SET', 'browser', '1');
    const data = await page.evaluate(() => new Promise((resolve, reject) => {
      const source = new EventSource('sse?live=GET%20browser');
      source.addEventListener('value', event => { resolve(event.data); source.close(); });
      source.onerror = () => reject(new Error('refused'));
    }));
    assert.match(data, /1/);
    await page.context().close();
  });

  test("a foreign page's WebSocket, EventSource and POST are refused", async () => {
    const foreign = http.createServer((_, answer) => { answer.setHeader('content-type', 'text/html'); answer.end('<!doctype html><title>foreign</title>'); }).listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${foreign.address().port}/`);
    const outcomes = await page.evaluate(async origin => {
      const socket = path => new Promise(resolve => { const s = new WebSocket(origin.replace('http', 'ws') + path); s.onopen = () => resolve('open'); s.onerror = () => resolve('refused'); });
      const source = new Promise(resolve => { const s = new EventSource(`${origin}/sse?live=GET%20browser`); s.onopen = () => resolve('open'); s.onerror = () => { s.close(); resolve('refused'); }; });
      const post = type => fetch(`${origin}/command`, { method: 'POST', mode: type ? 'cors' : 'no-cors', headers: type ? { 'content-type': type } : {}, body: '["SET","foreign","x"]' }).then(a => a.type, () => 'refused');
      return Promise.all([socket('/ws'), socket('/raw?live=GET%20browser'), source, post('application/json'), post('')]);
    }, server.origin);
    assert.deepEqual(outcomes.slice(0, 4), ['refused', 'refused', 'refused', 'refused']);
    assert.equal(await server.command('EXISTS', 'foreign'), 0, 'a no-cors POST was not carried out');
    await context.close();
    foreign.close();
  });

  test('a server that goes and comes back: reconnecting, then live again, the chat anew', async () => {
    const own = await startServer({ subcommand: 'demo' });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(own.origin);
    await page.waitForFunction(() => document.body.dataset.state === 'live');
    await own.command('XADD', 'demo:chat', '*', 'name', 'before', 'text', 'the restart');
    await page.waitForFunction(() => document.querySelector('#log').textContent.includes('the restart'));
    await own.kill();
    await page.waitForFunction(() => document.body.dataset.state === 'reconnecting');
    assert.equal(await text(page, '#state'), 'reconnecting');
    const again = await startServer({ subcommand: 'demo', port: own.port });
    await page.waitForFunction(() => document.body.dataset.state === 'live', null, { timeout: 30_000 });
    await again.command('INCR', 'demo:counter');
    await page.waitForFunction(() => document.querySelector('#count').textContent === '1');
    await page.fill('#text', 'after the restart');
    await page.click('#chat-form button');
    await page.waitForFunction(() => document.querySelector('#log').textContent.includes('after the restart'));
    await context.close();
    await again.stop();
  });

  test('nothing on the page is against its content security policy, and no error was logged', () => {
    assert.deepEqual(problems, []);
  });
});
