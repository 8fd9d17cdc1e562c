import { LedgerError } from '../offsets/index.ts';
import { type Clock, describeError, type Logger, SluiceError } from '../shared/index.ts';
import { BackOff } from '../wire/client/index.ts';

export interface WaitContext {
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

const quietAttempts = 5;

/**
 * Repeats `work`, which must be safe to repeat, for as long as the warehouse or the cluster is in trouble; the log keeps the
 * records meanwhile. What the ledger says is final, and so is what we did not raise ourselves. `event` is what the log
 * calls it: a warning at first, an alarm when it lasts.
 */
export async function waitOut<T>(event: string, context: WaitContext, work: () => Promise<T>): Promise<T> {
  const { clock, logger, signal } = context;
  const backOff = new BackOff({ firstMs: 200, maxMs: 30_000 });
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isWorthWaiting(error)) throw error;
      logger[attempt > quietAttempts ? 'error' : 'warn']({ attempt, reason: describeError(error) }, event);
      await clock.sleep(backOff.nextMs(), signal);
    }
  }
}

/** A full disk, a quota, a right that is missing: somebody repairs it, and the load goes on without losing what is open. */
function isWorthWaiting(error: unknown): boolean {
  if (error instanceof LedgerError) return error.isRetriable && error.code !== 'in-doubt';
  return error instanceof SluiceError && (error.isRetriable || waitableCodes.has(error.code));
}

const waitableCodes: ReadonlySet<string> = new Set([
  'no-space',
  'quota-exceeded',
  'permission-denied',
  'unavailable',
  'uncertain',
  'remote',
]);
