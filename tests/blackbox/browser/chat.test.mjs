// The chat: two people in two browsers, presence that expires, unread marks, a network that goes and comes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../lib/client.mjs';
import { ARTIFACTS, Stage, away, basics, open, shows, text } from '../lib/pages.mjs';
import { repository, startServer } from '../lib/server.mjs';

describe('chat', { timeout: 120_000 }, () => {
  let stage, server;
  before(async () => { stage = await Stage.start(); ({ server } = stage); });
  after(() => stage?.stop());
  const say = async (page, line) => { await page.fill('#text', line); await page.press('#text', 'Enter'); };
  const rename = async (page, name) => { await page.fill('#name', name); await page.press('#name', 'Enter'); await page.press('#name', 'Tab'); };

  test('one writes and types, the other sees it; who comes and goes is seen', async () => {
    const [ada, bob] = [await stage.visit('/chat/'), await stage.visit('/chat/')];
    await rename(ada, 'Ada');
    await rename(bob, 'Bob');
    await shows(ada, '#people', /Bob/);
    await shows(bob, '#people', /Ada/);
    await bob.locator('#text').pressSequentially('Hel');
    await shows(ada, '.typing', /Bob is typing/);
    await say(bob, 'Hello from Bob');
    await shows(ada, '.log', /Bob.*Hello from Bob/);
    assert.equal(await bob.inputValue('#text'), '', 'a sent line leaves the field');
    assert.equal(await bob.locator('.message.mine .text').count(), 1, 'one own line, not the sent one and the one that came back');
    await ada.waitForFunction(() => !/typing/.test(document.querySelector('.typing').textContent));
    await bob.context().close();
    await ada.waitForFunction(() => !/Bob/.test(document.querySelector('#people').textContent), null, { timeout: 16_000 });
    await ada.context().close();
  });

  test('unread marks: there until the room is opened, then on no screen of the same person', async () => {
    const ada = await stage.visit('/chat/#lobby');
    await ada.click('a[href="#ideas"]');
    await ada.click('a[href="#lobby"]');
    await ada.waitForFunction(() => !document.querySelector('a[href="#ideas"] .badge'));
    await server.post([['XADD', 'demo:chat:room:ideas', '*', 'user', 'shell', 'name', 'shell', 'text', 'one'], ['HINCRBY', 'demo:chat:counts', 'ideas', '1']]);
    await shows(ada, 'a[href="#ideas"] .badge', /^1$/);
    await ada.waitForFunction(() => document.title.startsWith('(1') || /^\(\d/.test(document.title));
    const second = await stage.visit('/chat/#lobby', { context: ada.context() });
    await shows(second, 'a[href="#ideas"] .badge', /^1$/);
    await second.click('a[href="#ideas"]');
    await shows(second, '.divider.new', /New/);
    await ada.waitForFunction(() => !document.querySelector('a[href="#ideas"] .badge'));
    await ada.context().close();
  });

  test('a room that one opens is there for the other', async () => {
    const [ada, bob] = [await stage.visit('/chat/'), await stage.visit('/chat/')];
    await ada.fill('#new-room', 'Our Garden!');
    await ada.press('#new-room', 'Enter');
    await shows(ada, '#room-title', /our-garden/);
    await bob.click('a[href="#our-garden"]');
    await say(bob, 'green');
    await shows(ada, '.log', /green/);
    await Promise.all([ada.context().close(), bob.context().close()]);
  });

  test('on a phone, who is here and one\'s own name are a touch away, and Escape leads back', async () => {
    const page = await stage.visit('/chat/', { viewport: { width: 390, height: 844 } });
    const bob = await stage.visit('/chat/');
    await rename(bob, 'Bob');
    assert.equal(await page.locator('#people-panel').isVisible(), false);
    await page.locator('.room .narrow').press('Enter');
    await shows(page, '#people', /Bob/);
    await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Back to the room');
    await page.screenshot({ path: `${ARTIFACTS}/chat-people-phone.png` });
    await rename(page, 'Ada');
    await shows(bob, '#people', /Ada/);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement.classList.contains('narrow'));
    assert.equal(await page.locator('#people-panel').isVisible(), false);
    await Promise.all([page.context().close(), bob.context().close()]);
  });

  test('there are at most forty rooms, and it is said', async () => {
    const page = await stage.visit('/chat/');
    await page.waitForSelector('#new-room');
    const names = Array.from({ length: 37 }, (_, n) => `room-${n}`);
    await server.post(names.map(name => ['HSET', 'demo:chat:counts', name, '0']));
    await shows(page, '#full', /All 40 rooms are taken/);
    assert.equal(await page.locator('#new-room').count(), 0);
    await server.command('HDEL', 'demo:chat:counts', ...names);
    await page.waitForSelector('#new-room');
    await page.context().close();
  });

  test('what is kept of people and rooms is not kept for ever', async () => {
    const page = await stage.visit('/chat/#ideas');
    await say(page, 'for a week');
    await shows(page, '.log', /for a week/);
    const id = await page.evaluate(() => JSON.parse(localStorage.getItem('keywire-me')).id);
    await until(async () => await server.command('TTL', `demo:chat:read:${id}`) > 29 * 86_400, 'read marks that expire');
    const ttl = await server.command('TTL', 'demo:chat:room:ideas');
    assert.ok(ttl > 6 * 86_400 && ttl <= 7 * 86_400, `${ttl}`);
    await page.context().close();
  });

  test('the network goes: it is said, what is written waits, and afterwards nothing is missing and nothing there twice', async () => {
    const network = await stage.network();
    const [ada, bob] = [await stage.visit('/chat/', { via: network }), await stage.visit('/chat/')];
    await say(bob, 'before');
    await shows(ada, '.log', /before/);
    network.down();
    await away(ada);
    await shows(ada, '.under .notice', /Offline/);
    await say(bob, 'meanwhile');
    await say(ada, 'written in a tunnel');
    await shows(ada, '.message.pending', /written in a tunnel/);
    network.up();
    await open(ada);
    for (const page of [ada, bob]) await shows(page, '.log', /written in a tunnel/);
    await shows(ada, '.log', /meanwhile/);
    await ada.waitForFunction(() => !document.querySelector('.message.pending'));
    for (const line of ['before', 'meanwhile', 'written in a tunnel']) {
      assert.equal((await ada.locator('.message .text').allTextContents()).filter(other => other === line).length, 1, line);
    }
    await Promise.all([ada.context().close(), bob.context().close()]);
  });

  test('a server that is started anew: reconnecting, then live, and the room goes on', async () => {
    const own = await Stage.start();
    try {
      const page = await own.visit('/chat/');
      await say(page, 'before the restart');
      // Not only written, but in the room.
      await shows(page, '.message:not(.pending) .text', /before the restart/);
      await own.server.kill();
      await away(page);
      await shows(page, '#connection', /reconnecting|connecting/);
      own.server = await startServer({ subcommand: 'demo', port: own.server.port });
      await page.waitForFunction(() => document.body.dataset.connection === 'open', null, { timeout: 30_000 });
      await shows(page, '.log', /Welcome/);
      // What the room does not hold any more is not shown.
      await page.waitForFunction(() => !/before the restart/.test(document.querySelector('.log').textContent));
      assert.equal((await page.locator('.message .text').allTextContents()).filter(line => line.startsWith('Welcome')).length, 1);
      await say(page, 'after the restart');
      await shows(page, '.log', /after the restart/);
      // What was sent before is not taken for unsent.
      await page.waitForFunction(() => !document.querySelector('.message.pending'));
      assert.equal((await page.locator('.message .text').allTextContents()).filter(line => line === 'after the restart').length, 1);
    } finally {
      await own.stop();
    }
  });

  test('what is written is text, never markup', async () => {
    const page = await stage.visit('/chat/');
    const nasty = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>';
    await server.command('XADD', 'demo:chat:room:lobby', '*', 'user', nasty, 'name', nasty, 'hue', 'red;}', 'text', nasty, 'key', nasty);
    await shows(page, '.log', /onerror/);
    assert.equal(await page.locator('.log img, .log b').count(), 0);
    assert.doesNotMatch(await page.title(), /owned/);
    await page.context().close();
  });

  test('the code that is shown is the code that runs', async () => {
    const page = await stage.visit('/chat/');
    await page.click('#code');
    const shown = await text(page, 'dialog .code');
    assert.equal(shown.trim(), readFileSync(path.join(repository, 'examples/chat/live.ts'), 'utf8').trim());
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('dialog[open]').count(), 0);
    await page.context().close();
  });

  test('labels, roles, keyboard, pictures', async () => {
    const page = await stage.visit('/chat/');
    await basics(page);
    await page.context().close();
    await stage.pictures('chat', '/chat/', async page => { await say(page, `A line in ${await page.evaluate(() => innerWidth)} pixels`); await shows(page, '.log', /A line/); await page.waitForTimeout(300); });
  });

  test('nothing was against the content security policy, and no error was logged', () => assert.deepEqual(stage.problems, []));
});
