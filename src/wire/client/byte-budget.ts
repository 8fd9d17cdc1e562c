interface Waiter {
  bytes: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Bytes that may be held at once, granted first come first served. Something larger than the whole budget gets through
 * when nothing else is held.
 */
export class ByteBudget {
  readonly #limit: number;
  readonly #waiters: Waiter[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  tryTake(bytes: number): boolean {
    if (this.#waiters.length > 0 || !this.#fits(bytes)) return false;
    this.#taken += bytes;
    return true;
  }

  take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.tryTake(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(signal!.reason);
        this.#grant();
      };
      const settle = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        bytes,
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  release(bytes: number): void {
    this.#taken -= bytes;
    this.#grant();
  }

  failWaiters(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#limit;
  }

  #grant(): void {
    while (this.#waiters.length > 0 && this.#fits(this.#waiters[0]!.bytes)) {
      const waiter = this.#waiters.shift()!;
      this.#taken += waiter.bytes;
      waiter.resolve();
    }
  }
}
