/** Many may read the files of a partition at once; whoever replaces files waits for them, and they for him. */
export class ReadGate {
  #readerCount = 0;
  #closed: Promise<void> | null = null;
  #whenEmpty: (() => void) | null = null;

  /** Not to be nested: the inner one would wait for an exclusive task that waits for the outer one. */
  async shared<T>(task: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#closed;
    this.#readerCount++;
    try {
      return await task();
    } finally {
      this.#readerCount--;
      if (this.#readerCount === 0) this.#whenEmpty?.();
    }
  }

  /** One at a time: the caller sees to that. */
  async exclusive<T>(task: () => Promise<T>): Promise<T> {
    let open = (): void => {};
    this.#closed = new Promise((resolve) => {
      open = resolve;
    });
    try {
      if (this.#readerCount > 0) {
        await new Promise<void>((resolve) => {
          this.#whenEmpty = resolve;
        });
      }
      return await task();
    } finally {
      this.#whenEmpty = null;
      this.#closed = null;
      open();
    }
  }
}
