// Builds dist/ when it is missing or older than any source: tsc checks the types and writes their declarations, esbuild makes
// the program and the console's pages (web/).
// Imported by bin/sluice, so that the CLI runs from a checkout right after `npm ci`.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'dist', '.built');

function newestMtimeMs(path) {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) return 0;
  if (!status.isDirectory()) return status.mtimeMs;
  let newest = status.mtimeMs; // a directory's own time changes when a file is removed
  for (const name of readdirSync(path)) newest = Math.max(newest, newestMtimeMs(join(path, name)));
  return newest;
}

export function isStale() {
  const built = statSync(stamp, { throwIfNoEntry: false });
  if (!built) return true;
  const inputs = ['src', 'jobs', 'web', 'scripts/build.mjs', 'tsconfig.json', 'package.json'];
  return inputs.some((input) => newestMtimeMs(join(root, input)) > built.mtimeMs);
}

/** Two processes started at once must not build into the same folder: the second waits for the first. */
function withLock(work) {
  const lock = join(root, 'node_modules', '.sluice-build.lock');
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isAbandoned(lock)) rmSync(lock, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Whether the process that made the lock has gone without removing it: killed, or its folder was copied. */
function isAbandoned(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    const { mtimeMs } = statSync(lock);
    return Date.now() - mtimeMs > 120_000;
  } catch (error) {
    return error.code === 'ESRCH'; // EPERM: somebody else's, alive; ENOENT: just released
  }
}

export function buildIfStale({ log = () => {} } = {}) {
  if (!isStale()) return;
  withLock(() => {
    if (!isStale()) return;
    log('building dist/ (first run or changed sources)...');
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    if (!existsSync(tsc)) throw new Error(`expected the TypeScript compiler at ${tsc}; run "npm ci" first`);
    const startedMs = Date.now();
    const declarations = ['--emitDeclarationOnly', '--outDir', join(root, 'dist', 'types')];
    const command = [tsc, '-p', join(root, 'tsconfig.json'), ...declarations];
    const result = spawnSync(process.execPath, command, { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`the build failed:\n${result.stdout}${result.stderr}`);
    buildProgram();
    buildPages();
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, `${new Date(startedMs).toISOString()}\n`);
    // What was saved while the compiler ran may have been missed.
    utimesSync(stamp, new Date(startedMs), new Date(startedMs));
  });
}

/**
 * The program in a few files instead of a thousand modules, each of which Node would have to find and read: every command begins in
 * less than two thirds of the time. Packages stay outside, but zod, which has a module for every language of its messages.
 */
function buildProgram() {
  const output = join(root, 'dist', 'program');
  removeOldChunks(output);
  const { buildSync } = createRequire(import.meta.url)('esbuild');
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  buildSync({
    entryPoints: {
      sluice: join(root, 'src/cli/main.ts'),
      index: join(root, 'src/index.ts'),
      'loader-worker': join(root, 'src/loader/loader-worker.ts'),
    },
    outdir: output,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    external: Object.keys(dependencies).filter((name) => name !== 'zod'),
    logLevel: 'warning',
  });
}

/** Those of a build of today stay: a process that runs since then may still load one of them. */
function removeOldChunks(output) {
  for (const name of existsSync(output) ? readdirSync(output) : []) {
    const path = join(output, name);
    if (Date.now() - statSync(path).mtimeMs > 86_400_000) rmSync(path, { force: true });
  }
}

/** The pages as they are served: one script, one style sheet, and what is copied. The types are checked by `npm run lint`. */
function buildPages() {
  const [web, output] = [join(root, 'web'), join(root, 'dist', 'web')];
  const { buildSync } = createRequire(import.meta.url)('esbuild');
  buildSync({
    entryPoints: [join(web, 'main.tsx')],
    outfile: join(output, 'console.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
  });
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(web, name), join(output, name));
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    if (process.argv.includes('--force')) rmSync(join(root, 'dist'), { recursive: true, force: true });
    buildIfStale({ log: (line) => process.stderr.write(`${line}\n`) });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
