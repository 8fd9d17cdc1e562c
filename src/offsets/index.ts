export { decodeSealedJson, encodeSealedJson } from './canonical-json.ts';
export { readHistory } from './chain-history.ts';
export { readChain } from './chain-reader.ts';
export { type ChainState, isRetracted } from './chain-state.ts';
export type { ChainOptions } from './chain-writer.ts';
export { type ClaimOptions, describeOwner } from './claim-rules.ts';
export { describeOffsets, listTopics, type OffsetsFilter, type PartitionOffsets } from './describe-offsets.ts';
export { readLayout, settleLayout } from './layout-store.ts';
export { FencedError, LedgerError, type LedgerErrorCode } from './ledger-error.ts';
export { type ChainId, stagingFolder } from './ledger-paths.ts';
export type {
  ClaimRecord,
  CommitRecord,
  EraEndRecord,
  GapRecord,
  LastCommit,
  LedgerFile,
  LedgerHolder,
  LedgerOwner,
  LedgerRecord,
  LedgerTotals,
  NotLanded,
  OffsetRun,
  ReleaseRecord,
  RepairRecord,
  RewindRecord,
  RollCause,
  SnapshotPointer,
} from './ledger-record.ts';
export { examineDamage, type LedgerDamage, voidDamagedRecord } from './ledger-repair.ts';
export { mapBounded } from './map-bounded.ts';
export { NumberedFiles } from './numbered-files.ts';
export * from './offset-intervals.ts';
export { type CommitInput, PartitionChain } from './partition-chain.ts';
export { maxRunsPerCommit } from './record-codec.ts';
export { type SchemaPublication, SchemaStore } from './schema-store.ts';
export { filesUpTo, type LiveFile, liveFiles, tableFileOf } from './table-chain/live-files.ts';
export { landedCount, type OffsetClasses, PartitionAccounts } from './table-chain/partition-accounts.ts';
export { clearHours } from './table-chain/retired-hours.ts';
export { TableChain, type TableChainOptions, thisProcess } from './table-chain/table-chain.ts';
export { replacedPath, rewriteFileName, rewriteFolders, rewriteStaging } from './table-chain/table-paths.ts';
export type {
  AddedFile,
  FileRange,
  HourMark,
  HourRecord,
  IntentOperation,
  IntentRecord,
  PartitionRange,
  PartitionRuns,
  RangeAccount,
  RetiredHour,
  RewriteOperation,
  RewriteRecord,
  TableFile,
  TableRecord,
  TableRecordBody,
  TableRepairRecord,
  TableWriter,
} from './table-chain/table-record.ts';
export {
  examineTableDamage,
  restoreTableState,
  type TableDamage,
  voidTableRecord,
} from './table-chain/table-repair.ts';
export {
  type HourState,
  type OpenIntent,
  partitionKey,
  type RewriteSummary,
  type TableState,
} from './table-chain/table-state.ts';
export { listChains, listTables } from './table-discovery.ts';
export { checkTopicIdentity, readTopicIdentity, type TopicIdentity } from './topic-identity.ts';
