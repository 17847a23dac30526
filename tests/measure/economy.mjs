// What one live query costs the server: 1,000 clients watch it, and the server counts what it is asked per change.
//
//   node tests/measure/economy.mjs [--clients 1000] [--changes 100] [--brand redis|valkey]
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../blackbox/lib/client.mjs';
import { calls, flags, openMany, report, startBoth } from './lib.mjs';

const { clients: count, changes, brand } = flags({ clients: 1_000, changes: 100, brand: 'redis' });
const both = await startBoth({ brand });
const { server, admin } = both;
const rows = [];
for (const [what, write, read] of [
  ['GET', i => ['SET', 'economy:string', `value ${i}`], ['GET', 'economy:string']],
  ['HGETALL', i => ['HSET', 'economy:hash', 'field', `value ${i}`], ['HGETALL', 'economy:hash']],
  ['GET, key with a TTL', i => ['SET', 'economy:ttl', `value ${i}`, 'EX', '1000'], ['GET', 'economy:ttl']],
  ['ZRANGE of 10', i => ['ZADD', 'economy:zset', i, `member ${i % 10}`], ['ZRANGE', 'economy:zset', '0', '9', 'REV', 'WITHSCORES']],
]) {
  await admin.command(...write(0));
  const clients = await openMany(server, count);
  let frames = 0;
  for (const client of clients) client.onFeed = () => { frames += 1; };
  await Promise.all(clients.map(client => client.request({ live: read })));
  await sleep(300);
  await admin.command('CONFIG', 'RESETSTAT');
  for (let i = 1; i <= changes; i += 1) {
    await admin.command(...write(i));
    const wanted = i * count;
    await until(() => frames >= wanted, () => `${wanted} frames, there are ${frames}`, 20_000);
    // Apart by more than the pace, so that each change is one of its own.
    await sleep(25);
  }
  const asked = await calls(admin);
  const name = read[0].toLowerCase();
  const own = new Set([write(0)[0].toLowerCase(), 'config|resetstat', 'info', 'ping', 'command']);
  const others = Object.entries(asked).filter(([command]) => command !== name && !own.has(command)).map(([command, times]) => `${command} ${(times / changes).toFixed(2)}`);
  rows.push({ query: what, clients: count, changes, 'frames delivered': frames, 'reads per change': (asked[name] / changes).toFixed(2), 'beside it, per change': others.join(', ') || 'nothing' });
  await Promise.all(clients.map(client => { client.socket.terminate(); return client.closed; }));
  await sleep(500);
}
report('Upstream economy: what the server is asked per change', rows);
await both.stop();
process.exit(0);
