// The door of the loader: the whole load as one function, and what it tells while it runs and at its end.

export { type AuditOptions, auditWarehouse } from './audit.ts';
export { type LogBounds, readLogBounds, readTimesAt } from './audit-log-bounds.ts';
export type { AuditProblem, AuditReport, PartitionAudit } from './audit-report.ts';
export type { LoadOptions, ManualAssignment, ManualPartition } from './load-options.ts';
export type { CommitSummary, LoadProgress, PartitionPosition } from './load-progress.ts';
export type { LoadReport, PartitionReport } from './load-report.ts';
export { runLoad } from './run-load.ts';
