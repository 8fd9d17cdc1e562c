interface Waiter {
  grant: () => void;
  fail: (error: unknown) => void;
}

/**
 * A counting semaphore, first come first served, whose queue is bounded too. A slot is taken at the moment it is granted,
 * so that a newcomer can never slip in before a waiter that was already woken.
 */
export class Slots {
  readonly #size: number;
  readonly #maxWaiting: number;
  readonly #waiters: Waiter[] = [];
  #taken = 0;

  constructor(size: number, maxWaiting: number) {
    this.#size = size;
    this.#maxWaiting = maxWaiting;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Takes a slot if one is free right now. */
  tryTake(): boolean {
    if (this.#taken >= this.#size || this.#waiters.length > 0) return false;
    this.#taken++;
    return true;
  }

  /** Waits for a slot. `whenFull` makes the error for a queue that is full. */
  take(signal: AbortSignal | undefined, whenFull: () => Error): Promise<void> {
    if (this.tryTake()) return Promise.resolve();
    if (this.#waiters.length >= this.#maxWaiting) return Promise.reject(whenFull());
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(signal!.reason);
      };
      const waiter: Waiter = {
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        fail: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Gives a slot back; the first waiter gets it. */
  release(): void {
    const next = this.#waiters.shift();
    if (next) next.grant();
    else this.#taken--;
  }

  failWaiters(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.fail(error);
  }
}
