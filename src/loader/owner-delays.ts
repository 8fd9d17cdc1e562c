import type { Clock, Logger } from '../shared/index.ts';
import { type Delay, waitOut } from './wait-out.ts';

/** What an owner waits out at present, since when, and whom to tell of every new failure. */
export class OwnerDelays {
  readonly #options: { clock: Clock; logger: Logger; signal: AbortSignal; onDelayed: (delay: Delay) => void };
  #current: (Delay & { sinceMs: number }) | null = null;

  constructor(options: { clock: Clock; logger: Logger; signal: AbortSignal; onDelayed: (delay: Delay) => void }) {
    this.#options = options;
  }

  /** Epoch ms in `sinceMs`: of the first of the failures in a row. */
  get current(): (Delay & { sinceMs: number }) | null {
    return this.#current;
  }

  /** Null: it is over. */
  readonly note = (delay: Delay | null): void => {
    this.#current = delay && { ...delay, sinceMs: this.#current?.sinceMs ?? this.#options.clock.nowMs() };
    if (delay) this.#options.onDelayed(delay);
  };

  waitOut<T>(event: string, work: () => Promise<T>): Promise<T> {
    return waitOut(event, { ...this.#options, onDelay: this.note }, work);
  }
}
