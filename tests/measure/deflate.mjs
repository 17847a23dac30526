// What compression saves and costs: a live query of a JSON value of some kilobytes that changes as a whole, shown to many
// clients, with and without permessage-deflate; on the embedded store, one lane.
//
//   node tests/measure/deflate.mjs [--clients 100] [--bytes 8000] [--changes 20] [--seconds 10] [--level 3] [--reps 3]
//
// Bytes are those that the server wrote to sockets while the value changed; CPU is the server's, by /proc. Both are per change.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../blackbox/lib/server.mjs';
import WebSocket from '../blackbox/lib/ws.mjs';
import { flags, median, report } from './lib.mjs';

const { clients: count, bytes, changes, seconds, level, reps } = flags({ clients: 100, bytes: 8_000, changes: 20, seconds: 10, level: 3, reps: 3 });

/** A table as a board of quotes has it: names that stay, figures that all change. */
function value(round) {
  const rows = [];
  for (let i = 0, size = 0; size < bytes; i += 1) {
    const row = { symbol: `SYM${i}`, bid: (Math.imul(round * 977 + i, 2654435761) >>> 8) / 1e4, ask: (Math.imul(round * 977 + i, 40503) >>> 6) / 1e4, volume: Math.imul(round + i, 7919) >>> 12, venue: ['XETR', 'XNAS', 'XLON'][i % 3], open: true };
    rows.push(row);
    size += JSON.stringify(row).length + 1;
  }
  return JSON.stringify(rows);
}

const HZ = 100;
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1000 / HZ;
}
async function figures(server) {
  const text = await (await fetch(server.url('/metrics'))).text();
  return name => Number(new RegExp(`^keywire_${name} (\\d+)$`, 'm').exec(text)[1]);
}

async function measure(enabled) {
  const server = await startServer({ backend: false, args: ['--lanes', '1'], set: { 'deflate.enabled': enabled, 'deflate.level': level, 'log.level': 'warn' } });
  // What comes is counted, not read: to inflate it costs this process, not the server.
  const sockets = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const socket = new WebSocket(server.wsUrl('/ws'), 'keywire.v1.json', { perMessageDeflate: enabled });
    socket.once('error', reject);
    socket.once('message', () => { socket.send(JSON.stringify({ id: 1, live: ['GET', 'board'] })); socket.once('message', () => resolve(socket)); });
  })));
  await sleep(500);
  const [before, cpu] = [await figures(server), cpuMs(server.child.pid)];
  const rounds = changes * seconds;
  const begun = performance.now();
  for (let round = 1; round <= rounds; round += 1) {
    await server.command('SET', 'board', value(round));
    await sleep(begun + round * 1000 / changes - performance.now());
  }
  await sleep(300);
  const [now, cpuNow] = [await figures(server), cpuMs(server.child.pid)];
  const rose = name => now(name) - before(name);
  const result = {
    sent: rose('bytes_sent_total') / rounds, cpu: (cpuNow - cpu) / rounds, frames: rose('frames_sent_total') / rounds,
    compressions: rose('deflate_compressions_total') / rounds, memory: server.memory(),
  };
  sockets.forEach(socket => socket.terminate());
  await server.stop();
  return result;
}

const runs = { false: [], true: [] };
for (let rep = 0; rep < reps; rep += 1) for (const enabled of [false, true]) runs[enabled].push(await measure(enabled));
const rows = [false, true].map(enabled => {
  const middle = name => median(runs[enabled].map(run => run[name]));
  return {
    deflate: enabled ? `level ${level}` : 'off', clients: count, 'value, bytes': value(1).length, 'changes/s': changes, 'frames per change': middle('frames').toFixed(1),
    'compressions per change': middle('compressions').toFixed(2), 'bytes sent per client and change': Math.round(middle('sent') / count), 'CPU ms per change': middle('cpu').toFixed(2),
    'memory MB': (middle('memory') / 1e6).toFixed(1),
  };
});
report('What compression saves and costs', rows);
