import { rm } from 'node:fs/promises';
import {
  abortScope,
  BadInputError,
  type Clock,
  describeError,
  type Logger,
  SluiceError,
  silentLogger,
  systemClock,
} from '../shared/index.ts';
import { BoundedEnds, takeEnds } from './bounded-ends.ts';
import type { LoadOptions, WorkerSettings } from './load-options.ts';
import { type LoadTarget, openTarget } from './load-preflight.ts';
import { type LoadReport, LoadTally } from './load-report.ts';
import { type CommonSettings, commonSettings } from './load-settings.ts';
import { publishFromOutside } from './membership.ts';
import { keyOf } from './owner-set.ts';
import type { WorkerEvent } from './worker-event.ts';
import { WorkerPool } from './worker-pool.ts';
import { startInProcess, startInThread } from './worker-thread.ts';

const gigabyte = 1024 * 1024 * 1024;
const hopelessMs = 5000;

/**
 * The whole load: looks at what was named, starts the workers, and waits for the end of the input (`untilEnd`) or for
 * `options.signal`. Throws BadInputError, with nothing changed, when something that was named cannot be used; everything
 * later ends in the report.
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const context = { clock: options.clock ?? systemClock, logger: options.logger ?? silentLogger };
  const settings = commonSettings(options);
  const signal = options.signal ?? new AbortController().signal;
  let target: LoadTarget | null = null;
  try {
    target = await openTarget(options, settings, { ...context, signal });
    return await new Load(options, settings, target, context).run(signal);
  } catch (error) {
    if (!signal.aborted || error instanceof BadInputError) throw error;
    return stoppedBeforeStart(options, signal);
  } finally {
    await target?.files.close();
    await target?.cluster.close();
    await rm(settings.scratchDirectory, { recursive: true, force: true });
  }
}

/** A continuous load that is stopped while it looks around has done what it was asked; a bounded one has not. */
function stoppedBeforeStart(options: LoadOptions, signal: AbortSignal): LoadReport {
  const errors = options.untilEnd ? [`nothing was loaded: ${describeError(signal.reason)}`] : [];
  return new LoadTally().report(0, { maxDeadLetters: 0, errors });
}

/** One run: what its workers say goes into the tally, to the watch over a bounded load's ends, and to whoever listens. */
class Load {
  readonly #options: LoadOptions;
  readonly #settings: CommonSettings;
  readonly #target: LoadTarget;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tally = new LoadTally();
  readonly #pool: WorkerPool;
  /** Partitions that a worker is at work on, in whatever state. */
  readonly #started = new Set<string>();
  #ends: BoundedEnds | null = null;
  readonly #watching = abortScope();

