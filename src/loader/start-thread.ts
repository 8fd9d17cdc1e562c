import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread of a module given without its extension, beside the module at `baseUrl`: `.js` from the build, `.ts` through
 * tsx when we ourselves run from the sources (tests, `npm run bench`).
 */
export function startThread(baseUrl: string, moduleName: string, options: WorkerOptions): Worker {
  if (!baseUrl.endsWith('.ts')) return new Worker(new URL(`./${moduleName}.js`, baseUrl), options);
  // A thread does not take over the loader of its parent under Node 20: it registers tsx itself and then imports the source.
  const source = JSON.stringify(new URL(`./${moduleName}.ts`, baseUrl).href);
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const parent = JSON.stringify(fileURLToPath(baseUrl));
  const bootstrap = `import(${tsx}).then(({ tsImport }) => tsImport(${source}, ${parent}))`;
  return new Worker(bootstrap, { ...options, eval: true, execArgv: [] });
}
