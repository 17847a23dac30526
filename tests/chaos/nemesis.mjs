// What goes wrong, by topology. Each fault does its harm, waits, and repairs what it broke; the round ends with `topology.heal()` in any case.
//
// A fault is `{name, run(context)}`. The context: `topology`, `random`, `links` (a link of its own), `say(text)`, and
//   outage(nodes, act)   notes since when and until when what these nodes hold is out of reach for keywire, for the check of `stale`
//   lossy()              from here to the round's end, what was acknowledged may be gone
//   excuse(act)          messages published meanwhile may be lost where nobody can tell: on a cluster's bus, at a master that is none any more
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../blackbox/lib/topology.mjs';
import { slotOf } from '../blackbox/lib/resp.mjs';
import { KEYS } from './workload.mjs';

const between = (random, low, high) => low + random.below(high - low);
const answers = node => eventually(async () => node.up && await node.ask('PING') === 'PONG', `${node.name} to answer`, 15_000);

// One server, or the primary of a Sentinel's topology or one of a Cluster's.
const network = {
  async delay({ victim, random, say }) {
    victim.proxy.delay_ms = between(random, 20, 400);
    const ms = between(random, 1_500, 4_000);
    say(`${victim.proxy.delay_ms} ms on the way to ${victim.name} for ${ms} ms`);
    await sleep(ms);
    victim.proxy.heal();
  },
  async slow({ victim, random, say }) {
    victim.proxy.bytes_per_second = between(random, 30_000, 300_000);
    const ms = between(random, 1_500, 3_500);
    say(`${victim.proxy.bytes_per_second} bytes a second to ${victim.name} for ${ms} ms`);
    await sleep(ms);
    victim.proxy.heal();
  },
  async cut({ victim, random, say }) {
    const times = between(random, 1, 4);
    say(`connections to ${victim.name} cut ${times} times`);
    for (let i = 0; i < times; i += 1) { victim.proxy.cut(); await sleep(between(random, 20, 500)); }
  },
  async hold({ victim, random, say, outage }) {
    const ms = between(random, 300, 6_000);
    say(`the network to ${victim.name} holds everything back for ${ms} ms`);
    await outage([victim], async () => { victim.proxy.hold(); await sleep(ms); victim.proxy.heal(); });
  },
  async drop({ victim, random, say, outage }) {
    const ms = between(random, 1_000, 6_000);
    say(`the network to ${victim.name} drops everything for ${ms} ms`);
    await outage([victim], async () => { victim.proxy.drop(); await sleep(ms); victim.proxy.heal(); });
  },
  async refuse({ victim, random, say, outage }) {
    const ms = between(random, 300, 5_000);
    say(`the port of ${victim.name} is closed for ${ms} ms`);
    await outage([victim], async () => { victim.proxy.refuse(); victim.proxy.cut(); await sleep(ms); victim.proxy.heal(); });
  },
};

const data = {
  async flushall({ topology, say }) {
    say('FLUSHALL');
    await topology.flush();
  },
  async 'delete-streams'({ link, random, say }) {
    const streams = KEYS.stream.filter(() => random.below(3) === 0);
    say(`${streams.length} streams deleted`);
    for (const stream of streams) await link.send(stream, ['DEL', stream]).catch(() => {});
  },
  async 'trim-streams'({ link, random, say }) {
    say('streams trimmed');
    for (let i = 0; i < 20; i += 1) {
      const stream = random.pick(KEYS.stream);
      await link.send(stream, ['XTRIM', stream, 'MAXLEN', random.pick([0, 1, 5, 20])]).catch(() => {});
      await sleep(between(random, 5, 120));
    }
  },
  async 'delete-entries'({ link, random, say }) {
    say('entries deleted');
    for (let i = 0; i < 30; i += 1) {
      const stream = random.pick(KEYS.stream);
      const last = await link.send(stream, ['XREVRANGE', stream, '+', '-', 'COUNT', '2']).catch(() => []);
      if (last.length > 0) await link.send(stream, ['XDEL', stream, String(last[random.below(last.length)][0])]).catch(() => {});
      await sleep(between(random, 2, 60));
    }
  },
  async burst({ link, random, say }) {
    say('a burst of writes');
    for (let i = 0; i < 1_500; i += 1) {
      const key = random.pick(KEYS.hash);
      await link.send(key, ['HSET', key, `f${random.below(8)}`, `w99g0n${i}x`]).catch(() => {});
    }
  },
};

