// The door of the rewrites: what changes the files of a table without moving an offset.

export { type CompactedGroup, type CompactOptions, type CompactReport, compactTable } from './compact-table.ts';
export { compareWithLog, type LogComparison } from './compare-with-log.ts';
export { type DeadLetter, type DeadLetterFile, deadLetterFiles, readDeadLetters } from './dead-letters.ts';
export { type ExpiredHour, type ExpireOptions, type ExpireReport, expireHours } from './expire-hours.ts';
export { type RebuildOptions, type RebuildReport, type RebuiltPartition, rebuildLedger } from './rebuild-ledger.ts';
export { backfillRange, type ReloadOptions, type ReloadReport, reloadRange } from './reload-range.ts';
export { lineOf } from './repair-command.ts';
export { type ReplayOptions, type ReplayReport, replayDeadLetters } from './replay-dead-letters.ts';
export { type PartitionPlace, rewindPartition, skipOffsets } from './rewind-partition.ts';
export type { RewriteContext } from './rewrite-context.ts';
export { defaultTidy, type TidyOptions, type TidyReport, tidyTable } from './tidy-table.ts';
export { type UndoReport, undoRewrite } from './undo-rewrite.ts';
