/**
 * The bytes that requests of all connections take. Complete requests always get done, so readers just wait when they exceed
 * the limit. Incomplete ones may never get done: who would push them over the limit has to go.
 */
export class RequestBudget {
  readonly #maxRequestBytes: number;
  readonly #maxPartialBytes: number;
  readonly #waiting = new Set<() => void>();
  #requestBytes = 0;
  #partialBytes = 0;

  constructor(maxRequestBytes: number, maxPartialBytes: number) {
    this.#maxRequestBytes = maxRequestBytes;
    this.#maxPartialBytes = maxPartialBytes;
  }

  get requestBytes(): number {
    return this.#requestBytes;
  }

  get isExceeded(): boolean {
    return this.#requestBytes > this.#maxRequestBytes;
  }

  take(bytes: number): void {
    this.#requestBytes += bytes;
  }

  release(bytes: number): void {
    this.#requestBytes -= bytes;
    if (this.isExceeded || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once, when there is room again. */
  whenThereIsRoom(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** Changes what a connection holds of an incomplete frame; false when that is too much for all of them together. */
  changePartial(fromBytes: number, toBytes: number): boolean {
    this.#partialBytes += toBytes - fromBytes;
    return toBytes <= fromBytes || this.#partialBytes <= this.#maxPartialBytes;
  }
}