const server = {
  async pause({ victim, random, say, outage }) {
    const ms = between(random, 200, 6_000);
    say(`${victim.name} frozen for ${ms} ms`);
    await outage([victim], async () => { victim.pause(); await sleep(ms); victim.resume(); await answers(victim); });
  },
  async kill({ victim, random, say, outage }) {
    const ms = between(random, 0, 4_500);
    say(`${victim.name} killed, back after ${ms} ms`);
    await outage([victim], async () => { await victim.kill(); await sleep(ms); await victim.start(); });
  },
  async 'kill-and-wipe'({ victim, random, say, outage, lossy }) {
    const ms = between(random, 0, 3_000);
    say(`${victim.name} killed with all it knew, back after ${ms} ms`);
    lossy();
    await outage([victim], async () => { await victim.kill({ wipe: true }); await sleep(ms); await victim.start(); });
  },
  async 'kill-clients'({ victim, random, say }) {
    const type = random.pick(['normal', 'pubsub']);
    say(`${victim.name} closes its ${type} clients`);
    const admin = await victim.client();
    for (let i = 0; i < between(random, 1, 3); i += 1) {
      // Only those that came through the proxy: the writers stay.
      const list = await admin.command('CLIENT', 'LIST', 'TYPE', type);
      for (const [, id] of list.matchAll(/^id=(\d+) .*?\bname=keywire/gm)) if (id) await admin.command('CLIENT', 'KILL', 'ID', id).catch(() => {});
      await sleep(between(random, 50, 400));
    }
    admin.end();
  },
  async busy({ victim, random, say, outage }) {
    const seconds = between(random, 1, 4);
    say(`a script keeps ${victim.name} busy for ${seconds} s`);
    const admin = await victim.client();
    await admin.command('CONFIG', 'SET', 'busy-reply-threshold', '100');
    await outage([victim], async () => {
      await admin.command('EVAL', `local t = redis.call('TIME') local e = t[1] + ${seconds} local i = 0
        repeat i = i + 1 if i % 1000 == 0 then t = redis.call('TIME') end until tonumber(t[1]) >= e return i`, '0').catch(() => {});
      await answers(victim);
    });
    admin.end();
  },
  async 'small-table'({ victim, random, say }) {
    say(`the tracking table of ${victim.name} is too small`);
    await victim.ask('CONFIG', 'SET', 'tracking-table-max-keys', String(between(random, 5, 60)));
    await sleep(between(random, 1_500, 4_000));
    await victim.ask('CONFIG', 'SET', 'tracking-table-max-keys', '1000000');
  },
  async 'other-database'({ victim, random, say }) {
    say('the same names written in another database');
    const other = await victim.client();
    await other.command('SELECT', '1');
    for (let i = 0; i < 400; i += 1) {
      await other.send('SET', random.pick(KEYS[random.pick(['string', 'seq', 'hash'])]), 'another database');
      if (i % 10 === 0) await sleep(5);
    }
    if (random.below(2)) await other.command('FLUSHDB');
    other.end();
  },
  async reload({ victim, say, outage }) {
    say(`${victim.name} reads its data again`);
    await outage([victim], () => victim.ask('DEBUG', 'RELOAD').catch(() => {}));
  },
};

/** Whatever takes over must be known before the round goes on. */
async function takenOver(topology, victim) {
  await eventually(async () => {
    if (topology.kind === 'cluster') {
      const slots = await topology.slots();
      return slots.every(({ node }) => node && node !== victim) && slots.reduce((all, { first, last }) => all + last - first + 1, 0) === 16_384;
    }
    const primary = await topology.primary();
    return primary !== victim && (await primary.ask('ROLE'))[0] === 'master';
  }, 'a replica to take over', 25_000);
}

