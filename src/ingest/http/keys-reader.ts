import { type Clock, describeError, type Logger, SluiceError, WakeUp } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition, type KafkaCluster } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import { type HttpError, overloaded } from './http-error.ts';
import { KeyClaims, type KeyState } from './key-claims.ts';

export interface KeysReaderOptions {
  cluster: KafkaCluster;
  topic: string;
  /** For how long a key is of interest. */
  keepMs: number;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

/** Follows the topic of keys. */
export class KeysReader {
  readonly claims: KeyClaims;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #meetings = new Map<
    string,
    { resolve: (state: KeyState | undefined) => void; reject: (e: Error) => void }
  >();
  readonly #watchers = new Map<string, Set<WakeUp>>();
  #failure: Error | null = null;

  private constructor(keepMs: number, clock: Clock, signal: AbortSignal) {
    this.claims = new KeyClaims(keepMs);
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Resolves when everything that is in the topic now has been read. `onEnd`: it follows no longer. */
  static async start(options: KeysReaderOptions, onEnd: () => void): Promise<KeysReader> {
    const { cluster, topic, keepMs, clock, logger, signal } = options;
    const reader = new KeysReader(keepMs, clock, signal);
    try {
      const fetcher = new BatchFetcher({ cluster, isolation: 'read_uncommitted', maxWaitMs: 250 });
      const behind = await assignAll(fetcher, options);
      await new Promise<void>((resolve, reject) => {
        reader.#follow(fetcher, behind, resolve).catch((error: Error) => {
          if (!signal.aborted) logger.warn({ topic, reason: describeError(error) }, 'KeysNotRead');
          onEnd();
          reader.#fail(error);
          reject(error);
        });
      });
      return reader;
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      throw unreadable(error);
    }
  }

  /** What is known of its key right behind the claim `by`, when that is read. */
  met(by: string): Promise<KeyState | undefined> {
    if (this.#failure) throw unreadable(this.#failure);
    const met = new Promise<KeyState | undefined>((resolve, reject) => this.#meetings.set(by, { resolve, reject }));
    met.catch(() => {}); // whoever waits for it is told
    return met;
  }

  forget(by: string): void {
    this.#meetings.delete(by);
  }

  /** Resolves when something about the key was read, or after `ms`. */
  async changed(hash: string, ms: number): Promise<void> {
    if (this.#failure) throw unreadable(this.#failure);
    const watchers = this.#watchers.get(hash) ?? new Set();
    this.#watchers.set(hash, watchers);
    const wakeUp = new WakeUp();
    watchers.add(wakeUp);
    await wakeUp.sleep(this.#clock, ms, this.#signal);
    watchers.delete(wakeUp);
    if (watchers.size === 0) this.#watchers.delete(hash);
    this.#signal.throwIfAborted();
  }

  async #follow(fetcher: BatchFetcher, behind: Map<number, bigint>, onReady: () => void): Promise<never> {
    try {
      while (true) {
        if (behind.size === 0) onReady();
        for (const fetched of await fetcher.poll({ signal: this.#signal })) {
          this.#take(fetched);
          if (fetched.nextOffset >= (behind.get(fetched.partition) ?? 0n)) behind.delete(fetched.partition);
        }
      }
    } finally {
      await fetcher.close();
    }
  }

  #take({ topic, partition, batches, error }: FetchedPartition): void {
    if (error) throw new SluiceError('keys-unreadable', `${topic}-${partition} cannot be read`, { cause: error });
    const seenMs = this.#clock.monotonicMs();
    for (const { bytes, header } of batches) {
      if (header.isControl) continue;
      const cursor = new RecordCursor(bytes);
      while (cursor.next()) {
        const hash = cursor.key()?.toString('latin1');
        if (hash === undefined) continue;
        const record = this.claims.take(hash, cursor.value(), Number(cursor.timestamp), seenMs);
        if (record) this.#tell(hash, record.by);
      }
    }
  }

  #tell(hash: string, by: string): void {
    this.#meetings.get(by)?.resolve(this.claims.state(hash));
    this.#meetings.delete(by);
    for (const wakeUp of this.#watchers.get(hash) ?? []) wakeUp.call();
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#meetings.values()) reject(unreadable(error));
    this.#meetings.clear();
    for (const watchers of this.#watchers.values()) for (const wakeUp of watchers) wakeUp.call();
  }
}

/** Every partition from before the first record that counts. Where each ends now, if there is anything to read. */
async function assignAll(
  fetcher: BatchFetcher,
  { cluster, topic, keepMs, clock, signal }: KeysReaderOptions,
): Promise<Map<number, bigint>> {
  const [found] = await cluster.topics({ signal }, [topic]);
  if (!found) throw new SluiceError('no-keys-topic', `expected a topic "${topic}", there is none`);
  const numbers = found.partitions.map(({ partition }) => partition);
  const isolation = 'read_uncommitted';
  const sinceMs = BigInt(Math.trunc(clock.nowMs() - 2 * keepMs));
  const starts = await cluster.listOffsets(topic, numbers, sinceMs, { isolation, signal });
  const ends = await cluster.listOffsets(topic, numbers, 'latest', { isolation, signal });
  const behind = new Map<number, bigint>();
  for (const partition of numbers) {
    const [start, end] = [starts.get(partition)!.offset, ends.get(partition)!.offset];
    if (start >= 0n && start < end) behind.set(partition, end);
    fetcher.assign(topic, partition, start < 0n ? end : start);
  }
  return behind;
}

function unreadable(cause: Error): HttpError {
  return overloaded(503, 'what other servers do cannot be read at the moment; send this again', cause);
}
