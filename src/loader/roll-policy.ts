import type { RollCause } from '../offsets/index.ts';

/** What is open, as far as the decision to roll needs it. */
export interface OpenState {
  isEmpty: boolean;
  /** Exclusive. */
  next: bigint;
  encodedBytes: number;
  rowCount: number;
  /** Files that a roll would make. */
  folderCount: number;
  /** Runs of offsets the ledger record will have to list. */
  runCount: number;
  /** What is due next by time, and in how many milliseconds; null: nothing. */
  timer: { cause: RollCause; inMs: number } | null;
}

export interface RollLimits {
  rollBytes: number;
  rollRecords: number;
  maxFolders: number;
  maxRuns: number;
  /** Exclusive end of a bounded load; null: continuous. */
  endOffset: bigint | null;
}

/** Why this partition should be committed now, or null. `requestedUpTo`: a bounded load beside us waits for that checkpoint. */
export function dueRoll(
  open: OpenState,
  limits: RollLimits,
  asked: { memory: boolean; requestedUpTo: bigint | null },
): RollCause | null {
  if (open.isEmpty) return null;
  if (limits.endOffset !== null && open.next >= limits.endOffset) return 'end-of-input';
  if (open.encodedBytes >= limits.rollBytes) return 'bytes';
  if (asked.memory) return 'memory';
  if (open.rowCount >= limits.rollRecords || open.runCount >= limits.maxRuns) return 'records';
  if (open.folderCount >= limits.maxFolders) return 'folders';
  if (open.timer !== null && open.timer.inMs <= 0) return open.timer.cause;
  if (asked.requestedUpTo !== null && open.next >= asked.requestedUpTo) return 'requested';
  return null;
}
