import type { GroupLimits } from './group-types.ts';

export interface GroupConfig extends GroupLimits {
  /** Groups altogether; more are refused, so that nobody can fill the memory with names. */
  readonly maxGroups: number;
  /** How long the offsets of a group without members are kept. */
  readonly offsetsRetentionMs: number;
  readonly offsetsRetentionCheckIntervalMs: number;
  /** Longest metadata text of a commit, in bytes. */
  readonly maxOffsetMetadataBytes: number;
  /** The log of the coordinator is written anew when it has grown by so much. */
  readonly snapshotBytes: number;
  /** Size of the batches in that log. */
  readonly batchBytes: number;
}

export const defaultGroupConfig: GroupConfig = {
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 30 * 60_000,
  initialRebalanceDelayMs: 250,
  maxGroupSize: 1_000,
  maxGroupBytes: 8 * 1024 * 1024,
  maxGroups: 100_000,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
  offsetsRetentionCheckIntervalMs: 10 * 60_000,
  maxOffsetMetadataBytes: 4096,
  snapshotBytes: 16 * 1024 * 1024,
  batchBytes: 512 * 1024,
};
