// A gateway killed under 1,000 clients that all come back at once: what the server is asked, and what the clients are sent.
//
//   node tests/measure/herd.mjs [--clients 1000] [--queries 100] [--changed 10] [--brand redis|valkey]
import { setTimeout as sleep } from 'node:timers/promises';
import { calls, flags, openMany, Quick, report, startBoth, startKeywire } from './lib.mjs';

const { clients: count, queries, changed, brand } = flags({ clients: 1_000, queries: 100, changed: 10, brand: 'redis' });
const both = await startBoth({ brand });
const { topology, admin } = both;
const key = i => `herd:${i}`;
for (let i = 0; i < queries; i += 1) await admin.command('HSET', key(i), 'field', `value ${i}`, 'long', 'x'.repeat(400));
const clients = await openMany(both.server, count);
// Each client watches five of the queries.
const wanted = clients.map((_, number) => Array.from({ length: 5 }, (_, j) => (number * 7 + j * 13) % queries));
const tags = await Promise.all(clients.map(async (client, number) => (await client.requests(wanted[number].map(i => ({ live: ['HGETALL', key(i)] })))).map(({ tag }) => tag)));
await both.server.kill();
await Promise.all(clients.map(({ closed }) => closed));
for (let i = 0; i < changed; i += 1) await admin.command('HSET', key(i), 'field', 'changed while nobody looked');
await admin.command('CONFIG', 'RESETSTAT');
const begun = performance.now();
both.server = await startKeywire(topology, both.server.port);
const ready = performance.now();
const figures = { same: 0, value: 0, wrong: 0, refused: 0 };
await Promise.all(clients.map(async (_, number) => {
  const client = await Quick.open(both.server.wsUrl('/ws'));
  const replies = await client.requests(wanted[number].map((i, j) => ({ live: ['HGETALL', key(i)], have: tags[number][j] })));
  replies.forEach((reply, j) => {
    const is_changed = wanted[number][j] < changed;
    if (reply.error) figures.refused += 1;
    else if (reply.same) { figures.same += 1; if (is_changed) figures.wrong += 1; }
    else { figures.value += 1; if (!is_changed) figures.wrong += 1; }
  });
}));
const took = performance.now() - ready;
await sleep(500);
const asked = await calls(admin);
report('A herd comes back: the gateway is killed under all its clients', [{
  clients: count, feeds: count * 5, 'distinct queries': queries, 'reads by the server (HGETALL)': asked.hgetall ?? 0, 'answered same: true': figures.same, 'answered with the value': figures.value,
  'wrong or refused': figures.wrong + figures.refused, 'gateway ready after ms': Math.round(ready - begun), 'all current after ms': Math.round(took),
}]);
const ok = asked.hgetall === queries && figures.wrong + figures.refused === 0;
console.log(ok ? '\nEach distinct query was read once, and only changed values were sent.' : '\nNOT as promised.');
await both.stop();
process.exit(ok ? 0 : 1);
