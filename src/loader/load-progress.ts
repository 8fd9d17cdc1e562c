import type { RollCause } from '../offsets/index.ts';
import type { Notice } from './noticing-logger.ts';
import type { OwnerState } from './owner-state.ts';
import type { PartitionPause } from './partition-control.ts';
import type { RollTrace } from './roll-trace.ts';
import type { Delay } from './wait-out.ts';

/** What one commit made visible. */
export interface CommitSummary {
  topic: string;
  partition: number;
  first: bigint;
  next: bigint;
  landedCount: bigint;
  deadCount: bigint;
  files: { path: string; size: number; rowCount: number }[];
  cause: RollCause;
}

/** Where one partition stands, at a bounded rate. */
export interface PartitionPosition {
  topic: string;
  partition: number;
  /** First offset not yet committed, and first not yet read. */
  checkpoint: bigint;
  position: bigint;
  /** Last stable offset as last seen. */
  logEnd: bigint;
}

/** What an owner is doing at this moment, for whoever asks why nothing happens. Times are epoch ms. */
export interface OwnerStatus {
  topic: string;
  topicId: string;
  partition: number;
  state: OwnerState;
  stateSinceMs: number;
  /** First offsets not yet committed, not yet encoded, not yet read; and the last stable offset as last seen. Null: not known yet. */
  checkpoint: bigint | null;
  encoded: bigint | null;
  read: bigint | null;
  logEnd: bigint | null;
  /** Encoded bytes of the open roll, its age, and what all of the partition holds in memory. */
  openBytes: number;
  openSinceMs: number | null;
  memoryBytes: number;
  isCommitting: boolean;
  pause: PartitionPause | null;
  /** What is being waited out, when something is. */
  delay: (Delay & { sinceMs: number }) | null;
}

/** What a worker is doing. `phase`: opening its connections, joining its group, or at work. */
export interface WorkerStatus {
  phase: 'opening' | 'joining' | 'working';
  phaseSinceMs: number;
  delay: (Delay & { sinceMs: number }) | null;
  /** The last call of the warehouse that had to be made again; null: none yet. A call that lasts is told of every minute. */
  trouble: (Notice & { atMs: number }) | null;
  memoryBytes: number;
  memoryBudgetBytes: number;
  owners: OwnerStatus[];
}

/** One event of a running load. */
export type LoadProgress =
  | { kind: 'committed'; worker: number; commit: CommitSummary }
  | { kind: 'positions'; worker: number; partitions: PartitionPosition[] }
  | { kind: 'owned'; worker: number; topic: string; partition: number; checkpoint: bigint }
  | { kind: 'disowned'; worker: number; topic: string; partition: number; reason: string; error: string | null }
  /** Twice a second: what everybody is doing. */
  | { kind: 'status'; worker: number; status: WorkerStatus }
  /** A step failed and will be tried again. */
  | { kind: 'delayed'; worker: number; topic: string; partition: number; delay: Delay }
  /** A roll has landed, or was dropped; with the time each step took. */
  | { kind: 'rolled'; worker: number; trace: RollTrace }
  | { kind: 'worker-restarted'; worker: number; error: string };
