// Bundles each target as the Shopify CLI does, and fails where one is larger than the
// register takes: https://shopify.dev/docs/api/pos-ui-extensions
import {build} from 'esbuild';

const LIMIT = 64 * 1024; // bytes

const result = await build({
  entryPoints: ['src/Tile.tsx', 'src/Modal.tsx'],
  outdir: 'dist',
  bundle: true,
  minify: true,
  write: process.argv[2] !== '--dry-run',
  metafile: true,
  format: 'iife',
  target: 'es2020',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  define: {BACKEND_URL: JSON.stringify((process.env.BACKEND_URL ?? 'https://pos.example.com').replace(/\/$/, ''))},
});
for (const [file, {bytes}] of Object.entries(result.metafile.outputs)) {
  console.log(`${file}  ${bytes} bytes of at most ${LIMIT}`);
  if (bytes > LIMIT) process.exitCode = 1;
}
