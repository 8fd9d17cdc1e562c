import type { FetchedPartition } from '../wire/client/index.ts';

/** What was fetched for one partition and not yet taken in; fetching pauses while it holds more than its bound. */
export class PartitionInbox {
  readonly #maxBytes: number;
  readonly #onPause: () => void;
  readonly #onResume: () => void;
  #items: FetchedPartition[] = [];
  #bytes = 0;
  #isPaused = false;

  constructor(options: { maxBytes: number; onPause: () => void; onResume: () => void }) {
    this.#maxBytes = options.maxBytes;
    this.#onPause = options.onPause;
    this.#onResume = options.onResume;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(fetched: FetchedPartition): void {
    this.#items.push(fetched);
    this.#bytes += bytesOf(fetched);
    if (this.#bytes < this.#maxBytes || this.#isPaused) return;
    this.#isPaused = true;
    this.#onPause();
  }

  shift(): FetchedPartition | undefined {
    const fetched = this.#items.shift();
    if (!fetched) return undefined;
    this.#bytes -= bytesOf(fetched);
    if (this.#isPaused && this.#bytes < this.#maxBytes) {
      this.#isPaused = false;
      this.#onResume();
    }
    return fetched;
  }

  /** Forgets everything; a partition that is assigned anew is not paused. */
  clear(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#isPaused = false;
  }
}

function bytesOf(fetched: FetchedPartition): number {
  return fetched.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
}
