// What watching costs the server: its CPU per SET under redis-benchmark, without watchers, with 1 % of 1,000,000 keys watched
// at every:100, and with every written key watched. Rounds alternate, so that the machine's moods meet all alike.
//
//   node tests/measure/watched.mjs [--keys 1000000] [--sets 2000000] [--all 100000] [--rounds 3] [--brand redis|valkey]
import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark, calls, cpu, flags, median, openMany, report, startBoth } from './lib.mjs';

const { keys, sets, all, rounds, brand } = flags({ keys: 1_000_000, sets: 2_000_000, all: 100_000, rounds: 3, brand: 'redis' });
const both = await startBoth({ brand });
const { server, admin, node } = both;
const name = i => `key:${String(i).padStart(12, '0')}`;

/** Watches these keys, divided among some clients; returns how to end it. */
async function watch(names) {
  if (names.length === 0) return async () => {};
  const clients = await openMany(server, 20);
  await Promise.all(clients.map(async (client, part) => {
    const replies = await client.requests(names.filter((_, i) => i % clients.length === part).map(key => ({ live: ['GET', key], every: 100 })));
    const refused = replies.find(({ error }) => error);
    if (refused) throw new Error(JSON.stringify(refused));
  }));
  return async () => {
    await Promise.all(clients.map(client => { client.socket.terminate(); return client.closed; }));
    await sleep(1_000);
  };
}

async function measured(range) {
  const [begun, asked] = [await cpu(admin), await calls(admin)];
  const rate = await benchmark(node.port, ['-t', 'set', '-r', range, '-n', sets, '-P', 16, '-c', 50]);
  const [ended, now] = [await cpu(admin), await calls(admin)];
  return { us: (ended - begun) / sets * 1e6, rate, reads: (now.get ?? 0) - (asked.get ?? 0) };
}

const cases = [
  ['no watchers', keys, []],
  [`1 % of ${keys} keys watched at every:100`, keys, Array.from({ length: Math.floor(keys / 100) }, (_, i) => name(i * 100))],
  [`no watchers, ${all} keys written`, all, []],
  [`all ${all} written keys watched at every:100`, all, Array.from({ length: all }, (_, i) => name(i))],
];
// Filled once, so that no round pays for growing.
await benchmark(node.port, ['-t', 'set', '-r', keys, '-n', keys * 2, '-P', 64, '-c', 50]);
const results = cases.map(() => []);
for (let round = 0; round < rounds; round += 1) {
  for (const [i, [, range, names]] of cases.entries()) {
    const end = await watch(names);
    await sleep(500);
    results[i].push(await measured(range));
    await end();
  }
}
const us = results.map(list => median(list.map(result => result.us)));
report('What watching costs the server: CPU per SET (redis-benchmark -P 16 -c 50)', cases.map(([what], i) => ({
  case: what, 'CPU µs per SET (median)': us[i].toFixed(2), 'each round': results[i].map(result => result.us.toFixed(2)).join(' '),
  'ratio to none': i % 2 === 0 ? '1' : (us[i] / us[i - 1]).toFixed(2), 'SETs per second': Math.round(median(results[i].map(({ rate }) => rate))),
  'GETs per SET': (median(results[i].map(({ reads }) => reads)) / sets).toFixed(4),
})));
await both.stop();
process.exit(0);
