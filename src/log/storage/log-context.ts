import type { Clock, Logger } from '../../shared/index.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import type { GroupCommit } from './group-commit.ts';
import type { LogFileSystem } from './log-file-system.ts';
import type { PinLookup } from './log-types.ts';
import type { OpenFiles } from './open-files.ts';
import type { Preallocation } from './preallocation.ts';
import type { SegmentIndexCache } from './segment-index-cache.ts';
import type { TailCache } from './tail-cache.ts';

/** What all logs of one data directory share. */
export interface LogContext {
  fileSystem: LogFileSystem;
  clock: Clock;
  logger: Logger;
  files: OpenFiles;
  indexes: SegmentIndexCache;
  tailCache: TailCache;
  commit: GroupCommit;
  checkpoints: CheckpointFile;
  preallocation: Preallocation;
  /** Asked by pinned topics; null until the coordinator has read its state. */
  pins: { lookUp: PinLookup | null };
  indexIntervalBytes: number;
  /** Memory for the keys of one cleaning. */
  cleanerMapBytes: number;
}
