import { SluiceError } from '../../shared/index.ts';

/** So many pieces of work at a time; so many may wait, in their order. */
export class Turns {
  readonly #atOnce: number;
  readonly #waitingMost: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(atOnce: number, waitingMost: number) {
    this.#atOnce = atOnce;
    this.#waitingMost = waitingMost;
  }

  /** Work of somebody who has gone while it waited is not begun. Throws SluiceError `busy` (retriable) when too many wait. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingMost) {
        throw new SluiceError('busy', 'too many questions wait already: ask again in a moment', { isRetriable: true });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve)); // whoever ends hands its place over
    } else {
      this.#underWay++;
    }
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#underWay--;
    }
  }
}
