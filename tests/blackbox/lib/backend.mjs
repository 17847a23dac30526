// Which backend the suite runs on: KEYWIRE_BACKEND is `embedded` (also when unset), `redis`, `valkey`, `sentinel` or `cluster`.
//
// The servers are started once: by `with-backend.mjs` for a whole run, which hands on where they are in KEYWIRE_BACKEND_URL and
// KEYWIRE_BACKEND_PORTS, or else by the first server of a test file that is run by itself. They are flushed before a keywire
// is started while no other is running, so that each test file begins on nothing, as on the embedded store.
import { startTopology } from './topology.mjs';
import { Resp } from './resp.mjs';

export const BACKEND = process.env.KEYWIRE_BACKEND || 'embedded';
export const EMBEDDED = BACKEND === 'embedded';
export const CLUSTER = BACKEND === 'cluster';

/** For tests of what only the embedded store is or does: `test(name, onlyEmbedded('why'), …)`. */
export const onlyEmbedded = reason => ({ skip: EMBEDDED ? false : `embedded store only: ${reason}` });
/** For tests whose commands a Cluster cannot carry out. */
export const notOnCluster = reason => ({ skip: CLUSTER ? `not on a cluster: ${reason}` : false });

let backend;
async function start() {
  const { KEYWIRE_BACKEND_URL: url, KEYWIRE_BACKEND_PORTS: ports } = process.env;
  if (url) return { url, ports: ports.split(',').map(Number) };
  const topology = await startTopology(BACKEND);
  // They end with this process; they need not keep it.
  for (const { child } of topology.all) { child.unref(); child.stderr.unref(); }
  return { url: topology.url, ports: topology.nodes.map(({ port }) => port) };
}

/** The arguments that make `keywire serve` use the backend, whose data is gone if `fresh`. */
export async function backendArguments({ fresh }) {
  if (EMBEDDED) return [];
  backend ??= start();
  const { url, ports } = await backend;
  if (fresh) await Promise.all(ports.map(flush));
  return ['--redis', url];
}

/** Empties a primary; a replica follows its own. */
async function flush(port) {
  const client = await Resp.connect(port);
  await client.within(5_000, 'FLUSHALL').catch(error => { if (error.code !== 'READONLY') throw error; });
  client.end();
}
