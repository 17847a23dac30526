// The monitoring: figures of this very machine, thresholds that all share, figures that are old and say so.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { until } from '../lib/client.mjs';
import { Stage, away, basics, open, shows, text } from '../lib/pages.mjs';
import { binary } from '../lib/server.mjs';

describe('monitoring', { timeout: 120_000 }, () => {
  let stage, server, host;
  before(async () => {
    stage = await Stage.start();
    ({ server } = stage);
    host = await until(async () => (await server.command('ZRANGE', 'demo:monitoring:hosts', '0', '-1'))[0], 'a host');
  });
  after(() => stage?.stop());

  test('the figures are those of this machine, and move', async () => {
    const page = await stage.visit('/monitoring/');
    await shows(page, '#figure-memory', /^\d+ %/);
    const figures = await server.command('HGETALL', `demo:monitoring:${host}`);
    assert.ok(Math.abs(Number(figures.memory_total_bytes) - totalmem()) < totalmem() * 0.02, `${figures.memory_total_bytes} of ${totalmem()}`);
    assert.ok(Number(figures.cpu_percent) >= 0 && Number(figures.cpu_percent) <= 100);
    assert.ok(Number(figures.gateway_memory_bytes) > 1e6);
    await until(async () => Number(await server.command('HGET', `demo:monitoring:${host}`, 'gateway_connections')) >= 1, 'this page to be counted');
    await until(async () => (await server.command('XLEN', `demo:monitoring:${host}:1s`)) >= 3, 'history');
    assert.ok(await page.locator('.processes tbody tr').count() >= 3);
    assert.equal(await page.locator('.chart canvas').count(), 4);
    await shows(page, '.gateway', /Commands\/s/);
    const busy = (async () => { for (const end = Date.now() + 3_000; Date.now() < end;) { for (const stop = Date.now() + 40; Date.now() < stop;); await new Promise(setImmediate); } })();
    await until(async () => Number((await server.command('HGETALL', `demo:monitoring:${host}`)).cpu_percent) > 30, 'a busy processor to show', 6_000);
    await busy;
    await page.context().close();
  });

  test('a threshold that one sets turns red on both screens, and back', async () => {
    const [ada, bob] = [await stage.visit('/monitoring/'), await stage.visit('/monitoring/')];
    await shows(ada, '#figure-memory', /^\d+ %/);
    await server.command('HSET', 'demo:monitoring:thresholds', 'memory', '95');
    await ada.waitForFunction(() => document.querySelector('#limit-memory').value === '95');
    for (const page of [ada, bob]) assert.doesNotMatch(await page.locator('#tile-memory').getAttribute('class'), /over/);
    await server.command('HSET', 'demo:monitoring:thresholds', 'disk', '100');
    await ada.fill('#limit-memory', '0.001');
    await ada.press('#limit-memory', 'Tab');
    for (const page of [ada, bob]) await page.waitForSelector('#tile-memory.over');
    assert.equal(await server.command('HGET', 'demo:monitoring:thresholds', 'memory'), '0.001');
    await bob.fill('#limit-memory', '95');
    await bob.press('#limit-memory', 'Tab');
    for (const page of [ada, bob]) await page.waitForSelector('#tile-memory:not(.over)');
    await Promise.all([ada.context().close(), bob.context().close()]);
  });

  test('a collector of another machine: its host can be chosen, and when it ends its figures turn grey', async () => {
    const collector = spawn(binary, ['collect', '--url', server.origin, '--name', 'web-1'], { stdio: 'ignore' });
    try {
      const page = await stage.visit('/monitoring/');
      await page.waitForSelector('#host');
      await page.selectOption('#host', 'web-1');
      await shows(page, '#figure-memory', /^[1-9]\d* %/);
      assert.equal(await page.locator('.tiles.is-stale').count(), 0);
      const limits = await server.command('PTTL', 'demo:monitoring:web-1:alive');
      assert.ok(limits > 0 && limits <= 4_000, `${limits}`);
      collector.kill('SIGTERM');
      await once(collector, 'exit');
      await page.waitForSelector('.tiles.is-stale', { timeout: 8_000 });
      await shows(page, '#collected', /collector is silent/);
      assert.match(await text(page, '#figure-memory'), /^[1-9]\d* %/, 'the last figures stay');
      await page.context().close();
    } finally {
      collector.kill('SIGKILL');
    }
  });

  test('a collector whose server is away says so once, and goes on when it is back', async () => {
    const network = await stage.network();
    network.down();
    const collector = spawn(binary, ['collect', '--url', `http://127.0.0.1:${network.port}`, '--name', 'patient'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    collector.stderr.on('data', chunk => { said += chunk; });
    try {
      await until(() => said.includes('trying on'), 'the collector to complain');
      await new Promise(resolve => setTimeout(resolve, 1_500));
      assert.equal(said.match(/trying on/g).length, 1, said);
      network.up();
      await until(() => server.command('GET', 'demo:monitoring:patient:alive'), 'figures');
    } finally {
      collector.kill('SIGKILL');
    }
  });

  test('the network goes: figures turn grey, and come back', async () => {
    const network = await stage.network();
    const page = await stage.visit('/monitoring/', { via: network });
    await shows(page, '#figure-memory', /^\d+ %/);
    network.down();
    await away(page);
    await page.waitForSelector('.tiles.is-stale');
    await shows(page, '#collected', /last figures/);
    network.up();
    await open(page);
    await page.waitForSelector('.tiles:not(.is-stale)');
    await page.context().close();
  });

  test('dragging over a chart zooms all of them; a click leads back', async () => {
    const page = await stage.visit('/monitoring/');
    await until(async () => (await server.command('XLEN', `demo:monitoring:${host}:1s`)) >= 3, 'history');
    await page.waitForTimeout(300);
    const box = await page.locator('.chart .u-over').first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    await page.click('#unzoom');
    await page.waitForFunction(() => !document.querySelector('#unzoom'));
    await page.click('text=15 min');
    assert.equal(await page.locator('button[aria-pressed=true]').textContent(), '15 min');
    await page.context().close();
  });

  test('labels, roles, keyboard, pictures', async () => {
    const page = await stage.visit('/monitoring/');
    await shows(page, '#figure-memory', /^\d+ %/);
    await basics(page);
    await page.context().close();
    await stage.pictures('monitoring', '/monitoring/', page => shows(page, '.processes', /MiB/));
  });

  test('nothing was against the content security policy, and no error was logged', () => assert.deepEqual(stage.problems, []));
});
