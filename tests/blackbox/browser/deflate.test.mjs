// Chromium offers permessage-deflate by itself: with a server that agrees, large values reach a page, and leave it, compressed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stage } from '../lib/pages.mjs';

describe('permessage-deflate in a browser', { timeout: 120_000 }, () => {
  let stage;
  before(async () => { stage = await Stage.start({ set: { 'deflate.enabled': true } }); });
  after(() => stage?.stop());

  const figure = async name => Number(new RegExp(`^keywire_${name} (\\d+)$`, 'm').exec(await (await fetch(stage.server.url('/metrics'))).text())[1]);

  test('what a page writes and what it is shown, both large', async () => {
    const page = await stage.visit('/');
    const [inflated, compressions] = [await figure('inflated_messages_total'), await figure('deflate_compressions_total')];
    const seen = await page.evaluate(async () => {
      const socket = new WebSocket(`ws://${location.host}/ws`, 'keywire.v1.json');
      const frames = [];
      socket.onmessage = ({ data }) => frames.push(JSON.parse(data));
      const until = async condition => { while (!condition()) await new Promise(resolve => setTimeout(resolve, 5)); };
      await until(() => frames.length > 0);
      const value = round => JSON.stringify(Array.from({ length: 2_000 }, (_, i) => ({ id: i, round, name: `row ${i}` })));
      socket.send(JSON.stringify({ id: 1, live: ['GET', 'deflate:browser'] }));
      await until(() => frames.some(frame => frame.id === 1));
      const shown = [];
      for (let round = 1; round <= 3; round += 1) {
        socket.send(JSON.stringify({ id: 1 + round, command: ['SET', 'deflate:browser', value(round)] }));
        await until(() => frames.some(frame => frame.rev && frame.value === value(round)));
        shown.push(value(round).length);
      }
      const { extensions } = socket;
      socket.close();
      return { extensions, shown };
    });
    assert.match(seen.extensions, /^permessage-deflate/);
    assert.ok(seen.shown.length === 3 && seen.shown[0] > 60_000, JSON.stringify(seen));
    assert.ok(await figure('inflated_messages_total') >= inflated + 3, 'what the page wrote came compressed');
    assert.ok(await figure('deflate_compressions_total') >= compressions + 3);
    assert.deepEqual(stage.problems, []);
  });
});
