// What every application owes whoever looks at it while things break: it says so, and it comes back by itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stage, away, open, shows, text } from '../lib/pages.mjs';
import { startServer } from '../lib/server.mjs';

/** Of each page: where it says that what it shows may be old, and something that only goes on while it is live. */
const PAGES = [
  { where: '/', moves: '#server' },
  { where: '/chat/', says: /Offline/, moves: null },
  { where: '/monitoring/', says: /No connection/, moves: '.gateway' },
  { where: '/quotes/', says: /No connection/, moves: '.row[data-symbol] .price' },
  { where: '/game/', says: /No connection/, moves: '#scores' },
];

/** Waits until what is shown there is something else, or in the chat until what is written comes back. */
async function lives(page, { moves }) {
  if (moves) {
    const all = () => page.locator(moves).allTextContents();
    const was = (await all()).join();
    await page.waitForFunction(([css, before]) => [...document.querySelectorAll(css)].map(e => e.textContent).join() !== before, [moves, was], { timeout: 20_000 });
    return;
  }
  const line = `still here at ${Date.now()}`;
  await page.fill('#text', line);
  await page.press('#text', 'Enter');
  await page.waitForFunction(wanted => [...document.querySelectorAll('.message:not(.pending) .text')].some(e => e.textContent === wanted), line);
}

async function saysSo(page, { where, says }) {
  await away(page);
  assert.match(await text(page, '#connection'), /reconnecting|connecting|paused/, where);
  assert.equal(await page.locator('#connection').getAttribute('role'), 'status');
  if (says) await shows(page, '[role=status]', says);
}

describe('recovery', { timeout: 180_000 }, () => {
  let stage;
  before(async () => { stage = await Stage.start(); });
  after(() => stage?.stop());

  test('the server is killed and comes back: every page says so meanwhile, and goes on', async () => {
    const own = await Stage.start();
    try {
      const all = await Promise.all(PAGES.map(async about => ({ about, page: await own.visit(about.where) })));
      for (const { page, about } of all) await lives(page, about);
      await own.server.kill();
      for (const { page, about } of all) await saysSo(page, about);
      own.server = await startServer({ subcommand: 'demo', port: own.server.port });
      for (const { page, about } of all) {
        await page.waitForFunction(() => document.body.dataset.connection === 'open', null, { timeout: 30_000 });
        await lives(page, about);
        assert.doesNotMatch((await page.locator('[role=status]').allTextContents()).join(' '), /Offline|No connection/, about.where);
      }
      assert.deepEqual(own.problems, []);
    } finally {
      await own.stop();
    }
  });

  for (const about of PAGES) {
    test(`${about.where}: hidden while the laptop sleeps and the network changes, and live at once when it is shown`, async () => {
      const network = await stage.network();
      const context = await stage.browser.newContext({ viewport: { width: 1360, height: 850 } });
      await context.clock.install();
      const page = await stage.visit(about.where, { via: network, context });
      await lives(page, about);
      const visibility = state => page.evaluate(now => {
        Object.defineProperty(document, 'visibilityState', { value: now, configurable: true });
        Object.defineProperty(document, 'hidden', { value: now === 'hidden', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, state);
      await visibility('hidden');
      network.down();
      await context.clock.fastForward(10 * 60_000);
      await away(page);
      await page.waitForTimeout(300);
      network.up();
      // A hidden page leaves the server alone.
      assert.equal(await page.evaluate(() => document.body.dataset.connection), 'paused');
      const begun = Date.now();
      await visibility('visible');
      await open(page);
      assert.ok(Date.now() - begun < 2_000, `${Date.now() - begun} ms`);
      await lives(page, about);
      await context.close();
    });
  }

  test('the browser says it is online again: the next attempt is made at once', async () => {
    const network = await stage.network();
    const page = await stage.visit('/quotes/', { via: network });
    network.down();
    await away(page);
    // After some failures the next attempt is far away.
    await page.waitForFunction(() => Number(/\d+/.exec(document.querySelector('.connection .num')?.textContent ?? '0')) >= 3, null, { timeout: 40_000 });
    network.up();
    const begun = Date.now();
    await page.context().setOffline(true);
    await page.context().setOffline(false);
    await open(page);
    assert.ok(Date.now() - begun < 2_000, `${Date.now() - begun} ms`);
    await page.context().close();
  });

  test('nothing was against the content security policy, and no error was logged', () => assert.deepEqual(stage.problems, []));
});
