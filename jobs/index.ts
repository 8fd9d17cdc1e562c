export { FileJobStore } from './file-job-store.ts';
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
export { type AnyJob, allJobs, findJob, jobNames } from './job-registry.ts';
export { checkSchedule, type JobSchedule, nextDueMs } from './job-schedule.ts';
export type { JobRun, JobStore, SchedulePause, ScheduleState } from './job-store.ts';
export { jobsPage, type ShownSchedule } from './jobs-page.ts';
export { type LoadWindowInput, type LoadWindowResult, loadWindow } from './load-window.ts';
export { RedisJobStore } from './redis-job-store.ts';
export { RedisScheduler, type RedisSchedulerOptions } from './redis-scheduler.ts';
export { ScheduleTicker } from './schedule-ticker.ts';
export type { JobOutcome, JobResult } from './table-jobs.ts';
