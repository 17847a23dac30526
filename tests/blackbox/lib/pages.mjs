// The applications in a real Chromium: opening pages, what holds for every page, and a network that can go away.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { repository, startServer } from './server.mjs';
import { Relay } from './rawsocket.mjs';

export const ARTIFACTS = path.join(repository, 'artifacts');
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
      assert.deepEqual(await page.evaluate(poorContrast), [], `contrast of ${name}, ${size}, ${colorScheme}`);
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

/** What holds for every page, as axe would say it: names, labels, one main part, one first heading, no id twice, keyboard. */
export async function basics(page) {
  const problems = await page.evaluate(() => {
    const found = [];
    const isShown = e => e.checkVisibility({ visibilityProperty: true });
    const nameOf = e => (e.getAttribute('aria-label') ?? (e.getAttribute('aria-labelledby') ?? '').split(' ').map(id => document.getElementById(id)?.textContent ?? '').join(' ').trim()) || [...(e.labels ?? [])].map(l => l.textContent.trim()).join(' ') || (e.matches('input, textarea, select') ? '' : e.textContent.trim());
    for (const e of document.querySelectorAll('a, button, input, textarea, select, canvas, nav, [role=region], [role=img], [role=log], [role=table], [role=group], [role=timer]')) {
      // What is inside a picture is part of it.
      if (isShown(e) && !nameOf(e) && !e.parentElement.closest('[role=img]')) found.push(`no name: ${e.outerHTML.slice(0, 120)}`);
    }
    for (const e of document.querySelectorAll('svg')) if (!e.closest('[aria-hidden=true]') && e.getAttribute('role') !== 'img') found.push(`a picture that is neither hidden nor named: ${e.outerHTML.slice(0, 80)}`);
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    for (const id of new Set(ids)) if (ids.filter(other => other === id).length > 1) found.push(`id twice: ${id}`);
    for (const e of document.querySelectorAll('[aria-labelledby], [for]')) for (const id of (e.getAttribute('aria-labelledby') ?? e.getAttribute('for')).split(' ')) if (!document.getElementById(id)) found.push(`names nothing: ${id}`);
    for (const [css, count] of [['main', 1], ['h1', 1], ['header.bar', 1], ['html[lang]', 1]]) if (document.querySelectorAll(css).length !== count) found.push(`${document.querySelectorAll(css).length} of ${css}`);
    for (const e of document.querySelectorAll('[role=row]')) for (const child of e.children) if (!/cell|header/.test(child.getAttribute('role') ?? '') && child.getAttribute('aria-hidden') !== 'true') found.push(`in a row, not a cell: ${child.outerHTML.slice(0, 80)}`);
    for (const e of document.querySelectorAll('[tabindex]')) if (Number(e.getAttribute('tabindex')) > 0) found.push('a tabindex above 0');
    for (const e of document.querySelectorAll('ul, ol')) for (const child of e.children) if (child.tagName !== 'LI') found.push(`in a list, not an item: ${child.outerHTML.slice(0, 80)}`);
    return found;
  });
  assert.deepEqual(problems, []);
  // The first stop leads past the bar, and focus can be seen.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#main');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'focus is seen');
}

/** Runs in the page: texts whose contrast to their ground is under 4.5 (3 where they are large). */
export function poorContrast() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const c = canvas.getContext('2d', { willReadFrequently: true });
  const rgba = colour => { c.clearRect(0, 0, 1, 1); c.fillStyle = colour; c.fillRect(0, 0, 1, 1); const [r, g, b, a] = c.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
  const groundOf = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const layer = rgba(getComputedStyle(e).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] >= 0.999) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const luminance = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    // What fades away or is not current is meant to be faint; what is being animated is so for a moment.
    if (!node.textContent.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest('.is-stale, .pending, .hidden, .skip, noscript, dialog:not([open])') || element.getAnimations().length > 0) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const [a, b] = [luminance(over(rgba(style.color), ground)), luminance(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) poor.add(`${ratio.toFixed(2)} ${element.tagName.toLowerCase()}.${element.className} "${node.textContent.trim().slice(0, 30)}"`);
  }
  return [...poor];
}
