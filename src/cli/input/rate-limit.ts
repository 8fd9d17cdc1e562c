import type { Clock } from '../../shared/index.ts';

/** Longest time that was lost (a slow broker, a suspended machine) and is caught up with. */
const CATCH_UP_MS = 1000;

/** Lets through so many records a second, evenly. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #clock: Clock;
  /** Monotonic time at which the next record may go. */
  #nextMs: number;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#nextMs = clock.monotonicMs();
  }

  /** Returns at once while we are not ahead; otherwise a promise for the moment the next record may go. */
  next(signal: AbortSignal): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs();
    this.#nextMs = Math.max(this.#nextMs, nowMs - CATCH_UP_MS) + 1000 / this.#perSecond;
    const aheadMs = this.#nextMs - nowMs;
    // Timers are not exact to the millisecond: short waits add up and are taken together.
    return aheadMs < 10 ? undefined : this.#clock.sleep(aheadMs, signal);
  }
}
