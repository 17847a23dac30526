// The applications in a real Chromium: opening pages, what holds for every page, and a network that can go away.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { repository, startServer } from './server.mjs';
import { Relay } from './rawsocket.mjs';

export const ARTIFACTS = path.join(repository, 'artifacts');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const lanes = process.env.KEYWIRE_LANES ? `-lanes${process.env.KEYWIRE_LANES}` : '';
const SIZES = { desktop: {}, phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } };
/** Pictures are taken once, not again for every number of lanes. */
const takesPictures = !process.env.KEYWIRE_LANES || process.env.KEYWIRE_LANES === '2';

/** A server with the demo, a browser, and everything that any page complained of. */
export class Stage {
  static async start(options = {}) {
    mkdirSync(ARTIFACTS, { recursive: true });
    const stage = new Stage();
    stage.server = await startServer({ subcommand: 'demo', ...options });
    stage.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
    stage.problems = [];
    stage.relays = [];
    return stage;
  }

  async stop() {
    await this.browser?.close();
    for (const relay of this.relays) await relay.stop();
    await this.server?.stop();
  }

  /** A person's browser at this page: a context of its own, whose errors are collected. */
  async visit(where, { via = this.server, context, ...options } = {}) {
    context ??= await this.browser.newContext({ viewport: { width: 1360, height: 850 }, ...options });
    const page = await context.newPage();
    page.on('console', message => {
      // A network that a test took away is complained of by the browser, rightly.
      if (message.type() === 'error' && !/ERR_|WebSocket connection/.test(message.text())) this.problems.push(`${where}: ${message.text()}`);
    });
    page.on('pageerror', error => this.problems.push(`${where}: ${error}`));
    await page.goto(`http://127.0.0.1:${via.port}${where}`);
    await open(page);
    return page;
  }

  /** A network of its own between a browser and the server, which can be taken away. */
  async network() {
    const relay = await Relay.start(this.server);
    this.relays.push(relay);
    return relay;
  }

  /** Desktop and phone, light and dark. `prepare` makes the page worth a picture. */
  async pictures(name, where, prepare = async () => {}, sizes = Object.keys(SIZES)) {
    if (!takesPictures) return;
    await Promise.all(sizes.map(size => [size, SIZES[size]]).flatMap(([size, options]) => ['light', 'dark'].map(async colorScheme => {
      const page = await this.visit(where, { colorScheme, ...options });
      await prepare(page, size);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const isLight = ground.match(/\d+/g).slice(0, 3).every(part => Number(part) > 128);
      assert.equal(isLight, colorScheme === 'light', ground);
      await noWider(page, `${name} on a ${size}`);
      await accessible(page, `${name}, ${size}, ${colorScheme}`);
      await page.screenshot({ path: path.join(ARTIFACTS, `${name}-${size}-${colorScheme}${lanes}.png`) });
      await page.context().close();
    })));
  }
}

/** Waits until the page says that it is connected. */
export const open = page => page.waitForFunction(() => document.body.dataset.connection === 'open', null, { timeout: 15_000 });
/** Waits until it says that it is not. */
export const away = page => page.waitForFunction(() => document.body.dataset.connection !== 'open', null, { timeout: 15_000 });
export const text = (page, selector) => page.locator(selector).first().textContent();
/** Waits until the first element that fits has a text that matches. */
export const shows = (page, selector, pattern, timeout = 10_000) => page.waitForFunction(
  ([css, source]) => new RegExp(source, 's').test([...document.querySelectorAll(css)].map(e => e.textContent).join('\n')), [selector, pattern.source ?? pattern], { timeout });

export async function noWider(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${what} is ${over} pixels wider than the window`);
}

/** What holds for every page: nothing that axe finds wrong (WCAG 2.2 AA and good practice), and a keyboard that leads somewhere. */
export async function basics(page) {
  await accessible(page, page.url());
  // The first stop leads past the bar, and focus can be seen.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#main');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'focus is seen');
}

/** Fails with all that axe finds. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    // What is not current is meant to be faint.
    const result = await globalThis.axe.run({ exclude: [['.is-stale'], ['.pending']] }, { resultTypes: ['violations'] });
    return result.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(node => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join('; ')}`);
  });
  assert.deepEqual(violations, [], what);
}
