import { defineConfig } from 'vitest/config';

const preact = { react: 'preact/compat', 'react-dom': 'preact/compat' };

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      { extends: true, test: { name: 'core', include: ['test/**/*.test.ts'], environment: 'node' } },
      { extends: true, test: { name: 'react', include: ['test/react/*.test.tsx'], environment: 'jsdom' } },
      { extends: true, resolve: { alias: preact }, test: { name: 'preact', include: ['test/preact/*.test.tsx'], environment: 'jsdom' } },
    ],
  },
});
