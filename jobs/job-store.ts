import type { AnyJob } from './job-registry.ts';
import type { JobSchedule } from './job-schedule.ts';

/** Who paused a schedule and why. */
export interface SchedulePause {
  by: string;
  reason: string;
  atMs: number;
}

/** What is kept of a schedule between its runs. */
export interface ScheduleState {
  /** All that was due up to here is settled; null: the schedule is new. */
  lastDueMs: number | null;
  /** The run that was started last, and whether it has ended. */
  lastRunId: string | null;
  isRunning: boolean;
  pause: SchedulePause | null;
  /** What became of the last due time that made no run. */
  note: string | null;
}

/** A run of a job, as it is shown. Times are epoch ms. */
export interface JobRun {
  id: string;
  job: string;
  /** `complete`, `partial`, `failed` once it has ended. */
  state: 'waiting' | 'running' | 'complete' | 'partial' | 'failed';
  startedMs: number | null;
  endedMs: number | null;
  /** What it gave back; null: it has not ended. */
  result: unknown;
  error: string | null;
}

/** Where schedules and runs are kept: a Redis that many processes share, or a local folder. */
export interface JobStore {
  state(schedule: JobSchedule): Promise<ScheduleState>;
  /** Everything due up to `dueMs` is settled, without a run. Never goes back. */
  settle(name: string, dueMs: number, note: string | null): Promise<void>;
  /** Starts the run of this due time unless it was started already, by whomever; does not wait for its end. */
  start(schedule: JobSchedule, job: AnyJob, dueMs: number): Promise<void>;
  setPause(name: string, pause: SchedulePause | null): Promise<void>;
  /** Newest first. */
  runs(limit: number): Promise<JobRun[]>;
  /** Lines of JSON, oldest first; null: there is no such run. */
  logs(runId: string): Promise<string[] | null>;
  close(): Promise<void>;
}
