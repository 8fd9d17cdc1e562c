// The door of the loader: the whole load as one function, and what it tells while it runs and at its end.

export { type AuditOptions, auditWarehouse } from './audit.ts';
export { type LogBounds, readLogBounds, readTimesAt } from './audit-log-bounds.ts';
export type { AuditProblem, AuditReport, PartitionAudit } from './audit-report.ts';
export { type ContractedOptions, type ContractSurroundings, contractOptions } from './contract-options.ts';
export type { LoadOptions, ManualAssignment, ManualPartition } from './load-options.ts';
export type {
  CommitSummary,
  LoadProgress,
  OwnerStatus,
  PartitionPosition,
  WorkerStatus,
} from './load-progress.ts';
export type { LoadReport, PartitionReport } from './load-report.ts';
export type { SealedRoll } from './open-roll.ts';
export {
  type ControlEntry,
  currentPause,
  describePause,
  type PartitionPause,
  type RequestPlace,
  readControl,
  writeControl,
} from './partition-control.ts';
export { RangeLoader, type RangeLoadSettings } from './range-load.ts';
export { requestRoll } from './roll-request.ts';
export type { RollStep, RollTrace } from './roll-trace.ts';
export { runLoad } from './run-load.ts';
export { differencesFromLoad, keepTableReading, readTableReading, type TableReading } from './table-reading.ts';
export { type KnownTopic, knownTopic } from './topic-id.ts';