  constructor(
    options: LoadOptions,
    settings: CommonSettings,
    target: LoadTarget,
    context: { clock: Clock; logger: Logger },
  ) {
    this.#options = options;
    this.#settings = settings;
    this.#target = target;
    this.#clock = context.clock;
    this.#logger = context.logger;
    this.#pool = new WorkerPool({
      ...context,
      start: options.workerMode === 'in-process' ? startInProcess : startInThread,
      logLevel: options.logLevel ?? 'warn',
      emit: (event) => this.#note(event),
      onRestart: (worker, error) => options.onProgress?.({ kind: 'worker-restarted', worker, error }),
    });
  }

  async run(signal: AbortSignal): Promise<LoadReport> {
    const startedMs = this.#clock.monotonicMs();
    const errors: string[] = [];
    if (this.#options.untilEnd) await this.#beginBounded(signal);
    if (!this.#ends || this.#ends.openCount > 0) errors.push(...(await this.#runWorkers(signal)));
    const left = this.#ends?.openCount ?? 0;
    if (left > 0) {
      const why = signal.aborted ? describeError(signal.reason) : 'the workers ended';
      errors.push(`${left} of the partitions have not reached their end (${why}); start the load again to go on`);
    }
    const elapsedMs = Math.round(this.#clock.monotonicMs() - startedMs);
    return this.#tally.report(elapsedMs, { maxDeadLetters: this.#options.maxDeadLetters ?? 0, errors });
  }

  /** Takes the ends of all partitions, and drops those that need no work. */
  async #beginBounded(signal: AbortSignal): Promise<void> {
    const { cluster, topics, files } = this.#target;
    const partitions = await takeEnds(cluster, topics, this.#options, signal);
    this.#ends = new BoundedEnds(partitions, { files, clock: this.#clock, logger: this.#logger });
    for (const { topic, partition, endOffset } of partitions) {
      this.#tally.partition(topic, partition).endOffset = endOffset;
      if (endOffset === 0n) this.#ends.noteEnded(topic, partition);
    }
    const landed = await this.#ends.look(signal);
    for (const one of landed) {
      this.#tally.partition(one.topic, one.partition).checkpoint = one.checkpoint;
      this.#ends.noteEnded(one.topic, one.partition);
    }
    // Whoever landed them may have died before the group heard of it, and no worker of ours will look at them.
    const positions = landed.map(({ topic, partition, checkpoint }) => ({ topic, partition, offset: checkpoint }));
    if (positions.length > 0) await publishFromOutside(cluster, this.#settings.group, positions, this.#logger);
  }

  /** Resolves when all workers have ended; with what broke those that were given up. */
  async #runWorkers(signal: AbortSignal): Promise<string[]> {
    const onStop = (): void => this.#pool.stop();
    signal.addEventListener('abort', onStop);
    if (signal.aborted) onStop();
    const watching = this.#watch();
    try {
      return await this.#pool.run(this.#workerSettings());
    } finally {
      signal.removeEventListener('abort', onStop);
      this.#watching.abort(new SluiceError('ended', 'the workers have ended'));
      await watching;
    }
  }

  /** Stops the workers when there is nothing left for them to do. */
  async #watch(): Promise<void> {
    const { signal } = this.#watching;
    try {
      if (this.#ends) {
        await this.#ends.watch((one, checkpoint) => {
          this.#tally.partition(one.topic, one.partition).checkpoint = checkpoint;
        }, signal);
      } else {
        await this.#untilHopeless(signal);
      }
      this.#pool.stop();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** A continuous load ends by itself only when every partition it had has stopped with an error. */
  async #untilHopeless(signal: AbortSignal): Promise<void> {
    for (let idleMs = 0; idleMs < hopelessMs; idleMs += 1000) {
      await this.#clock.sleep(1000, signal);
      if (this.#started.size > 0 || !this.#tally.hasErrors) idleMs = -1000;
    }
  }

  #workerSettings(): WorkerSettings[] {
    const count = this.#options.workers ?? 1;
    const memoryBytes = Math.floor((this.#options.memoryBytes ?? gigabyte) / count);
    const endOffsets = this.#ends ? new Map(this.#ends.open.map((one) => [keyOf(one), one.endOffset])) : null;
    return Array.from({ length: count }, (_, workerIndex) => ({
      ...this.#settings,
      workerIndex,
      memoryBytes,
      endOffsets,
    }));
  }

  #note(event: WorkerEvent): void {
    switch (event.kind) {
      case 'started':
        this.#started.add(keyOf(event));
        this.#ends?.noteOurs(event.topic, event.partition, true);
        return;
      case 'ended':
        this.#noteEnded(event);
        return;
      case 'committed':
        this.#tally.addCommit(event.commit);
        break;
      case 'owned': {
        const report = this.#tally.partition(event.topic, event.partition);
        report.firstCheckpoint ??= event.checkpoint;
        report.checkpoint = event.checkpoint;
        report.error = null;
      }
    }
    this.#options.onProgress?.(event);
  }

  #noteEnded({ topic, partition, end }: Extract<WorkerEvent, { kind: 'ended' }>): void {
    this.#started.delete(keyOf({ topic, partition }));
    this.#ends?.noteOurs(topic, partition, false);
    const report = this.#tally.partition(topic, partition);
    if (end.reason === 'complete') report.checkpoint = end.checkpoint;
    if (end.reason === 'failed') report.error = end.error;
    if (end.reason === 'complete' || end.reason === 'failed') this.#ends?.noteEnded(topic, partition);
  }
}
