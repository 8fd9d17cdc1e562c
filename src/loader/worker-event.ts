import type { LoadProgress } from './load-progress.ts';
import type { OwnerEnd } from './owner-state.ts';

/** What a worker tells the load it belongs to; plain data, so that it can come from a thread. */
export type WorkerEvent =
  | Exclude<LoadProgress, { kind: 'worker-restarted' }>
  /** The worker has begun to work on a partition; it owns it once it is `owned`. */
  | { kind: 'started'; worker: number; topic: string; partition: number }
  /** An owner has stopped; a later assignment may start the partition's next one, here or elsewhere. */
  | { kind: 'ended'; worker: number; topic: string; partition: number; end: OwnerEnd };
