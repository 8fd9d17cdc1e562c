import type { Clock } from '../../shared/index.ts';

/** Lets one loop sleep until somebody has news for it. News that come while nobody sleeps end the next sleep at once. */
export class Waker {
  readonly #clock: Clock;
  #nap: AbortController | null = null;
  #hasNews = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#hasNews = true;
    this.#nap?.abort();
  }

  /** Returns after `ms`, or on `wake`; throws the signal's reason when it is aborted. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#hasNews && ms > 0) {
      const nap = new AbortController();
      const onAbort = (): void => nap.abort();
      this.#nap = nap;
      signal?.addEventListener('abort', onAbort, { once: true });
      await this.#clock.sleep(ms, nap.signal).catch(() => {}); // woken: the reasons are looked at below
      signal?.removeEventListener('abort', onAbort);
      this.#nap = null;
    }
    this.#hasNews = false;
    signal?.throwIfAborted();
  }
}
