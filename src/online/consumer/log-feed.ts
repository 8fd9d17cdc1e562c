import { SluiceError } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition, type KafkaCluster } from '../../wire/client/index.ts';

interface Slot {
  /** Brought, and not yet asked for. */
  stored: FetchedPartition | null;
  taker: { resolve: (fetched: FetchedPartition) => void; reject: (error: unknown) => void } | null;
  /** Of what was handed over and is being handled. */
  heldBytes: number;
}

/** One partition, for one taker. */
export interface LogReader {
  /** The next answer with records or an error. What was handed over before counts as handled. */
  next(signal: AbortSignal): Promise<FetchedPartition>;
  close(): void;
}

/**
 * Reads many partitions from the log, each at the pace of its taker: while one answer is handled, the next is fetched, and no more.
 * Nothing is fetched at all while what was fetched and not handled has more than `maxBytes`.
 */
export class LogFeed {
  readonly #fetcher: BatchFetcher;
  readonly #maxBytes: number;
  readonly #slots = new Map<string, Slot>();
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #failure: Error | null = null;
  #room: (() => void) | null = null;
  #bytes = 0;

  constructor(cluster: KafkaCluster, maxBytes: number) {
    this.#fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 250 });
    this.#maxBytes = maxBytes;
  }

  /** Begins to read a partition at an offset; a reader that was open for it gets nothing more. */
  open(topic: string, partition: number, offset: bigint, topicId?: string): LogReader {
    const key = `${topic}-${partition}`;
    this.#release(key);
    const slot: Slot = { stored: null, taker: null, heldBytes: 0 };
    this.#slots.set(key, slot);
    this.#fetcher.assign(topic, partition, offset, topicId === undefined ? {} : { topicId });
    this.#running ??= this.#run();
    this.#makeRoom();
    return {
      next: (signal) => this.#next(topic, partition, slot, signal),
      close: () => {
        if (this.#slots.get(key) !== slot) return;
        this.#release(key);
        this.#fetcher.unassign(topic, partition);
      },
    };
  }

  /** Behind the newest committed record, as far as known; null: not yet. */
  end(topic: string, partition: number): bigint | null {
    const progress = this.#fetcher.progress(topic, partition);
    return progress && progress.lastStableOffset >= 0n ? progress.lastStableOffset : null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#makeRoom();
    await this.#running;
    await this.#fetcher.close();
  }

  async #next(topic: string, partition: number, slot: Slot, signal: AbortSignal): Promise<FetchedPartition> {
    signal.throwIfAborted();
    if (this.#failure) throw this.#failure;
    this.#bytes -= slot.heldBytes;
    slot.heldBytes = 0;
    this.#makeRoom();
    const { stored } = slot;
    slot.stored = null;
    slot.heldBytes = bytesOf(stored);
    const isCurrent = (): boolean => this.#slots.get(`${topic}-${partition}`) === slot;
    if (!isCurrent()) throw new SluiceError('closed', `${topic}-${partition} is read by another reader`);
    if (stored) this.#fetcher.resume(topic, partition);
    const fetched = stored ?? (await waitFor(slot, signal));
    if (!stored && isCurrent()) this.#fetcher.resume(topic, partition);
    return fetched;
  }

  #release(key: string): void {
    const slot = this.#slots.get(key);
    if (!slot) return;
    this.#slots.delete(key);
    this.#bytes -= slot.heldBytes + bytesOf(slot.stored);
    this.#makeRoom();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      if (this.#bytes > this.#maxBytes || this.#slots.size === 0) {
        await new Promise<void>((resolve) => (this.#room = resolve));
        continue;
      }
      try {
        for (const fetched of await this.#fetcher.poll({ signal })) this.#deliver(fetched);
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = error as Error;
        for (const { taker } of this.#slots.values()) taker?.reject(error);
        return;
      }
    }
  }

  #deliver(fetched: FetchedPartition): void {
    const { topic, partition } = fetched;
    const slot = this.#slots.get(`${topic}-${partition}`);
    if (!slot) return;
    this.#bytes += bytesOf(fetched);
    this.#fetcher.pause(topic, partition);
    if (!slot.taker) {
      slot.stored = fetched;
      return;
    }
    slot.heldBytes = bytesOf(fetched);
    slot.taker.resolve(fetched);
  }

  #makeRoom(): void {
    this.#room?.();
    this.#room = null;
  }
}

function waitFor(slot: Slot, signal: AbortSignal): Promise<FetchedPartition> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => slot.taker?.reject(signal.reason);
    const end = (): void => {
      slot.taker = null;
      signal.removeEventListener('abort', onAbort);
    };
    slot.taker = {
      resolve: (fetched) => {
        end();
        resolve(fetched);
      },
      reject: (error) => {
        end();
        reject(error);
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function bytesOf(fetched: FetchedPartition | null): number {
  return fetched ? fetched.batches.reduce((sum, { bytes }) => sum + bytes.length, 0) : 0;
}
