import { randomUUID } from 'node:crypto';
import { FlowProducer, type Job, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import {
  abortScope,
  anyOf,
  BadInputError,
  describeError,
  type Logger,
  SluiceError,
  silentLogger,
} from '../src/shared/index.ts';
import {
  childJobId,
  type FailedChild,
  type JobContext,
  type JobFlow,
  type JobScheduler,
  type RunOptions,
  type StepProgress,
  stepOfChildJobId,
} from './job-flow.ts';
import { lineLogger } from './line-logger.ts';
import { checkRedis, type RedisSettings, redisSettings } from './redis-connection.ts';

/** Flows of different inputs go through the same workers; each checks its own input. */
type AnyFlow = JobFlow<unknown, unknown, unknown, unknown>;

export interface RedisSchedulerOptions {
  redisUrl: string;
  /** Prefix of all keys in Redis. */
  prefix?: string;
  /** Children this process works on at the same time; 0: it only submits and waits. */
  concurrency: number;
  logger?: Logger;
  /** How long a worker may be silent before its child is given to another, ms. Default 30,000. */
  lockMs?: number;
}

/** Finished jobs stay visible for a week, at most so many. */
const keepFinished = { age: 7 * 24 * 3600, count: 1000 };

/**
 * Runs flows on BullMQ: a parent in the queue `<flow>`, its children in `<flow>-steps`, both worked on by every process
 * that has registered the flow. BullMQ may give a child to a second worker while the first is only frozen; that is safe,
 * because a child does its work through the ledger, which fences the older attempt.
 */
export class RedisScheduler implements JobScheduler {
  readonly connection: RedisSettings;
  /** Of all keys in Redis. */
  readonly prefix: string;
  readonly #options: RedisSchedulerOptions;
  readonly #logger: Logger;
  readonly #workers: Worker[] = [];
  readonly #registered = new Set<string>();
  readonly #stop = abortScope();

  private constructor(options: RedisSchedulerOptions, connection: RedisSettings) {
    this.#options = options;
    this.connection = connection;
    this.prefix = options.prefix ?? 'sluice';
    this.#logger = options.logger ?? silentLogger;
  }

  /** Throws BadInputError when the URL is wrong or no Redis answers there. */
  static async connect(options: RedisSchedulerOptions): Promise<RedisScheduler> {
    const connection = redisSettings(options.redisUrl);
    await checkRedis(connection);
    return new RedisScheduler(options, connection);
  }

  /** Starts working on the flow's queues in this process. `run` does it by itself. */
  register<I, C, R, T>(flow: JobFlow<I, C, R, T>): void {
    if (this.#registered.has(flow.name) || this.#options.concurrency === 0) return;
    this.#registered.add(flow.name);
    const anyFlow = flow as unknown as AnyFlow;
    const shared = {
      connection: this.connection,
      prefix: this.prefix,
      lockDuration: this.#options.lockMs ?? 30_000,
      stalledInterval: this.#options.lockMs ?? 30_000,
      // A stall means a killed worker, not a bad child: it must not use up the attempts.
      maxStalledCount: 100,
    };
    this.#workers.push(
      new Worker(flow.name, (job) => this.#finishParent(anyFlow, job), { ...shared, concurrency: 1 }),
      new Worker(stepsQueue(flow.name), (job) => this.#runChild(anyFlow, job), {
        ...shared,
        concurrency: this.#options.concurrency,
      }),
    );
    for (const worker of this.#workers.slice(-2)) {
      worker.on('error', (error) =>
        this.#logger.warn({ queue: worker.name, error: describeError(error) }, 'JobQueueFailed'),
      );
    }
  }

  async run<I, C, R, T>(flow: JobFlow<I, C, R, T>, input: I, options: RunOptions = {}): Promise<T> {
    this.register(flow);
    const jobId = options.jobId ?? flow.runId?.(input) ?? `${flow.name}-${randomUUID()}`;
    const signal = options.signal ? anyOf(options.signal, this.#stop.signal) : this.#stop.signal;
    const base = { connection: this.connection, prefix: this.prefix };
    const queue = new Queue(flow.name, base);
    const events = new QueueEvents(flow.name, base);
    const stepEvents = new QueueEvents(stepsQueue(flow.name), base);
    try {
      await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), stepEvents.waitUntilReady()]);
      if (options.onProgress) watchSteps(stepEvents, jobId, options.onProgress);
      if (!(await queue.getJob(jobId))) await this.submit(flow, input, jobId, signal);
      // Looked up through the queue, whose connection stays open until the job has ended.
      const job = await queue.getJob(jobId);
      if (!job)
        throw new SluiceError('job-lost', `the job ${jobId} was submitted but is not in Redis: was it flushed?`);
      return await untilAborted(waitFor<T>(job, events), signal);
    } finally {
      await Promise.allSettled([queue.close(), events.close(), stepEvents.close()]);
    }
  }

  /** Plans the job and puts it into the queue, for whoever works on it. */
  async submit<I, C, R, T>(
    flow: JobFlow<I, C, R, T>,
    input: I,
    jobId: string,
    signal: AbortSignal = this.#stop.signal,
  ): Promise<void> {
    const context = { jobId, attempt: 1, signal, logger: this.#logger.child({ job: jobId }), onProgress: () => {} };
    const children = await flow.plan(input, context);
    const producer = new FlowProducer({ connection: this.connection, prefix: this.prefix });
    try {
      const keep = { removeOnComplete: keepFinished, removeOnFail: keepFinished, keepLogs: 1000 };
      await producer.add({
        name: flow.name,
        queueName: flow.name,
        data: input,
        opts: { jobId, ...keep, attempts: 3, backoff: { type: 'exponential', delay: 1000 } },
        children: children.map((child) => ({
          name: child.step,
          queueName: stepsQueue(flow.name),
          data: child.data,
          opts: {
            jobId: childJobId(jobId, child.step),
            ...keep,
            attempts: flow.childAttempts,
            backoff: { type: 'exponential', delay: 1000, jitter: 0.5 },
            // The parent sums up what failed as well; it must not wait for ever for a child that will never succeed.
            ignoreDependencyOnFailure: true,
          },
        })),
      });
    } finally {
      await producer.close();
    }
  }

  async #runChild(flow: AnyFlow, job: Job): Promise<unknown> {
    try {
      return await flow.runChild(job.data, {
        ...this.#contextOf(job),
        onProgress: (progress) => void job.updateProgress({ ...progress }).catch(() => {}),
      });
    } catch (error) {
      if (error instanceof BadInputError) throw new UnrecoverableError(describeError(error));
      throw error;
    }
  }

  async #finishParent(flow: AnyFlow, job: Job): Promise<unknown> {
    const results = Object.values(await job.getChildrenValues());
    const failures: FailedChild[] = Object.entries(await job.getIgnoredChildrenFailures()).map(([key, error]) => ({
      step: stepOfChildJobId(job.id!, key),
      error: String(error),
    }));
    return flow.finish(flow.parseInput(job.data), results, failures, this.#contextOf(job));
  }

  #contextOf(job: Job): JobContext {
    return {
      jobId: job.id!,
      // Counts starts, not failures: a child that is started again after its worker died is a new attempt as well.
      attempt: Math.max(1, job.attemptsStarted),
      signal: this.#stop.signal,
      logger: lineLogger(this.#logger, (line) => void job.log(line).catch(() => {}), { job: job.id }),
      onProgress: () => {},
    };
  }

  /** Lets running children end in good order (they stop at their next commit), then closes the connections. */
  async close(): Promise<void> {
    this.#stop.abort(new SluiceError('closed', 'the scheduler was closed'));
    const outcomes = await Promise.allSettled(this.#workers.map((worker) => worker.close()));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** The queue of a job's children. */
export function stepsQueue(flowName: string): string {
  return `${flowName}-steps`;
}

function watchSteps(events: QueueEvents, jobId: string, onProgress: (progress: StepProgress) => void): void {
  events.on('progress', ({ jobId: id, data }) => {
    if (id.startsWith(`${jobId}.`)) onProgress(data as unknown as StepProgress);
  });
}

async function waitFor<T>(job: Job, events: QueueEvents): Promise<T> {
  try {
    return (await job.waitUntilFinished(events)) as T;
  } catch (error) {
    throw new SluiceError('job-failed', `the job ${job.id} failed: ${describeError(error)}`, { cause: error });
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
