// How smooth the quotes are, as Chromium's own tracing measures it: `node measure/quotes.mjs [SECONDS]`, with KEYWIRE the
// release binary. Frames are those of a page that is scrolled all the time, at 2,000 updates a second.
import { Stage } from '../lib/pages.mjs';

const seconds = Number(process.argv[2] ?? 15);
const stage = await Stage.start();
try {
  const page = await stage.visit('/quotes/');
  await page.waitForSelector('.level.bid');
  const heap = async () => {
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize / 2 ** 20;
  };
  await page.waitForTimeout(2_000);
  const before = await heap();
  // Tracing keeps every event: a long run is traced at its end only.
  await page.waitForTimeout(Math.max(0, seconds - 20) * 1_000);
  const traced = Math.min(seconds, 20);
  await stage.browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'] });
  const intervals = await page.evaluate(ms => new Promise(resolve => {
    const scroller = document.querySelector('.scroller');
    const found = [];
    let last = performance.now();
    const end = last + ms;
    const frame = now => {
      found.push(now - last);
      last = now;
      scroller.scrollTop = (scroller.scrollTop + 6) % (scroller.scrollHeight - scroller.clientHeight - 10);
      if (now < end) requestAnimationFrame(frame); else resolve(found.slice(1));
    };
    requestAnimationFrame(frame);
  }), traced * 1_000);
  const { traceEvents } = JSON.parse(await stage.browser.stopTracing());
  const after = await heap();
  const main = traceEvents.find(event => event.name === 'FunctionCall' || event.name === 'FireAnimationFrame');
  const own = traceEvents.filter(event => event.pid === main.pid && event.tid === main.tid && event.ph === 'X');
  const tasks = own.filter(event => event.name === 'RunTask').sort((a, b) => a.ts - b.ts);
  // A frame begins with the task that draws it, in which several callbacks may run, and ends where the next begins.
  const callbacks = own.filter(event => event.name === 'FireAnimationFrame').map(event => event.ts).sort((a, b) => a - b);
  const frames = [];
  for (const task of tasks) {
    let draws = false;
    while (callbacks.length > 0 && callbacks[0] < task.ts + task.dur) draws = callbacks.shift() >= task.ts || draws;
    if (draws) frames.push(task.ts);
  }
  const work = new Array(frames.length).fill(0);
  let at = 0;
  for (const task of tasks) {
    while (at + 1 < frames.length && frames[at + 1] <= task.ts) at += 1;
    if (frames[0] <= task.ts) work[at] += (task.tdur ?? task.dur) / 1_000;
  }
  const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * q)].toFixed(1);
  console.log(`frames                 ${intervals.length} in ${traced} s`);
  console.log(`frame interval         p50 ${quantile(intervals, 0.5)} ms, p95 ${quantile(intervals, 0.95)} ms, over 25 ms ${(100 * intervals.filter(ms => ms > 25).length / intervals.length).toFixed(1)} %`);
  console.log(`main thread per frame  p50 ${quantile(work, 0.5)} ms, p95 ${quantile(work, 0.95)} ms (CPU time of ${tasks.length} tasks)`);
  console.log(`heap                   ${before.toFixed(1)} MiB, after ${seconds} s ${after.toFixed(1)} MiB`);
} finally {
  await stage.stop();
}
