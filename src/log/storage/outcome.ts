/**
 * A result that many may wait for and often nobody does: the promise is made when it is first asked for. A rejection that
 * nobody asked for is not an unhandled one.
 */
export class Outcome {
  #state: 'open' | 'resolved' | 'rejected' = 'open';
  #error: unknown;
  #promise: Promise<void> | null = null;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get promise(): Promise<void> {
    this.#promise ??= this.#makePromise();
    return this.#promise;
  }

  resolve(): void {
    if (this.#state !== 'open') return;
    this.#state = 'resolved';
    this.#resolve();
  }

  reject(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'rejected';
    this.#error = error;
    this.#reject(error);
  }

  #makePromise(): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    promise.catch(() => {});
    if (this.#state === 'resolved') this.#resolve();
    else if (this.#state === 'rejected') this.#reject(this.#error);
    return promise;
  }
}
