import type { Clock } from '../../shared/index.ts';

/**
 * A costly look at something, shared by everybody who asks: at most one is under way, and a new one begins only when the last
 * is older than `maxAgeMs` and than `rest` times what it took.
 */
export class SharedLook<T> {
  readonly #look: (signal: AbortSignal) => Promise<T>;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #signal: AbortSignal;
  #last: { value: T; atMs: number; tookMs: number } | null = null;
  #underWay: Promise<T> | null = null;

  constructor(options: {
    look: (signal: AbortSignal) => Promise<T>;
    clock: Clock;
    maxAgeMs: number;
    signal: AbortSignal;
  }) {
    this.#look = options.look;
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs;
    this.#signal = options.signal;
  }

  /** What the last look saw if it is fresh, else what a new one sees. */
  async get(): Promise<T> {
    const { atMs, tookMs, value } = this.#last ?? { atMs: Number.NEGATIVE_INFINITY, tookMs: 0, value: null };
    const ageMs = this.#clock.monotonicMs() - atMs;
    if (value !== null && ageMs < Math.max(this.#maxAgeMs, tookMs * rest)) return value;
    this.#underWay ??= this.#begin();
    return await this.#underWay;
  }

  /** The next question leads to a new look: something was changed. */
  forget(): void {
    this.#last = null;
  }

  async #begin(): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    try {
      const value = await this.#look(this.#signal);
      const atMs = this.#clock.monotonicMs();
      this.#last = { value, atMs, tookMs: atMs - startedMs };
      return value;
    } finally {
      this.#underWay = null;
    }
  }
}

/** Three quarters of the time are for others. */
const rest = 3;
