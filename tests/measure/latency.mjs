// From a write on a persistent connection to the frame at a WebSocket client, at low load, beside what the server itself takes:
// a bare pub/sub subscriber and a GET round trip, one after the other in the same run and the same process.
//
//   node tests/measure/latency.mjs [--rounds 3000] [--pause 3] [--brand redis|valkey]
import { setTimeout as sleep } from 'node:timers/promises';
import { flags, percentile, report, startBoth, Quick } from './lib.mjs';

const { rounds, pause, brand } = flags({ rounds: 3_000, pause: 3, brand: 'redis' });
const both = await startBoth({ brand });
const { server, node } = both;
const writer = await node.client();
let heard;
const subscriber = await node.client({ pushes: () => heard?.() });
// The confirmation of SUBSCRIBE is a push as well.
await new Promise(resolve => { heard = resolve; subscriber.send('SUBSCRIBE', 'bare').catch(() => {}); });
const client = await Quick.open(server.wsUrl('/ws'));
await client.request({ live: ['GET', 'latency:key'], every: 0 });
await client.request({ subscribe: 'through' });

const arrival = begin => new Promise(resolve => {
  const timer = setTimeout(() => resolve(NaN), 2_000);
  begin(() => { clearTimeout(timer); resolve(performance.now()); });
});
const legs = {
  'live: SET → frame': async i => { const from = performance.now(); const at = arrival(done => { client.onFeed = done; }); writer.send('SET', 'latency:key', `value ${i}`).catch(() => {}); return await at - from; },
  'channel: PUBLISH → frame': async i => { const from = performance.now(); const at = arrival(done => { client.onFeed = done; }); writer.send('PUBLISH', 'through', `message ${i}`).catch(() => {}); return await at - from; },
  'bare subscriber: PUBLISH → message': async i => { const from = performance.now(); const at = arrival(done => { heard = done; }); writer.send('PUBLISH', 'bare', `message ${i}`).catch(() => {}); return await at - from; },
  'GET round trip': async () => { const from = performance.now(); await writer.send('GET', 'latency:key'); return performance.now() - from; },
};
const times = Object.fromEntries(Object.keys(legs).map(name => [name, []]));
for (let i = -200; i < rounds; i += 1) {
  for (const [name, leg] of Object.entries(legs)) {
    const took = await leg(i);
    if (i >= 0) times[name].push(took);
    await sleep(pause);
  }
}
const lost = Object.values(times).flat().filter(Number.isNaN).length;
if (lost > 0) throw new Error(`${lost} did not come within 2 s`);
for (const list of Object.values(times)) list.sort((a, b) => a - b);
const p50 = name => percentile(times[name], 0.5);
const floor = p50('bare subscriber: PUBLISH → message') + p50('GET round trip');
report(`Latency at low load, ${rounds} of each in turn`, [...Object.entries(times).map(([name, list]) => ({
  what: name, 'p50 µs': Math.round(percentile(list, 0.5) * 1_000), 'p99 µs': Math.round(percentile(list, 0.99) * 1_000), 'p50 to (bare subscriber + GET)': (percentile(list, 0.5) / floor).toFixed(2),
})), { what: 'bare subscriber + GET', 'p50 µs': Math.round(floor * 1_000), 'p99 µs': '', 'p50 to (bare subscriber + GET)': '1' }]);
writer.end();
subscriber.end();
await both.stop();
process.exit(0);
