import { abortScope, type Clock, describeError, type Logger, type LogLevel } from '../shared/index.ts';
import { BackOff } from '../wire/client/index.ts';
import type { WorkerSettings } from './load-options.ts';
import type { WorkerEvent } from './worker-event.ts';
import type { RunningWorker, StartWorkerOptions } from './worker-thread.ts';

export interface WorkerPoolOptions {
  start: (options: StartWorkerOptions) => RunningWorker;
  clock: Clock;
  logger: Logger;
  logLevel: LogLevel;
  emit: (event: WorkerEvent) => void;
  onRestart: (worker: number, error: string) => void;
}

/** A worker that breaks more often than this within the window is given up; the others take its partitions over. */
const maxRestarts = 5;
const restartWindowMs = 10 * 60_000;

/** Keeps the workers of a load running: restarts those that break, with back-off, and gives up those that keep breaking. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #stopping = abortScope();
  readonly #running = new Set<RunningWorker>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Runs all workers until they have ended; resolves with what the given-up ones broke with. */
  async run(settings: readonly WorkerSettings[]): Promise<string[]> {
    const outcomes = await Promise.all(settings.map((one) => this.#keepRunning(one)));
    return outcomes.flatMap((error) => error ?? []);
  }

  /** Ends all workers in good order. */
  stop(): void {
    this.#stopping.abort();
    for (const worker of this.#running) worker.stop();
  }

  /** Null: ended in good order. */
  async #keepRunning(settings: WorkerSettings): Promise<string | null> {
    const { clock, logger, onRestart } = this.#options;
    const backOff = new BackOff({ firstMs: 500, maxMs: 30_000 });
    const brokenAtMs: number[] = [];
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#runOnce(settings);
        return null;
      } catch (error) {
        const reason = `worker ${settings.workerIndex}: ${describeError(error)}`;
        if (this.#stopping.signal.aborted) return reason;
        brokenAtMs.push(clock.monotonicMs());
        const recent = brokenAtMs.filter((ms) => clock.monotonicMs() - ms < restartWindowMs);
        logger.error({ worker: settings.workerIndex, reason, restarts: recent.length }, 'WorkerBroke');
        if (recent.length > maxRestarts) return reason;
        onRestart(settings.workerIndex, reason);
        await clock.sleep(backOff.nextMs(), this.#stopping.signal).catch(() => {});
      }
    }
    return null;
  }

  async #runOnce(settings: WorkerSettings): Promise<void> {
    const { start, clock, logger, logLevel, emit } = this.#options;
    const worker = start({ settings, emit, clock, logger, logLevel });
    this.#running.add(worker);
    if (this.#stopping.signal.aborted) worker.stop();
    try {
      await worker.ended;
    } finally {
      this.#running.delete(worker);
    }
  }
}
