import type { RollCause } from '../offsets/index.ts';

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

/** One event of a running load. */
export type LoadProgress =
  | { kind: 'committed'; worker: number; commit: CommitSummary }
  | { kind: 'positions'; worker: number; partitions: PartitionPosition[] }
  | { kind: 'owned'; worker: number; topic: string; partition: number; checkpoint: bigint }
  | { kind: 'disowned'; worker: number; topic: string; partition: number; reason: string }
  | { kind: 'worker-restarted'; worker: number; error: string };
