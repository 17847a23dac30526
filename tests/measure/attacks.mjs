// What others notice of an attack: 20 clients watch a key that is written 50 times a second and ask for it ten times a second each, for some
// seconds undisturbed and for some while a process beside this one attacks, in turn for some rounds; the medians of their 99th percentiles in both.
//
//   node tests/measure/attacks.mjs [--seconds 3] [--rounds 3] [--only part-of-a-name] [--floor 4] [--half_open 10000] [--lanes 1] [--redis no|yes]
//
// The attacker has the least priority (nice 19, however this is started), and no part of the server's core, so that what is
// measured is what the server lets it take, not what the machine does. On a machine with other work: `nice -n -15`.
// Where both percentiles are small, what tells them apart is the machine's own noise: below --floor milliseconds nothing counts as slower.
// Ends with 1 if anybody's 99th percentile was over twice that of the undisturbed seconds (or of the floor).
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { signed, token } from '../blackbox/lib/jwt.mjs';
import { startServer } from '../blackbox/lib/server.mjs';
import { startStandalone, temporaryFolder } from '../blackbox/lib/topology.mjs';
import { ATTACKS } from './attacker.mjs';
import { Quick, flags, median, percentile, report } from './lib.mjs';

const WATCHERS = 20, WRITES_PER_SECOND = 50, ASKS_PER_SECOND = 10, RATIO_MAX = 2;
const { seconds, rounds, only, floor, half_open, lanes, redis } = flags({ seconds: 3, rounds: 3, only: '', floor: 4, half_open: 10_000, lanes: '', redis: 'no' });

// Tokens that look right until their signature is checked, which is what costs.
const folder = temporaryFolder('attacks');
const [ours, theirs] = [0, 1].map(() => ({ rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }), ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }));
for (const kind of ['rsa', 'ec']) writeFileSync(path.join(folder, `${kind}.pem`), ours[kind].publicKey.export({ type: 'spki', format: 'pem' }));
const tokens = [signed('RS256', theirs.rsa.privateKey), signed('ES256', theirs.ec.privateKey), token({}, { secret: 'not the secret of this server at all' })];

const topology = redis === 'yes' ? await startStandalone() : undefined;
const server = await startServer({
  backend: false, args: [...(topology ? ['--redis', topology.url] : []), ...(lanes ? ['--lanes', lanes] : [])],
  set: {
    anonymous: '~* &* +@all', 'auth.keys.rsa': `RS256 file:${folder}/rsa.pem`, 'auth.keys.ec': `ES256 file:${folder}/ec.pem`, 'auth.keys.mac': `HS256 text:the secret of this server, which is long enough`,
    'log.level': 'warn',
  },
});
// The server has the first core, everybody else the others: what the attacker takes of the machine it would take elsewhere.
const cores = os.cpus().length;
if (cores > 1) {
  execFileSync('taskset', ['-acp', '0', server.child.pid]);
  execFileSync('taskset', ['-acp', `1-${cores - 1}`, process.pid]);
}
const KEY = 'bystanders:key';
const writer = await Quick.open(server.wsUrl('/ws'));
await writer.request({ command: ['SET', KEY, '-1'] });
const watchers = await Promise.all(Array.from({ length: WATCHERS }, () => Quick.open(server.wsUrl('/ws'))));
const written = new Map();
let times = { frames: [], asked: [] }, lost = 0;
for (const watcher of watchers) {
  watcher.onFeed = frame => { const from = written.get(frame.value); if (from !== undefined) times.frames.push(performance.now() - from); };
  await watcher.request({ live: ['GET', KEY], every: 0 });
}

/** The bystanders' ordinary life, from now on: begun at even times, however slow the answers are. */
let count = 0;
setInterval(() => {
  written.set(`${count}`, performance.now());
  written.delete(`${count - 500}`);
  writer.request({ command: ['SET', KEY, `${count}`] });
  count += 1;
}, 1_000 / WRITES_PER_SECOND);
watchers.forEach((watcher, i) => setTimeout(() => setInterval(async () => {
  const from = performance.now(), into = times;
  const reply = await watcher.request({ command: ['GET', KEY] });
  if (reply.error) lost += 1;
  into.asked.push(performance.now() - from);
}, 1_000 / ASKS_PER_SECOND), i * 5));

