import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Their files of machine code lie beside their modules. */
const nativePackages = ['@duckdb/*', '@node-rs/*', '@napi-rs/*', 'snappy', '@bokuweb/zstd-wasm'];

/** The worker of a load in the first thread: a thread would read all modules again. */
const withoutThread: Plugin = {
  name: 'without-thread',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/worker-thread\.ts$/ }, ({ importer }) =>
      importer.endsWith('run-load.ts') ? { path: join(root, 'test/support/worker-without-thread.ts') } : null,
    );
  },
};

/**
 * The `sluice` of this checkout made for starting up thousands of times, only to be killed: the same program in few files, with the
 * worker of a load in its first thread. A load from it needs a third of the processor time. Gives the path of the program; `remove`
 * deletes it.
 */
export async function buildLightSluice(): Promise<{ program: string; remove: () => void }> {
  // Packages that stay outside are looked for from the program's place, so it lies in the checkout.
  const outdir = join(root, 'node_modules', '.cache', `light-sluice-${process.pid}`);
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'package.json'), '{"type":"module"}');
  await build({
    entryPoints: { sluice: join(root, 'src/cli/main.ts') },
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: nativePackages,
    plugins: [withoutThread],
    // Packages of the older kind ask for Node's own modules with `require`.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'error',
  });
  return { program: join(outdir, 'sluice.js'), remove: () => rmSync(outdir, { recursive: true, force: true }) };
}
