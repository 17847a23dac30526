// The quotes: 500 of them moving, few rows in the page, a watch list on all screens, an order book while somebody looks.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../lib/client.mjs';
import { Stage, away, basics, open, shows, text } from '../lib/pages.mjs';

describe('quotes', { timeout: 120_000 }, () => {
  let stage, server;
  before(async () => { stage = await Stage.start(); ({ server } = stage); });
  after(() => stage?.stop());
  const rows = '.row[data-symbol]';
  const ready = page => page.waitForSelector(rows);

  test('2,000 updates a second are written, each by a command', async () => {
    const commands = async () => Number(/commands_processed:(\d+)/.exec(await server.command('INFO'))[1]);
    const [before, begun] = [await commands(), performance.now()];
    await new Promise(resolve => setTimeout(resolve, 3_000));
    const rate = (await commands() - before) / (performance.now() - begun) * 1_000;
    assert.ok(rate > 1_500 && rate < 2_400, `${rate.toFixed(0)} a second`);
  });

  test('a store that is emptied is filled again', async () => {
    await server.command('DEL', 'demo:quotes', 'demo:quotes:names', 'demo:arena:players', 'demo:chat:counts');
    await until(async () => await server.command('HLEN', 'demo:quotes:names') === 500 && await server.command('HLEN', 'demo:quotes') === 500, 'the market');
    await until(async () => await server.command('HLEN', 'demo:arena:players') === 5, 'the bots', 6_000);
    await until(async () => await server.command('HLEN', 'demo:chat:counts') === 3, 'the rooms', 8_000);
  });

  test('prices move; the page holds only the rows in view; the end can be reached', async () => {
    const page = await stage.visit('/quotes/');
    await ready(page);
    const prices = await page.locator(`${rows} .price`).allTextContents();
    await page.waitForFunction(was => [...document.querySelectorAll('.row[data-symbol] .price')].filter((e, n) => e.textContent !== was[n]).length > 5, prices);
    assert.ok(prices.length >= 15 && prices.length < 60, `${prices.length} rows`);
    assert.equal(await page.locator('.table').getAttribute('aria-rowcount'), '501');
    await page.click('#sort-symbol');
    await shows(page, rows, /AMAI/);
    await page.locator('.scroller').evaluate(element => { element.scrollTop = element.scrollHeight; });
    await shows(page, rows, /YAWO/);
    assert.ok(await page.locator(rows).count() < 60);
    await page.context().close();
  });

  test('sorting, searching, the keyboard', async () => {
    const page = await stage.visit('/quotes/');
    await ready(page);
    await page.click('#sort-price');
    await page.waitForFunction(() => document.querySelector('[aria-sort=descending]')?.textContent.includes('Price'));
    const order = () => page.evaluate(() => [...document.querySelectorAll('.row[data-symbol]')].map(e => [Number(e.ariaRowIndex), Number(e.querySelector('.price').textContent)]).sort((a, b) => a[0] - b[0]).map(([, price]) => price));
    const prices = await order();
    // Prices go on moving between two sortings.
    for (let n = 1; n < prices.length; n += 1) assert.ok(prices[n] <= prices[n - 1] * 1.02, `${prices}`);
    await page.fill('#search', 'juniper net');
    await page.waitForFunction(() => document.querySelectorAll('.row[data-symbol]').length === 1);
    assert.match(await text(page, rows), /^JUNEJuniper Networks/);
    await page.fill('#search', 'no such');
    await shows(page, '.none', /Nothing is called so/);
    await page.fill('#search', '');
    await ready(page);
    await page.click('#sort-symbol');
    await page.waitForFunction(() => document.querySelector('[aria-sort=ascending]')?.textContent.includes('Symbol'));
    await page.locator('.scroller').focus();
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('ArrowDown');
    const chosen = await text(page, '.row.chosen .symbol b');
    await shows(page, '#book-title', new RegExp(`^${chosen}$`));
    await page.context().close();
  });

  test('a watch list is on all screens of its owner, and on nobody else\'s', async () => {
    const ada = await stage.visit('/quotes/');
    const second = await stage.visit('/quotes/', { context: ada.context() });
    const bob = await stage.visit('/quotes/');
    for (const page of [ada, second, bob]) await ready(page);
    await ada.fill('#search', 'JUNE');
    await ada.click('[data-symbol=JUNE] .star');
    await shows(second, '#watched', /1/);
    await second.click('#watched');
    await second.waitForFunction(() => document.querySelectorAll('.row[data-symbol]').length === 1);
    assert.match(await text(bob, '#watched'), /0/);
    await second.click('[data-symbol=JUNE] .star');
    await shows(second, '.none', /Nothing watched yet/);
    await shows(ada, '#watched', /0/);
    await Promise.all([ada.context().close(), bob.context().close()]);
  });

  test('the order book: bids under asks, it moves, and it is kept only while somebody looks', async () => {
    const page = await stage.visit('/quotes/#MEDA');
    await shows(page, '#book-title', /^MEDA$/);
    await page.waitForSelector('.level.bid');
    const levels = () => page.evaluate(() => ['bid', 'ask'].map(side => [...document.querySelectorAll(`.level.${side}`)].map(e => Number(e.children[2].textContent))));
    const [bids, asks] = await levels();
    assert.ok(bids.length >= 5 && asks.length >= 5);
    assert.ok(Math.max(...bids) < Math.min(...asks), `${bids} | ${asks}`);
    assert.deepEqual(bids, [...bids].sort((a, b) => b - a));
    const depth = await text(page, '.depth');
    await page.waitForFunction(was => document.querySelector('.depth').textContent !== was, depth);
    assert.ok(await server.command('TTL', 'demo:quotes:wanted:MEDA') <= 8);
    await page.context().close();
    await server.command('DEL', 'demo:quotes:wanted:MEDA');
    await until(async () => await server.command('EXISTS', 'demo:quotes:book:MEDA:bids', 'demo:quotes:book:MEDA:asks') === 0, 'the book to be closed');
  });

  test('the network goes: prices turn grey and stay, then move again', async () => {
    const network = await stage.network();
    const page = await stage.visit('/quotes/', { via: network });
    await ready(page);
    network.down();
    await away(page);
    await page.waitForSelector('.scroller.is-stale');
    await shows(page, '#stale', /last prices/);
    assert.ok(await page.locator(rows).count() >= 15);
    network.up();
    await open(page);
    await page.waitForSelector('.scroller:not(.is-stale)');
    const prices = await page.locator(`${rows} .price`).allTextContents();
    await page.waitForFunction(was => [...document.querySelectorAll('.row[data-symbol] .price')].filter((e, n) => e.textContent !== was[n]).length > 5, prices);
    await page.context().close();
  });

  test('labels, roles, keyboard, pictures', async () => {
    const page = await stage.visit('/quotes/');
    await ready(page);
    await basics(page);
    await page.context().close();
    await stage.pictures('quotes', '/quotes/', async page => { await ready(page); await page.waitForTimeout(700); });
    await stage.pictures('quotes-book', '/quotes/#JUNE', async page => { await page.waitForSelector('.level.bid'); }, ['phone']);
  });

  test('nothing was against the content security policy, and no error was logged', () => assert.deepEqual(stage.problems, []));
});
