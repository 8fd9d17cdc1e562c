import { randomUUID } from 'node:crypto';
import {
  abortScope,
  anyOf,
  type Clock,
  describeError,
  isAbortError,
  type Logger,
  SluiceError,
  silentLogger,
  systemClock,
} from '../src/shared/index.ts';
import {
  childJobId,
  type FailedChild,
  type JobContext,
  type JobFlow,
  type JobScheduler,
  type PlannedChild,
  type RunOptions,
} from './job-flow.ts';

export interface InProcessOptions {
  /** Children that run at the same time. */
  concurrency: number;
  logger?: Logger;
  clock?: Clock;
}

const retryDelayMs = 1000;
const maxRetryDelayMs = 60_000;

/** Runs flows in this process: what a laptop needs, and what a test can hold still. Nothing survives the process. */
export class InProcessScheduler implements JobScheduler {
  readonly #concurrency: number;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #stop = abortScope();

  constructor(options: InProcessOptions) {
    this.#concurrency = options.concurrency;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
  }

  run<I, C, R, T>(flow: JobFlow<I, C, R, T>, input: I, options: RunOptions = {}): Promise<T> {
    const jobId = options.jobId ?? flow.runId?.(input) ?? `${flow.name}-${randomUUID()}`;
    const joined = this.#running.get(jobId);
    if (joined) return joined as Promise<T>;
    const signal = options.signal ? anyOf(options.signal, this.#stop.signal) : this.#stop.signal;
    const context: JobContext = {
      jobId,
      attempt: options.firstAttempt ?? 1,
      signal,
      logger: options.logger ?? this.#logger.child({ job: jobId }),
      onProgress: options.onProgress ?? (() => {}),
    };
    const work = this.#runFlow(flow, input, context).finally(() => this.#running.delete(jobId));
    this.#running.set(jobId, work);
    return work;
  }

  async #runFlow<I, C, R, T>(flow: JobFlow<I, C, R, T>, input: I, context: JobContext): Promise<T> {
    const waiting = await flow.plan(input, context);
    const results: R[] = [];
    const failures: FailedChild[] = [];
    const lane = async (): Promise<void> => {
      for (let child = waiting.shift(); child; child = waiting.shift()) {
        try {
          results.push(await this.#runChild(flow, child, context));
        } catch (error) {
          context.signal.throwIfAborted();
          failures.push({ step: child.step, error: describeError(error) });
        }
      }
    };
    // One lane that is aborted must not leave the others behind as unhandled.
    const lanes = await Promise.allSettled(Array.from({ length: this.#concurrency }, lane));
    for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason;
    return flow.finish(input, results, failures, context);
  }

  async #runChild<I, C, R, T>(flow: JobFlow<I, C, R, T>, child: PlannedChild<C>, parent: JobContext): Promise<R> {
    for (let attempt = parent.attempt; ; attempt++) {
      const context = { ...parent, jobId: childJobId(parent.jobId, child.step), attempt };
      try {
        return await flow.runChild(child.data, context);
      } catch (error) {
        const isFinal =
          attempt - parent.attempt + 1 >= flow.childAttempts ||
          (error instanceof SluiceError && error.code === 'bad-input');
        if (isFinal || isAbortError(error) || parent.signal.aborted) throw error;
        parent.logger.warn({ step: child.step, attempt, error: describeError(error) }, 'JobStepFailed');
        await this.#clock.sleep(
          Math.min(maxRetryDelayMs, retryDelayMs * 2 ** (attempt - parent.attempt)),
          parent.signal,
        );
      }
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new SluiceError('closed', 'the scheduler was closed'));
    await Promise.allSettled(this.#running.values());
  }
}
