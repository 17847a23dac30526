// The index page, how pages are served, and whom the doors let in.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Stage, basics, noWider, open, shows, text } from '../lib/pages.mjs';
import { startServer } from '../lib/server.mjs';

describe('the index page', { timeout: 120_000 }, () => {
  let stage, server;
  before(async () => { stage = await Stage.start(); ({ server } = stage); });
  after(() => stage?.stop());
  const count = page => page.waitForFunction(() => /\d/.test(document.querySelector('#count').textContent)).then(() => text(page, '#count')).then(shown => Number(shown.replaceAll(',', '')));

  test("one counts, the other's page shows it", async () => {
    const [ada, bob] = [await stage.visit('/'), await stage.visit('/')];
    const before = await count(bob);
    for (let i = 0; i < 3; i += 1) await ada.click('#increment');
    for (const page of [ada, bob]) await shows(page, '#count', new RegExp(`^${before + 3}$`));
    await server.command('SET', 'demo:counter', '41');
    await bob.click('#increment');
    await shows(ada, '#count', /^42$/);
    await Promise.all([ada.context().close(), bob.context().close()]);
  });

  test("the server's figures and a line of each application are live", async () => {
    const page = await stage.visit('/');
    await shows(page, '#server', /Connections\d+.*Commands\/s[\d,]+.*Memory[\d.]+ MiB/);
    for (const [app, pattern] of [['chat', /#lobby/], ['monitoring', /CPU \d+ %/], ['quotes', /[A-Z]{4} [+−]\d/], ['game', /Ada|Boole|Curie|Dirac|Euler/]]) await shows(page, `.${app}-card .now`, pattern);
    const before = await text(page, '#server');
    await page.waitForFunction(was => document.querySelector('#server').textContent !== was, before);
    await page.context().close();
  });

  test('it leads to each application and to its source', async () => {
    const page = await stage.visit('/');
    const targets = await page.locator('main a').evaluateAll(links => links.map(link => link.href));
    for (const app of ['chat', 'monitoring', 'quotes', 'game']) {
      assert.ok(targets.includes(`${server.origin}/${app}/`) && targets.includes(`${server.origin}/source/${app}/live.ts`), app);
    }
    for (const target of new Set(targets)) {
      const answer = await fetch(target);
      assert.equal(answer.status, 200, target);
      if (target.includes('/source/')) assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    }
    await page.click('.quotes-card h2 a');
    await page.waitForURL('**/quotes/');
    await page.click('.brand');
    await page.waitForURL(`${server.origin}/`);
    await page.context().close();
  });

  test('try it: a command, its reply, an error, and a live answer', async () => {
    const page = await stage.visit('/');
    const reply = wanted => page.waitForFunction(answer => document.querySelector('#reply').textContent === answer, wanted);
    const run = async line => { await page.fill('#line', line); await page.press('#line', 'Enter'); };
    await run('SET "demo:try it" \'one two\'');
    await reply('"OK"');
    await run('GET "demo:try it"');
    await reply('"one two"');
    await run('LPUSH "demo:try it" x');
    await shows(page, '#reply', /^WRONGTYPE/);
    await run('GET "unbalanced');
    await shows(page, '#reply', /unbalanced/);
    await page.fill('#line', 'GET "demo:try it"');
    await page.click('#watch');
    await reply('"one two"');
    await server.command('SET', 'demo:try it', 'moved');
    await reply('"moved"');
    await page.click('#watch');
    await server.command('SET', 'demo:try it', 'not shown');
    await page.waitForTimeout(500);
    assert.equal(await text(page, '#reply'), '"moved"');
    await page.context().close();
  });

  test('light and dark: the choice holds on every page and after a reload', async () => {
    const page = await stage.visit('/', { colorScheme: 'light' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.click('#theme');
    const dark = await ground();
    assert.notEqual(dark, light);
    for (const where of ['/', '/chat/']) {
      await page.goto(server.origin + where);
      await open(page);
      assert.equal(await ground(), dark, where);
    }
    await page.click('#theme');
    assert.equal(await ground(), light);
    await page.context().close();
  });

  test('who wants no motion sees none', async () => {
    const page = await stage.visit('/quotes/', { reducedMotion: 'reduce' });
    await page.waitForSelector('.row[data-symbol]');
    await page.waitForTimeout(500);
    const moving = await page.evaluate(() => document.getAnimations().filter(animation => animation.effect.getComputedTiming().duration > 1).length);
    assert.equal(moving, 0);
    await page.context().close();
  });

  test('nothing is wider than the window, however narrow', async () => {
    const page = await stage.visit('/');
    for (const where of ['/', '/chat/', '/monitoring/', '/quotes/', '/game/']) {
      await page.goto(server.origin + where);
      await open(page);
      for (const width of [320, 768, 1020]) {
        await page.setViewportSize({ width, height: 800 });
        await page.waitForTimeout(120);
        await noWider(page, `${where} at ${width} pixels`);
      }
    }
    await page.context().close();
  });

  test('labels, roles, keyboard, pictures', async () => {
    const page = await stage.visit('/');
    await count(page);
    await basics(page);
    const reached = [];
    for (let i = 0; i < 60; i += 1) {
      await page.keyboard.press('Tab');
      const id = await page.evaluate(() => { const e = document.activeElement; return e === document.body ? null : e.id || e.textContent.trim().slice(0, 20); });
      if (id === null) break;
      reached.push(id);
    }
    for (const id of ['theme', 'increment', 'line', 'watch', 'reply']) assert.ok(reached.includes(id), `${id} among ${reached.join(', ')}`);
    await page.focus('#increment');
    const before = await count(page);
    await page.keyboard.press('Enter');
    await shows(page, '#count', new RegExp(`^${before + 1}$`));
    await page.context().close();
    await stage.pictures('index', '/', page => shows(page, '#server', /Memory\d/));
  });

  test("EventSource and WebSocket of the browser work from the server's own page", async () => {
    const page = await stage.visit('/');
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
    const context = await stage.browser.newContext();
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

  test('nothing was against the content security policy, and no error was logged', () => assert.deepEqual(stage.problems, []));
});

describe('pages over HTTP', { timeout: 30_000 }, () => {
  test('types, a policy without anything inline, and tags that spare sending a page again', async () => {
    const server = await startServer({ subcommand: 'demo' });
    try {
      const html = await (await fetch(server.url('/chat/'))).text();
      const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(match => new URL(match[1], server.url('/chat/')).pathname);
      assert.ok(assets.length >= 4, assets.join());
      const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
      for (const asset of ['/', '/chat/', ...assets]) {
        const answer = await fetch(server.url(asset));
        assert.equal(answer.status, 200, asset);
        assert.equal(answer.headers.get('content-type'), types[asset.split('.').pop()] ?? 'text/html; charset=utf-8', asset);
        assert.match(answer.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'; style-src 'self';/);
        assert.doesNotMatch(answer.headers.get('content-security-policy'), /unsafe/);
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        const tag = answer.headers.get('etag');
        assert.match(tag, /^"[0-9a-f]{16}"$/);
        const again = await fetch(server.url(asset), { headers: { 'if-none-match': `"other", W/${tag}` } });
        assert.equal(again.status, 304, asset);
        assert.equal((await again.arrayBuffer()).byteLength, 0);
        assert.equal(again.headers.get('etag'), tag);
        assert.equal((await fetch(server.url(asset), { headers: { 'if-none-match': '"other"' } })).status, 200);
        const head = await fetch(server.url(asset), { method: 'HEAD' });
        assert.equal(head.headers.get('etag'), tag);
      }
      const folder = await fetch(server.url('/chat'), { redirect: 'manual' });
      assert.equal(folder.status, 308);
      assert.equal(folder.headers.get('location'), '/chat/');
      for (const missing of ['/chat/index.html', '/nothing', '/chat/..%2findex.html', '/source/']) assert.equal((await fetch(server.url(missing))).status, 404, missing);
    } finally {
      await server.stop();
    }
  });

  test('under a prefix pages, links and connections work as well', async () => {
    const stage = await Stage.start({ args: ['--prefix', '/live'], ready: '/live/readyz' });
    try {
      const folder = await fetch(stage.server.url('/live/quotes'), { redirect: 'manual' });
      assert.equal(folder.headers.get('location'), '/live/quotes/');
      const page = await stage.visit('/live/quotes/');
      await page.waitForSelector('.row[data-symbol]');
      await page.click('.brand');
      await page.waitForURL('**/live/');
      await open(page);
      assert.deepEqual(stage.problems, []);
    } finally {
      await stage.stop();
    }
  });

  test('without the demo there is one page, and none of these', async () => {
    const server = await startServer();
    try {
      assert.match(await (await fetch(server.url('/'))).text(), /This server makes Redis live/);
      for (const path of ['/chat/', '/assets/shell.js', '/source/chat/live.ts']) assert.equal((await fetch(server.url(path))).status, 404, path);
    } finally {
      await server.stop();
    }
  });
});