const failover = {
  async 'kill-primary'({ topology, victim, random, say, outage, lossy, excuse, notePrimary }) {
    say(`primary ${victim.name} killed until another has taken over`);
    lossy();
    await excuse(async () => {
      await outage([victim], async () => { await victim.kill(); await takenOver(topology, victim); });
      await notePrimary();
    });
    await sleep(between(random, 0, 2_000));
    await excuse(() => victim.start());
  },
  async 'freeze-primary'({ topology, victim, say, outage, lossy, excuse, notePrimary }) {
    say(`primary ${victim.name} frozen until another has taken over`);
    lossy();
    await excuse(async () => {
      await outage([victim], async () => { victim.pause(); await takenOver(topology, victim); });
      await notePrimary();
      victim.resume();
    });
  },
  async 'kill-replica'({ topology, random, say, excuse }) {
    const primaries = await topology.primaries();
    const replica = random.pick(topology.nodes.filter(node => !primaries.includes(node)));
    say(`replica ${replica.name} killed`);
    await excuse(async () => { await replica.kill(); await sleep(between(random, 200, 3_000)); await replica.start(); });
  },
};

const sentinel = {
  async 'ordered-failover'({ topology, say, lossy, excuse, notePrimary }) {
    say('SENTINEL FAILOVER');
    // The old master goes on taking writes until Sentinel has told it.
    lossy();
    await excuse(async () => {
      await topology.failover();
      await notePrimary();
    });
  },
  async 'kill-sentinel'({ topology, random, say }) {
    const one = random.pick(topology.sentinels);
    say(`${one.name} killed`);
    await one.kill();
    await sleep(between(random, 500, 3_000));
    await one.start();
  },
  async 'sentinels-out-of-reach'({ topology, random, say }) {
    say('no sentinel can be reached');
    for (const { proxy } of topology.sentinels) proxy.drop();
    await sleep(between(random, 1_000, 3_000));
    for (const { proxy } of topology.sentinels) proxy.heal();
  },
};

const cluster = {
  async 'ordered-failover'({ topology, victim, say, excuse }) {
    say(`CLUSTER FAILOVER of ${victim.name}`);
    await excuse(() => topology.failover(victim));
  },
  async reshard({ topology, random, say, excuse }) {
    const primaries = await topology.primaries();
    const target = random.pick(primaries);
    const watched = [...new Set(Object.values(KEYS).flat().map(slotOf))];
    const slots = watched.filter(() => random.below(4) === 0);
    say(`${slots.length} watched slots move to ${target.name}`);
    await excuse(() => topology.reshard(slots, target));
  },
  async 'flush-one'({ victim, say }) {
    say(`FLUSHALL on ${victim.name}`);
    await victim.ask('FLUSHALL');
  },
};

const { 'kill-clients': killClients, 'small-table': smallTable } = server;

/** Faults by topology. A cluster's nodes are not wiped: its members would have to be named anew. */
export const FAULTS = {
  redis: { ...network, ...data, ...server },
  valkey: { ...network, ...data, ...server },
  sentinel: { ...network, ...data, 'kill-clients': killClients, 'small-table': smallTable, ...failover, ...sentinel },
  cluster: { ...network, ...data, 'kill-clients': killClients, 'small-table': smallTable, ...failover, ...cluster },
  embedded: { 'delete-streams': data['delete-streams'], 'trim-streams': data['trim-streams'], 'delete-entries': data['delete-entries'], burst: data.burst },
};
for (const kind of ['sentinel', 'cluster']) {
  // A freeze shorter than what makes a failover.
  FAULTS[kind]['short-freeze'] = async ({ victim, random, say, excuse }) => {
    const ms = between(random, 100, 800);
    say(`${victim.name} frozen for ${ms} ms`);
    await excuse(async () => { victim.pause(); await sleep(ms); victim.resume(); });
  };
}
