// Proves that what is committed is what the sources say: dist is what they build to, and the code in the READMEs is theirs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const here = path.join(import.meta.dirname, '..');
const problems = [];

/** All files below a folder, by their paths in it. */
function files(folder, below = '') {
  return readdirSync(path.join(folder, below)).flatMap(name => {
    const file = path.join(below, name);
    return statSync(path.join(folder, file)).isDirectory() ? files(folder, file) : [file];
  });
}

const built = mkdtempSync(path.join(tmpdir(), 'keywire-examples-'));
try {
  execFileSync(path.join(here, 'node_modules/.bin/vite'), ['build', '--logLevel', 'error'], { cwd: here, env: { ...process.env, OUT: built }, stdio: 'inherit' });
  const dist = path.join(here, 'dist');
  const [is, should] = [new Set(files(dist)), new Set(files(built))];
  if (should.size < 10) problems.push(`only ${should.size} files were built`);
  for (const file of new Set([...is, ...should])) {
    if (!is.has(file)) problems.push(`dist/${file} is missing`);
    else if (!should.has(file)) problems.push(`dist/${file} is left over`);
    else if (!readFileSync(path.join(dist, file)).equals(readFileSync(path.join(built, file)))) problems.push(`dist/${file} is not what the sources build to`);
  }
} finally {
  rmSync(built, { recursive: true, force: true });
}
if (problems.length > 0) problems.push('run `npm run build` in examples, and commit dist');

for (const app of ['chat', 'monitoring', 'quotes', 'game']) {
  const source = readFileSync(path.join(here, app, 'live.ts'), 'utf8');
  const blocks = [...readFileSync(path.join(here, app, 'README.md'), 'utf8').matchAll(/^```ts\n([^]*?)^```/gm)].map(match => match[1]);
  if (blocks.length < 3) problems.push(`${app}/README.md shows only ${blocks.length} pieces of code`);
  for (const block of blocks) if (!source.includes(block)) problems.push(`${app}/README.md shows code that is not in ${app}/live.ts:\n${block}`);
}

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
