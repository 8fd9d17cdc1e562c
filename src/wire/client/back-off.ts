import type { Clock } from '../../shared/index.ts';
import { isRetriable } from './kafka-error.ts';

/** Exponential waits between half of the step and the whole step, so that many waiters do not come back in step. */
export class BackOff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: { firstMs: number; maxMs: number; random?: () => number }) {
    this.#firstMs = options.firstMs;
    this.#maxMs = options.maxMs;
    this.#random = options.random ?? Math.random;
  }

  nextMs(): number {
    const step = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt++;
    return step / 2 + (step / 2) * this.#random();
  }

  reset(): void {
    this.#attempt = 0;
  }
}

export interface RetryOptions {
  clock: Clock;
  /** No new attempt starts after this many milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Called before each wait; drops what the failed attempt relied on, e.g. a cached leader. */
  onRetry?: (error: unknown) => void;
}

/** Runs `attempt` until it succeeds, fails for good, or the time is over; then the last error is thrown. */
export async function withRetries<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { clock, signal, timeoutMs } = options;
  const backOff = new BackOff({ firstMs: 50, maxMs: 1000 });
  const startedMs = clock.monotonicMs();
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || !isRetriable(error)) throw error;
      const waitMs = backOff.nextMs();
      if (clock.monotonicMs() - startedMs + waitMs > timeoutMs) throw error;
      options.onRetry?.(error);
      await clock.sleep(waitMs, signal);
    }
  }
}

/** `promise`, or the rejection with the signal's reason when that comes first. The promise itself goes on and is not lost to an unhandled rejection. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  promise.catch(() => {});
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
