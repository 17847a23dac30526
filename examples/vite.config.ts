// One build for all pages. Names without hashes, since the server's ETags do the caching and the files are committed; every
// address relative, since a server may have a prefix. The sources (but for styles) go along under source/, for the pages to link: what is in dist is in every binary.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;
const sdk = path.join(here, '../sdk/typescript/src');
const server = process.env.KEYWIRE_URL ?? 'http://127.0.0.1:7700';
const folders = ['design', 'index', 'chat', 'monitoring', 'quotes', 'game'];

const sources: Plugin = {
  name: 'sources',
  generateBundle() {
    for (const folder of folders) {
      for (const name of readdirSync(path.join(here, folder)).filter(file => /\.(tsx?|md)$/.test(file))) {
        this.emitFile({ type: 'asset', fileName: `source/${folder}/${name}`, source: readFileSync(path.join(here, folder, name)) });
      }
    }
  },
};

export default defineConfig({
  base: './',
  plugins: [sources],
  resolve: {
    alias: [
      { find: /^keywire$/, replacement: path.join(sdk, 'index.ts') },
      { find: /^keywire\/react$/, replacement: path.join(sdk, 'react.ts') },
      { find: /^react$/, replacement: 'preact/compat' },
    ],
    dedupe: ['preact'],
  },
  build: {
    outDir: process.env.OUT ?? 'dist',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: 'esnext',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 200,
    // Whose code is in there beside ours.
    license: { fileName: 'source/licenses.md' },
    rolldownOptions: {
      input: Object.fromEntries(folders.slice(1).map(name => [name, path.join(here, name === 'index' ? 'index.html' : `${name}/index.html`)])),
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
        // One file for what all pages share: the design, the SDK, Preact.
        codeSplitting: { groups: [{ name: 'shell', test: /[\\/](design|sdk|node_modules[\\/]preact)[\\/]/ }] },
      },
    },
  },
  server: { proxy: { '/ws': { target: server, ws: true }, '/command': server, '/metrics': server } },
});
