// Two gateways behind a real proxy are restarted one after the other under 2,000 clients of all feed kinds, while writers write.
//
//   node tests/measure/rolling.mjs [--clients 2000] [--rate 40] [--front haproxy|nginx] [--tls no|yes] [--seed 6]
//       [--window 5000] [--reconnect 100ms,2000ms] (drain.window_ms, limits.reconnect_ms; else the defaults)
//
// The 2,000 clients are one Node process on the same machine. Without --tls what they and the proxy take for encryption, which is
// no part of this question, is left out. Ends with 1 if a promise was broken.
import { rolling } from '../chaos/rolling.mjs';
import { flags, report } from './lib.mjs';

const { clients, rate, front, tls, seed, window, reconnect, calm } = flags({ clients: 2_000, rate: 40, front: 'haproxy', tls: 'no', seed: 6, window: 0, reconnect: '', calm: 8_000 });
const set = { ...(window ? { 'drain.window_ms': window } : {}), ...(reconnect ? { 'limits.reconnect_ms': reconnect } : {}) };
const summary = await rolling({ clients, rate, front, tls: tls === 'yes', seed, set, calm_ms: calm, say: line => console.log(line) });
const { feeds, away, silence, problems, calm: before, restarts, distinct } = summary;
const ms = value => Math.round(value);
report(`Rolling restart of two gateways behind ${front}`, [{
  clients, feeds: feeds.live + feeds.follow + feeds.channels, 'distinct queries and streams': distinct, 'writes/s': rate, frames: summary.frames, closes: JSON.stringify(summary.closes), 'handshakes that failed': summary.failed,
  'entries to followers': feeds.entries, 'missed, doubled or gaps': problems.length + feeds.gaps,
  'away until all feeds are current, ms (p50, p99, max)': [away.p50, away.p99, away.max].map(ms).join(', '), 'longest without any frame, ms (p50, max)': [silence.p50, silence.max].map(ms).join(', '),
  'oldest entry when it came, ms': ms(summary.oldest_entry_ms),
}]);
const line = (what, { seconds, reads, peak_per_second, commands_per_second, clients: moved, reads_per_query }) => ({
  what, 'clients that moved': moved ?? '', 'took s': seconds.toFixed(1), 'commands/s at Redis': commands_per_second.toFixed(0), 'peak commands/s (in 100 ms)': peak_per_second.toFixed(0),
  'reads/s': (reads / seconds).toFixed(0), 'reads more than undisturbed, by distinct query': reads_per_query?.toFixed(2) ?? '',
});
report('What Redis was asked', [line('undisturbed', before), ...restarts.map((restart, i) => line(`gateway ${'AB'[i]} drained and restarted`, restart))]);
for (const { kind, text } of problems.slice(0, 10)) console.log(`${kind}: ${text}`);
const ok = problems.length === 0 && feeds.gaps === 0 && away.max < 3_000 && away.count >= clients && restarts.every(each => each.reads_per_query < 3);
console.log(ok ? '\nNobody missed or doubled anything, nobody was without data for 3 s, Redis was not overrun.' : '\nNOT as promised.');
process.exit(ok ? 0 : 1);
