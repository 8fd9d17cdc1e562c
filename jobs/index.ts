export { InProcessScheduler } from './in-process-scheduler.ts';
export type {
  FailedChild,
  JobContext,
  JobFlow,
  JobScheduler,
  PlannedChild,
  RunOptions,
  StepProgress,
} from './job-flow.ts';
export { type LoadWindowInput, type LoadWindowResult, loadWindow } from './load-window.ts';
export { RedisScheduler, type RedisSchedulerOptions } from './redis-scheduler.ts';
