// The arena: two people and the bots, gems that one of all gets, a place that is kept.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../lib/client.mjs';
import { Stage, away, basics, open, shows, text } from '../lib/pages.mjs';

describe('arena', { timeout: 120_000 }, () => {
  let stage, server;
  before(async () => { stage = await Stage.start(); ({ server } = stage); });
  after(() => stage?.stop());
  const me = page => page.evaluate(() => JSON.parse(localStorage.getItem('keywire-me')).id);
  const position = async id => (await server.command('HGET', 'demo:arena:positions', id))?.split(',').map(Number);
  const score = async id => Number(await server.command('ZSCORE', 'demo:arena:scores', id));
  /** A place where no bot is near. */
  const quiet = async () => {
    const places = Object.entries(await server.command('HGETALL', 'demo:arena:positions')).filter(([id]) => id.startsWith('bot')).map(([, place]) => place.split(',').map(Number));
    const spots = [[100, 100], [1500, 100], [100, 800], [1500, 800], [800, 450]];
    return spots.map(([x, y]) => ({ x, y, far: Math.min(...places.map(([px, py]) => Math.hypot(px - x, py - y))) })).sort((a, b) => b.far - a.far)[0];
  };

  test('bots fly and take gems, so that nobody is alone', async () => {
    const page = await stage.visit('/game/');
    await page.waitForFunction(() => (document.querySelector('#arena').dataset.ships ?? '').split(' ').filter(id => id.startsWith('bot')).length === 5);
    const before = await server.command('HGETALL', 'demo:arena:positions');
    await until(async () => Object.entries(await server.command('HGETALL', 'demo:arena:positions')).filter(([id, place]) => id.startsWith('bot') && place !== before[id]).length === 5, 'five bots to move');
    await until(async () => Number((await server.command('ZRANGE', 'demo:arena:scores', '0', '0', 'REV', 'WITHSCORES'))[0]?.[1]) > 0, 'a bot to score', 20_000);
    await shows(page, '#scores', /bot[1-9]/);
    assert.match(await text(page, '.clock'), /Round \d+[0-2]:\d\d/);
    await page.context().close();
  });

  test('one flies, the other sees the ship; a gem is taken by one and counted on both screens', async () => {
    const [ada, bob] = [await stage.visit('/game/'), await stage.visit('/game/')];
    const [a, b] = [await me(ada), await me(bob)];
    await bob.waitForFunction(id => document.querySelector('#arena').dataset.ships?.includes(id), a);
    await ada.locator('#arena').focus();
    await ada.keyboard.down('ArrowUp');
    await until(() => position(a), 'a first place');
    const [x, y] = await position(a);
    await until(async () => { const [nx, ny] = await position(a); return Math.hypot(nx - x, ny - y) > 40; }, 'the ship to move');
    await ada.keyboard.up('ArrowUp');
    const worth = 700;
    // Ahead of the ship, and too much of it for a bot to have got elsewhere.
    await ada.waitForTimeout(700);
    const [gx, gy] = await position(a);
    await server.command('HSET', 'demo:arena:gems', 'test', `${gx},${gy},${worth}`);
    await until(async () => await server.command('HEXISTS', 'demo:arena:gems', 'test') === 0, 'the gem to be taken');
    const all = async () => (await server.command('ZRANGE', 'demo:arena:scores', '0', '-1', 'WITHSCORES')).filter(([, points]) => points >= worth);
    await until(async () => (await all()).length > 0, 'the points');
    const best = await all();
    assert.equal(best.length, 1, `one has it: ${JSON.stringify(best)}`);
    for (const page of [ada, bob]) await page.waitForFunction(id => Number(document.querySelector(`[data-player="${id}"] .score`)?.textContent) >= 700, best[0][0]);
    assert.equal(await score(b) + await score(a) < 2 * worth, true);
    await Promise.all([ada.context().close(), bob.context().close()]);
  });

  test('the network goes: it is said, the ship flies on, and its place is written again afterwards', async () => {
    const network = await stage.network();
    const page = await stage.visit('/game/', { via: network });
    const id = await me(page);
    await page.locator('#arena').focus();
    await page.keyboard.press('ArrowUp');
    await until(() => position(id), 'a first place');
    network.down();
    await away(page);
    await shows(page, '#away', /place is kept/);
    const before = await position(id);
    await page.keyboard.down('ArrowUp');
    await page.waitForTimeout(500);
    await page.keyboard.up('ArrowUp');
    assert.deepEqual(await position(id), before, 'nothing was written meanwhile');
    network.up();
    await open(page);
    await until(async () => { const [x, y] = await position(id); return Math.hypot(x - before[0], y - before[1]) > 20; }, 'the place it flew to');
    await page.context().close();
  });

  test('who comes back, after the page was gone, is where they were', async () => {
    const page = await stage.visit('/game/');
    const id = await me(page);
    const { x, y } = await quiet();
    await until(() => position(id), 'a first place');
    await page.goto('about:blank');
    await server.command('HSET', 'demo:arena:positions', id, `${x},${y},1.00`);
    await page.goto(`${server.origin}/game/`);
    await open(page);
    await page.waitForTimeout(600);
    assert.deepEqual(await position(id), [x, y, 1]);
    await page.locator('#arena').focus();
    await page.keyboard.down('ArrowUp');
    await until(async () => { const [nx, ny] = await position(id); return (nx !== x || ny !== y) && Math.hypot(nx - x, ny - y) < 200; }, 'to go on from there');
    await page.keyboard.up('ArrowUp');
    await page.context().close();
  });

  test('a round ends: its winner is named, everybody begins at nought', async () => {
    const page = await stage.visit('/game/');
    await server.post([['HSET', 'demo:arena:players', 'ghost', '{"name":"Ghost","hue":1}'], ['ZADD', 'demo:arena:scores', '9999', 'ghost']]);
    await shows(page, '[data-player=ghost]', /Ghostaway9999/);
    await server.command('DEL', 'demo:arena:round');
    await shows(page, '.winners', /Ghost9999/);
    await page.waitForFunction(() => !document.querySelector('[data-player=ghost]'));
    await shows(page, '.clock', /[12]:\d\d/);
    assert.ok(await server.command('TTL', 'demo:arena:round') > 100);
    await page.context().close();
  });

  test('labels, roles, keyboard, pictures', async () => {
    const page = await stage.visit('/game/');
    await basics(page);
    await page.context().close();
    await stage.pictures('game', '/game/', async page => { await page.waitForFunction(() => document.querySelector('#arena').dataset.ships?.includes('bot')); await page.waitForTimeout(600); });
  });

  test('nothing was against the content security policy, and no error was logged', () => assert.deepEqual(stage.problems, []));
});
