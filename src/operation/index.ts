// The door of the operation of loads: health, metrics, traces and control of a running one, and questions about what landed.

export { currentPause, readTimesAt } from '../loader/index.ts';
export { type DeadCount, type DeadPage, type DeadQuestion, readDeadPage } from './dead-page.ts';
export { type ExplainedTable, explainTable } from './explain-table.ts';
export { defaultStallMs, type Health, type HealthReason } from './load-health.ts';
export {
  controlPartition,
  findPartitions,
  LoadOperation,
  type LoadOperationOptions,
  readPauses,
} from './load-operation.ts';
export { OperationServer, type Route, type RouteAnswer, type RouteRequest } from './operation-server.ts';
export { type PlannedPartition, planLoad } from './plan-load.ts';
export { readJsonBody } from './read-json-body.ts';
export { type AskedRoll, rollNow } from './roll-now.ts';
export { type FoundOffset, type OffsetPlace, whereOffset } from './where-offset.ts';
