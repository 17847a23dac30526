// What an application pays: each import, bundled by esbuild from dist/, minified, gzip -9. Fails over the limit.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('..', import.meta.url));
const KIB = 1024;
const cases = [
  ['connect (everything a client does)', `export { connect } from './dist/index.js'`, 6 * KIB],
  ['keywire/react, without the core', `export * from './dist/react.js'`, 1.5 * KIB],
  ['applyPatch alone', `export { applyPatch } from './dist/index.js'`, 1 * KIB],
  ['toBytes alone', `export { toBytes } from './dist/index.js'`, 0.5 * KIB],
];

let failed = false;
for (const [name, contents, most] of cases) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder }, bundle: true, minify: true, format: 'esm', target: 'es2022', external: ['react'], write: false,
  });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  failed ||= size > most;
  console.log(`${String(size).padStart(6)} of ${String(most).padStart(5)} bytes  ${name}${size > most ? '  TOO BIG' : ''}`);
}
process.exit(failed ? 1 : 0);
