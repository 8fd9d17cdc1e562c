import { describeError, type Logger, SluiceError } from '../../shared/index.ts';
import { BackOff } from '../../wire/client/index.ts';
import type { ConsumedBatch, ConsumedEvent, HandlerContext } from './consumed-batch.ts';
import type { ConsumerMetrics } from './consumer-metrics.ts';
import { type ConsumerSettings, isSink } from './consumer-options.ts';
import type { DeadLetters } from './dead-letters.ts';
import { patiently } from './patiently.ts';

export interface DeliverySurroundings<T> {
  settings: ConsumerSettings<T>;
  metrics: ConsumerMetrics;
  deadLetters: DeadLetters | null;
  /** Ends the waiting between attempts. */
  stopping: AbortSignal;
  /** For handlers: nobody waits for them any longer. */
  aborted: AbortSignal;
}

/** A handler that failed in every attempt, with nobody to take the events. The consumer stops before the first of them. */
export class HandlerFailedError extends SluiceError {
  constructor(batch: ConsumedBatch<unknown>, offset: bigint, attempts: number, cause: unknown) {
    const { topic, partition } = batch;
    super(
      'handler-failed',
      `the handler failed ${attempts} times at ${topic}-${partition} offset ${offset}; name a dead-letter topic to go on without such events`,
      { cause },
    );
  }
}

/**
 * Hands a batch to the handler or sink, again and again until it is done. Resolves to where to read on: `batch.next`, or where a sink
 * stands instead (null: it has lost everything of the partition).
 */
export async function deliverBatch<T>(
  batch: ConsumedBatch<T>,
  expected: bigint | null,
  surroundings: DeliverySurroundings<T>,
): Promise<bigint | null> {
  const { handler } = surroundings.settings;
  if (isSink(handler)) {
    return await retrying(batch, batch.first, surroundings, (context) => handler.store(batch, expected, context));
  }
  if (batch.events.length > 0) await handEvents(batch, batch.events, surroundings);
  return batch.next;
}

/** Tries all events together; when that fails in every attempt and there is a dead-letter topic, one by one. */
async function handEvents<T>(
  batch: ConsumedBatch<T>,
  events: readonly ConsumedEvent<T>[],
  surroundings: DeliverySurroundings<T>,
): Promise<void> {
  let left = events;
  try {
    await retrying(batch, events[0]!.offset, surroundings, async (context) => {
      const handle = surroundings.settings.handler as (all: ConsumedBatch<T>, context: HandlerContext) => unknown;
      const handled = (offset: bigint): void => {
        left = left.filter((event) => event.offset > offset);
      };
      const given = left;
      if (given.length > 0) await handle({ ...batch, events: given }, { ...context, handled });
    });
  } catch (error) {
    const { deadLetters, metrics, stopping, aborted, settings } = surroundings;
    if (!(error instanceof HandlerFailedError) || !deadLetters || left.length === 0) throw error;
    if (left.length > 1) {
      for (const event of left) await handEvents(batch, [event], surroundings);
      return;
    }
    const reason = describeError(error.cause);
    const dead = [{ ...left[0]!, reason, attempts: settings.retries.attempts }];
    const waits = { clock: settings.clock, logger: settings.logger, signal: stopping };
    await patiently('the dead-letter topic', waits, () => deadLetters.send(dead, aborted));
    metrics.deadLettered(batch);
  }
}

/** Judged by what it says: a handler may throw the error of another copy of this package, or one of its own. */
function isRetriable(error: unknown): boolean {
  return error instanceof Error && (error as { isRetriable?: unknown }).isRetriable === true;
}

async function retrying<T, R>(
  batch: ConsumedBatch<T>,
  offset: bigint,
  { settings, metrics, stopping, aborted }: DeliverySurroundings<T>,
  work: (context: HandlerContext) => Promise<R>,
): Promise<R> {
  const { retries, clock } = settings;
  const logger: Logger = settings.logger;
  const backOff = new BackOff({ firstMs: retries.firstMs, maxMs: retries.maxMs });
  for (let attempt = 1; ; attempt++) {
    aborted.throwIfAborted();
    try {
      return await work({ signal: aborted, attempt, logger, handled: () => {} });
    } catch (error) {
      if (aborted.aborted) throw error;
      if (!isRetriable(error) && attempt >= retries.attempts)
        throw new HandlerFailedError(batch, offset, attempt, error);
      const { topic, partition } = batch;
      logger.warn({ topic, partition, offset, attempt, error: describeError(error) }, 'HandlerFailed');
      metrics.retried(batch);
      await clock.sleep(backOff.nextMs(), stopping);
    }
  }
}
