import { untilAborted } from '../../wire/client/index.ts';

/** Lets batches through, or holds them back: all of them, or those of single partitions (keys). */
export class PauseGate {
  #isClosed = false;
  readonly #closedFor = new Set<string>();
  #wake: () => void = () => {};
  #change: Promise<void>;

  constructor() {
    this.#change = this.#nextChange();
  }

  /** Null: for all. */
  close(key: string | null): void {
    if (key === null) this.#isClosed = true;
    else this.#closedFor.add(key);
  }

  /** Null: for all, whatever they were closed by. */
  open(key: string | null): void {
    if (key === null) {
      this.#isClosed = false;
      this.#closedFor.clear();
    } else this.#closedFor.delete(key);
    this.#wake();
    this.#change = this.#nextChange();
  }

  isClosed(key: string): boolean {
    return this.#isClosed || this.#closedFor.has(key);
  }

  async pass(key: string, signal: AbortSignal): Promise<void> {
    while (this.isClosed(key)) await untilAborted(this.#change, signal);
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