/** What they wait for while `act` lasts. */
async function waits(act) {
  times = { frames: [], asked: [] };
  await act();
  const { frames, asked } = times;
  await sleep(300);
  const p99 = list => percentile(list.sort((a, b) => a - b), 0.99) ?? Infinity;
  return { frames: p99(frames), asked: p99(asked), p50: percentile(asked, 0.5), worst: Math.max(frames.at(-1) ?? 0, asked.at(-1) ?? 0), count: frames.length };
}

const rss = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) / 1024;
const refusals = async () => new Map([...(await (await fetch(server.url('/metrics'))).text()).matchAll(/^(keywire_(?:refused|closes|request_errors)_total\{(?:reason|code)="([^"]+)".*\}) (\d+)/gm)].map(([, name, label, value]) => [name, { label, value: Number(value) }]));

/** The attacker's figures, and the memory of the server at most. */
async function attack(name) {
  const line = ['-n', '39', process.execPath, fileURLToPath(new URL('attacker.mjs', import.meta.url)), name, server.port, seconds, JSON.stringify({ tokens, half_open })];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nice', ...line.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '', most = 0, newcomers = { let_in: 0, told: 0, ms: 0 };
  const begun = new Promise(resolve => child.stdout.on('data', chunk => { output += chunk; if (output.includes('ready')) resolve(); }));
  const ended = once(child, 'close');
  await Promise.race([begun, ended]);
  const sampling = setInterval(() => { most = Math.max(most, rss()); }, 100);
  // Somebody new comes every half second: it is let in, or told why not.
  const coming = setInterval(() => {
    const from = performance.now();
    Quick.open(server.wsUrl('/ws')).then(quick => { newcomers.let_in += 1; newcomers.ms = Math.max(newcomers.ms, performance.now() - from); quick.socket.close(); }, () => { newcomers.told += 1; });
  }, 500);
  const waited = await waits(() => ended);
  clearInterval(sampling);
  clearInterval(coming);
  return { waited, most, newcomers, did: JSON.parse(output.trim().split('\n').at(-1)) };
}

const rows = [];
let failed = 0;
for (const name of Object.keys(ATTACKS).filter(name => name.includes(only))) {
  await sleep(500);
  const before = rss(), counted = await refusals();
  const calms = [], attacks = [];
  for (let round = 0; round < rounds; round += 1) {
    calms.push(await waits(() => sleep(seconds * 1_000)));
    attacks.push(await attack(name));
    await sleep(300);
  }
  const { newcomers, did } = attacks[0], most = Math.max(...attacks.map(each => each.most));
  const middle = (list, what) => median(list.map(each => each[what]));
  const [calm, waited] = [calms, attacks.map(each => each.waited)].map(list => ({ frames: middle(list, 'frames'), asked: middle(list, 'asked'), worst: middle(list, 'worst') }));
  const now = await refusals();
  const got = [...now].map(([metric, { label, value }]) => [label, value - (counted.get(metric)?.value ?? 0)]).filter(([, times]) => times > 0);
  const ratio = Math.max(waited.frames / Math.max(calm.frames, floor), waited.asked / Math.max(calm.asked, floor));
  if (!(ratio <= RATIO_MAX) || newcomers.let_in + newcomers.told === 0) failed += 1;
  const pair = what => `${calm[what].toFixed(1)} → ${waited[what].toFixed(1)}`;
  rows.push({
    attack: name, 'the attacker did': `${Math.round(did.count / did.seconds)} ${did.unit}/s on ${did.connections} connections`, 'write → frame p99 ms': pair('frames'), 'GET round trip p99 ms': pair('asked'), 'worst ms': waited.worst.toFixed(0),
    times: ratio.toFixed(2), 'RSS MiB': `${before.toFixed(0)} → ${most.toFixed(0)}`, newcomers: `${newcomers.let_in} let in (${newcomers.ms.toFixed(0)} ms), ${newcomers.told} turned away`,
    'what it got': got.map(([label, times]) => `${label} ${times}`).join(', ') || 'answers',
  });
  console.error(Object.values(rows.at(-1)).join(' | '));
}
report(`Others' waits under attack: ${WATCHERS} clients, ${WRITES_PER_SECOND} writes/s, undisturbed → attacked, medians of ${rounds} rounds of ${seconds} s, floor ${floor} ms`, rows);
console.log(failed + lost === 0 ? `\nNobody waited more than ${RATIO_MAX} times as long.` : `\nNOT as promised: ${failed} attacks, ${lost} of the others' requests refused.`);
server.child.kill('SIGKILL');
await topology?.stop();
process.exit(failed + lost === 0 ? 0 : 1);
