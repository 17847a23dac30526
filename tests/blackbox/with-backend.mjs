// node with-backend.mjs COMMAND…: runs it with the servers of KEYWIRE_BACKEND started, and ends them with it, whatever happens.
import { spawn } from 'node:child_process';
import { BACKEND, EMBEDDED } from './lib/backend.mjs';
import { startTopology } from './lib/topology.mjs';

const [command, ...args] = process.argv.slice(2);
const env = { ...process.env };
let topology;
if (!EMBEDDED) {
  topology = await startTopology(BACKEND);
  env.KEYWIRE_BACKEND_URL = topology.url;
  env.KEYWIRE_BACKEND_PORTS = topology.nodes.map(({ port }) => port).join(',');
}
const child = spawn(command, args, { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', async code => {
  await topology?.stop();
  process.exit(code ?? 1);
});
