// node watch-latency.mjs HTTP-PORT RESP-PORT WRITES: how long a write on the RESP port takes to a watcher, in microseconds,
// as JSON. The same client process writes and watches; `pong` is the round trip of a PING, what the clients and the kernel
// cost without the watcher.
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

const [http, resp, writes] = process.argv.slice(2).map(Number);
const redis = net.connect(resp, '127.0.0.1').setNoDelay(true);
await once(redis, 'connect');
const watcher = new WebSocket(`ws://127.0.0.1:${http}/ws`, 'keywire.v1.json');
await once(watcher, 'open');
let told;
let answered;
watcher.on('message', data => { const frame = JSON.parse(data); if (frame.feed && !('id' in frame)) told?.(frame); });
redis.on('data', () => answered?.());
watcher.send(JSON.stringify({ id: 1, live: ['GET', 'watched'], every: 0 }));
await sleep(100);

const figures = samples => {
  samples.sort((a, b) => a - b);
  const at = share => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] * 1000;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
};
const seen = { frame: [], pong: [] };
for (let i = 0; i < writes + 100; i++) {
  const value = `v${i}`;
  const frame = new Promise(resolve => { told = resolve; });
  let begun = performance.now();
  redis.write(`*3\r\n$3\r\nSET\r\n$7\r\nwatched\r\n$${value.length}\r\n${value}\r\n`);
  await frame;
  if (i >= 100) seen.frame.push(performance.now() - begun);
  await sleep(4);
  const pong = new Promise(resolve => { answered = resolve; });
  begun = performance.now();
  redis.write('PING\r\n');
  await pong;
  if (i >= 100) seen.pong.push(performance.now() - begun);
  await sleep(4);
}
console.log(JSON.stringify({ 'write to watcher': figures(seen.frame), 'PING to PONG': figures(seen.pong) }));
process.exit(0);
