import {defineConfig} from 'vitest/config';

export default defineConfig({
  define: {BACKEND_URL: JSON.stringify(process.env.BACKEND_URL ?? 'https://pos.example.com')},
  esbuild: {jsx: 'automatic', jsxImportSource: 'preact'},
  test: {
    environment: 'jsdom',
    testTimeout: 300_000,
    // It imports our modules: they have to pass through vite.
    server: {deps: {inline: ['@shopify/ui-extensions-tester']}},
  },
});
