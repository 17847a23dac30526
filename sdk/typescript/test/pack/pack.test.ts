// What npm would publish, tried as a new user would: packed, unpacked into an empty project, and the README's quick starts run as written.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, until, type Server } from '../lib/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');
const documents = ['quick-start', 'recipes'].map(name => readFileSync(`${root}../../docs/${name}.md`, 'utf8'));
/** The code blocks of a text in this language. */
const blocks = (language: string, text = readme) => [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code!);

describe('the package', { timeout: 60_000 }, () => {
  let project: string, server: Server;
  beforeAll(async () => {
    project = mkdtempSync(path.join(tmpdir(), 'keywire-pack-'));
    const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', project], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).toString().replace(/^[^[]*/s, '')) as [{ filename: string }];
    execFileSync('tar', ['xzf', packed.filename], { cwd: project });
    mkdirSync(`${project}/node_modules`);
    cpSync(`${project}/package`, `${project}/node_modules/keywire`, { recursive: true });
    for (const name of ['ws', 'react', 'react-dom', '@types', 'typescript', 'csstype', 'vue', '@vue']) {
      if (existsSync(`${root}node_modules/${name}`)) symlinkSync(`${root}node_modules/${name}`, `${project}/node_modules/${name}`);
    }
    writeFileSync(`${project}/package.json`, '{"type":"module"}');
    server = await startServer();
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(project, { recursive: true, force: true });
  });

  test('has what it should, and no tests', () => {
    for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/react.js', 'dist/react.d.ts', 'README.md', 'package.json']) expect([file, existsSync(`${project}/package/${file}`)]).toEqual([file, true]);
    expect(existsSync(`${project}/package/test`)).toBe(false);
    expect(JSON.parse(readFileSync(`${project}/package/package.json`, 'utf8'))).not.toHaveProperty('dependencies');
  });

  test('the quick start for Node, as written', async () => {
    const [code] = blocks('js').filter(block => block.includes("from 'ws'"));
    writeFileSync(`${project}/quick.js`, code!.replace('ws://127.0.0.1:7700/ws', server.wsUrl('/ws')));
    const child = spawn(process.execPath, ['quick.js'], { cwd: project });
    let output = '';
    child.stdout.on('data', chunk => { output += chunk; });
    child.stderr.on('data', chunk => { output += chunk; });
    try {
      await until(() => output.includes('counter'), () => `a line, there is ${output}`);
      await server.command('SET', 'counter', '41');
      await until(() => output.includes('41'), () => `41 in ${output}`);
    } finally {
      child.kill();
    }
  });

  test('every TypeScript example of the README and of docs compiles against the published types', () => {
    const all = (language: string) => [readme, ...documents].flatMap(text => blocks(language, text)).map((code, i) => [`example${i}.${language}`, code] as const);
    const examples = [...all('ts'), ...all('tsx')];
    expect(examples.length).toBeGreaterThan(12);
    for (const [name, code] of examples) writeFileSync(`${project}/${name}`, `${code}\nexport {};\n`);
    writeFileSync(`${project}/globals.d.ts`, "import type { Client } from 'keywire';\ndeclare global { const kw: Client; const output: HTMLElement; function fetchToken(): Promise<string>; function show(...values: unknown[]): void; }\n");
    writeFileSync(`${project}/tsconfig.json`, JSON.stringify({
      compilerOptions: { target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2022', 'DOM', 'DOM.AsyncIterable'], strict: true, noEmit: true, skipLibCheck: false, jsx: 'react-jsx', types: [] },
      include: ['*.ts', '*.tsx'],
    }));
    let problems = '';
    try {
      execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: project, stdio: 'pipe' });
    } catch (error) {
      problems = String((error as { stdout: Buffer }).stdout);
    }
    expect(problems).toBe('');
  });
});
