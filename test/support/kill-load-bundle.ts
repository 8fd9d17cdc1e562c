import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
// Their files of machine code lie beside their modules.
const nativePackages = ['@duckdb/*', '@node-rs/*', '@napi-rs/*', 'snappy', '@bokuweb/zstd-wasm'];

/**
 * The loader as one file, without the command line around it: a process that has to come up thousands of times in order to be
 * killed starts four times as fast from it as from several hundred modules. Gives its path.
 */
export function bundleLoad(): string {
  // Packages that stay outside are looked for from the file's place, so it lies in the checkout.
  const folder = join(root, 'node_modules', '.cache', 'sluice');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `kill-load-${process.pid}.mjs`);
  buildSync({
    entryPoints: [join(root, 'test/support/kill-load.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: nativePackages,
    // Packages of the older kind ask for Node's own modules with `require`.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'error',
  });
  return outfile;
}
