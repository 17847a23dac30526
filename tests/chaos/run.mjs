// The checker against real servers that are really broken:
//
//   node tests/chaos/run.mjs --topology redis|valkey|sentinel|cluster|embedded --minutes 20 --clients 200 --seed 7
//
// Further: --seconds N, --rounds N, --writers N, --rate WRITES_PER_SECOND, --feeds N (of each client), --faults a,b (only these),
// --log FILE (what keywire logs), --plant NAME (a fault in what the first client is shown; must be found), --list (faults and plants). KEYWIRE is the binary.
// Ends with 0 if every promise was kept, with 1 if not; with --plant, with 0 if it was found.
import { parseArgs } from 'node:util';
import { chaos } from './harness.mjs';
import { FAULTS } from './nemesis.mjs';
import { PLANTS } from './plants.mjs';

const text = { type: 'string' };
const { values: flags } = parseArgs({
  options: {
    topology: text, minutes: text, seconds: text, rounds: text, clients: text, seed: text, writers: text, rate: text, feeds: text, faults: text, plant: text, settle: text, slack: text, log: text,
    json: { type: 'boolean' }, list: { type: 'boolean' }, quiet: { type: 'boolean' },
  },
});
const number = value => (value === undefined ? undefined : Number(value));
const given = object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

if (flags.list) {
  for (const [topology, faults] of Object.entries(FAULTS)) console.log(`${topology}: ${Object.keys(faults).join(' ')}`);
  console.log(`plants: ${Object.keys(PLANTS).join(' ')}`);
  process.exit(0);
}
if (flags.plant && !PLANTS[flags.plant]) { console.error(`no such plant: ${flags.plant}; there are ${Object.keys(PLANTS).join(' ')}`); process.exit(2); }
const named = flags.faults?.split(',');
const unknown = named?.filter(name => !FAULTS[flags.topology ?? 'redis']?.[name]) ?? [];
if (unknown.length > 0) { console.error(`no such fault: ${unknown}; --list names them`); process.exit(2); }

const began = performance.now();
const summary = await chaos(given({
  topology: flags.topology, seconds: number(flags.seconds) ?? (flags.minutes ? Number(flags.minutes) * 60 : undefined), rounds: number(flags.rounds), clients: number(flags.clients),
  seed: number(flags.seed), writers: number(flags.writers), rate: number(flags.rate), feeds: number(flags.feeds), settle_ms: number(flags.settle), slack_ms: number(flags.slack),
  faults: named, log: flags.log, plants: flags.plant ? [PLANTS[flags.plant].make()] : undefined,
  say: flags.quiet ? undefined : line => console.log(line),
}));
const { problems, ...figures } = summary;
if (flags.json) console.log(JSON.stringify(summary));
else {
  console.log(`\n${figures.topology}, seed ${figures.seed}, ${((performance.now() - began) / 60_000).toFixed(1)} minutes, ${figures.rounds} rounds, ${figures.clients} clients`);
  const list = object => Object.entries(object).map(([name, value]) => `${name} ${value}`).join(', ');
  console.log(`  feeds and what they were told: ${list(figures.feeds)}`);
  console.log(`  written around keywire: ${list(figures.writes)}`);
  console.log(`  faults: ${list(figures.faults)}; ${figures.outages} outages`);
  console.log(`  clients: ${figures.frames} frames, left ${figures.left}, stalled ${figures.stalls}, closes ${list(figures.closes) || 'none'}, refused ${list(figures.refused) || 'none'}`);
  console.log(`  at most: stale told after ${Math.round(figures.maxima.stale_told_ms)} ms, current ${Math.round(figures.maxima.settled_ms)} ms after the end of a round, memory ${(figures.maxima.memory_bytes / 2 ** 20).toFixed(0)} MiB`);
  const kinds = new Map();
  for (const { kind } of problems) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  console.log(`  problems: ${problems.length === 0 ? 'none' : [...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  for (const { round, kind, text, recent } of problems.slice(0, 12)) {
    console.log(`  round ${round}, ${kind}: ${text}`);
    for (const { at, frame } of recent ?? []) console.log(`      ${at} ${JSON.stringify(frame).slice(0, 200)}`);
  }
}
const found = flags.plant ? problems.some(({ kind, client }) => client === 0 && PLANTS[flags.plant].finds.includes(kind)) : problems.length === 0;
if (flags.plant) console.log(found ? `the plant ${flags.plant} was found` : `the plant ${flags.plant} was NOT found`);
process.exit(found && figures.rounds > 0 ? 0 : 1);
