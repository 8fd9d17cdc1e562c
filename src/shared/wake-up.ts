import type { Clock } from './clock.ts';

/**
 * Lets one coroutine sleep until somebody has news for it or a time is up. A call between two sleeps is not lost: the next
 * sleep ends at once.
 */
export class WakeUp {
  #isDue = false;
  #wake: (() => void) | null = null;

  /** Ends the current sleep, or the next one. */
  call(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  /** Returns after `ms`, on a call, or when the signal is aborted, whichever is first; never throws. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isDue || signal.aborted || ms <= 0) {
      this.#isDue = false;
      return;
    }
    const timer = new AbortController();
    const onAbort = (): void => timer.abort();
    signal.addEventListener('abort', onAbort);
    const called = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const slept = Number.isFinite(ms) ? clock.sleep(ms, timer.signal).catch(() => {}) : new Promise<void>(() => {});
    const aborted = new Promise<void>((resolve) => timer.signal.addEventListener('abort', () => resolve()));
    try {
      await Promise.race([called, slept, aborted]);
    } finally {
      this.#wake = null;
      this.#isDue = false;
      signal.removeEventListener('abort', onAbort);
      timer.abort();
    }
  }
}
