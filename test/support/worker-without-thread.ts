// Stands in for the loader's `worker-thread.ts` in `light-sluice.ts`.
export { startInProcess, startInProcess as startInThread } from '../../src/loader/worker-thread.ts';
