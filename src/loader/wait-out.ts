import { LedgerError } from '../offsets/index.ts';
import { type Clock, describeError, type Logger, SluiceError } from '../shared/index.ts';
import { BackOff } from '../wire/client/index.ts';

/** A failure that is being waited out: what is tried (an event's name), and why it did not work. */
export interface Delay {
  event: string;
  attempt: number;
  reason: string;
  /** Of the error, when it is one of ours. */
  code: string;
}

export interface WaitContext {
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** Told of every failure before the wait, and with null when it is over. */
  onDelay?: ((delay: Delay | null) => void) | undefined;
}

const quietAttempts = 5;

/**
 * Repeats `work`, which must be safe to repeat, for as long as the warehouse or the cluster is in trouble; the log keeps the
 * records meanwhile. What the ledger says is final, and so is what we did not raise ourselves. `event` is what the log
 * calls it: a warning at first, an alarm when it lasts.
 */
export async function waitOut<T>(event: string, context: WaitContext, work: () => Promise<T>): Promise<T> {
  const { clock, logger, signal, onDelay } = context;
  const backOff = new BackOff({ firstMs: 200, maxMs: 30_000 });
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      const result = await work();
      if (attempt > 1) onDelay?.(null);
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (!isWorthWaiting(error)) throw error;
      const reason = describeError(error);
      onDelay?.({ event, attempt, reason, code: codeOf(error) });
      logger[attempt > quietAttempts ? 'error' : 'warn']({ attempt, reason }, event);
      await clock.sleep(backOff.nextMs(), signal);
    }
  }
}

/** A full disk, a quota, a right that is missing: somebody repairs it, and the load goes on without losing what is open. */
function isWorthWaiting(error: unknown): boolean {
  if (error instanceof LedgerError) return error.isRetriable && error.code !== 'in-doubt';
  return error instanceof SluiceError && (error.isRetriable || waitableCodes.has(error.code));
}

export function codeOf(error: unknown): string {
  return error instanceof SluiceError ? error.code : 'unexpected';
}

const waitableCodes: ReadonlySet<string> = new Set([
  'no-space',
  'quota-exceeded',
  'permission-denied',
  'untrusted',
  'unavailable',
  'uncertain',
  'remote',
]);
