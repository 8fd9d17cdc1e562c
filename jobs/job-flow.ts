import type { Logger } from '../src/shared/index.ts';

/** What a running step of a job is given. */
export interface JobContext {
  /** Stays the same over all attempts of a step; safe in file names and ledger records. */
  jobId: string;
  /** 1 for the first attempt. */
  attempt: number;
  signal: AbortSignal;
  logger: Logger;
  /** Reports how far this step is, for whoever watches; at a bounded rate. */
  onProgress: (progress: StepProgress) => void;
}

export interface StepProgress {
  /** Name of the step, e.g. `events/3`. */
  step: string;
  rows: string;
}

/** A failed child as its parent sees it. */
export interface FailedChild {
  step: string;
  error: string;
}

/**
 * A job as a parent with children: `plan` cuts the work, `runChild` does one piece and may be repeated after a crash,
 * `finish` sums up. All three are plain functions of JSON values, so the same job runs on BullMQ over Redis, where each
 * piece may be on another machine, and on the in-process scheduler. Events never pass through a queue, only work.
 */
export interface JobFlow<Input, Child, ChildResult, Result> {
  /** Verb and object in kebab-case; also the name of the queue. */
  name: string;
  /** Checks what came over the wire or the command line. Throws BadInputError. */
  parseInput(value: unknown): Input;
  plan(input: Input, context: JobContext): Promise<PlannedChild<Child>[]>;
  runChild(child: Child, context: JobContext): Promise<ChildResult>;
  finish(input: Input, results: ChildResult[], failures: FailedChild[], context: JobContext): Promise<Result>;
  /** The id of a run of this input, for jobs of which one at a time is enough; left out: every run is its own. */
  runId?(input: Input): string;
  /** How often a child is tried, with exponential back-off, before it counts as failed. */
  childAttempts: number;
}

export interface PlannedChild<Child> {
  /** Unique within the job, e.g. `events/3`. */
  step: string;
  data: Child;
}

/** Runs flows. `run` resolves with the result of `finish`. */
export interface JobScheduler {
  run<I, C, R, T>(flow: JobFlow<I, C, R, T>, input: I, options?: RunOptions): Promise<T>;
  close(): Promise<void>;
}

export interface RunOptions {
  /** The same id again joins the job that is there instead of doing it twice. Default: a new one. */
  jobId?: string;
  signal?: AbortSignal;
  onProgress?: (progress: StepProgress) => void;
  /** In this process only: where the run's log goes, and which attempt it begins with (a run that died goes on with the next). */
  logger?: Logger;
  firstAttempt?: number;
}

/** The job id of a child: BullMQ's ids may not hold ':', and '/' stays readable as %2F. */
export function childJobId(jobId: string, step: string): string {
  return `${jobId}.${encodeURIComponent(step)}`;
}

export function stepOfChildJobId(jobId: string, childId: string): string {
  return decodeURIComponent(childId.slice(childId.indexOf(`${jobId}.`) + jobId.length + 1));
}
