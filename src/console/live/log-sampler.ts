import { describeError } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import type { ConsoleContext } from '../console-context.ts';
import type { GameCounts } from './game-counts.ts';
import type { LogSight } from './log-look.ts';
import type { SharedLook } from './shared-look.ts';

export interface SamplerLimits {
  /** Of the log, read in one second at most; the rest of that second is passed over and estimated. */
  bytesPerSecond: number;
  /** How far back it begins, and with how many records at most. */
  historyMs: number;
  historyRecords: number;
  /** Partitions read at the same time. */
  maxPartitions: number;
}

export const defaultSamplerLimits: SamplerLimits = {
  bytesPerSecond: 8 * 1024 * 1024,
  historyMs: 15 * 60_000,
  historyRecords: 150_000,
  maxPartitions: 256,
};

const recordsAtOnce = 2000;
const topicsEveryMs = 15_000;

/** Reads along at the end of the log and counts what happens in the games: as much as it may, in bounded time and memory. */
export class LogSampler {
  readonly #context: ConsoleContext;
  readonly #log: SharedLook<LogSight>;
  readonly #counts: GameCounts;
  readonly #limits: SamplerLimits;
  /** Where each partition ended when it was assigned: what lies before is the past, which nobody is in a hurry for. */
  readonly #assigned = new Map<string, bigint>();
  #spentBytes = 0;
  #secondStartMs = 0;

  constructor(context: ConsoleContext, log: SharedLook<LogSight>, counts: GameCounts, limits: SamplerLimits) {
    this.#context = context;
    this.#log = log;
    this.#counts = counts;
    this.#limits = limits;
  }

  /** Until the signal; never rejects. Trouble of the cluster is waited out. */
  async run(signal: AbortSignal): Promise<void> {
    const { cluster, clock, logger } = this.#context;
    while (!signal.aborted) {
      const fetcher = new BatchFetcher({
        cluster,
        isolation: 'read_committed',
        maxBytes: 16 * 1024 * 1024,
        maxWaitMs: 500,
      });
      try {
        await this.#read(fetcher, signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.debug({ reason: describeError(error) }, 'SamplingInterrupted');
        await clock.sleep(1000, signal).catch(() => {});
      } finally {
        this.#assigned.clear();
        await fetcher.close();
      }
    }
  }

  async #read(fetcher: BatchFetcher, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    let assignedMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      if (clock.monotonicMs() - assignedMs > topicsEveryMs) {
        await this.#assignNew(fetcher, signal);
        assignedMs = clock.monotonicMs();
      }
      for (const fetched of await fetcher.poll({ signal })) {
        if (fetched.error) {
          fetcher.unassign(fetched.topic, fetched.partition);
          this.#assigned.delete(`${fetched.topic}/${fetched.partition}`);
          continue;
        }
        await this.#take(fetcher, fetched, signal);
      }
    }
  }

  /** Partitions that were not there before: their history first. Those that show up later are read from their beginning. */
  async #assignNew(fetcher: BatchFetcher, signal: AbortSignal): Promise<void> {
    const { topics } = await this.#log.get();
    const isFirst = this.#assigned.size === 0;
    const shown = topics.filter(({ name, isInternal }) => !isInternal && !name.startsWith('_'));
    const sinceMs = this.#context.clock.nowMs() - this.#limits.historyMs;
    for (const { name, partitions } of shown) {
      const room = this.#limits.maxPartitions - this.#assigned.size;
      const fresh = partitions
        .filter(({ partition }) => !this.#assigned.has(`${name}/${partition}`))
        .slice(0, Math.max(0, room));
      if (fresh.length === 0) continue;
      const numbers = fresh.map(({ partition }) => partition);
      const options = { isolation: 'read_committed', signal } as const;
      const found = await this.#context.cluster.listOffsets(name, numbers, BigInt(Math.floor(sinceMs)), options);
      const most = BigInt(Math.ceil(this.#limits.historyRecords / Math.max(1, isFirst ? fresh.length : 1)));
      for (const { partition, start, end } of fresh) {
        const at = found.get(partition)?.offset ?? -1n;
        const wanted = at < 0n ? end : at;
        const earliest = end - most > start ? end - most : start;
        fetcher.assign(name, partition, wanted > earliest ? wanted : earliest);
        this.#assigned.set(`${name}/${partition}`, end);
      }
    }
  }

  async #take(fetcher: BatchFetcher, fetched: FetchedPartition, signal: AbortSignal): Promise<void> {
    const { topic, partition, batches, fetchOffset, highWatermark, nextOffset } = fetched;
    const pastEnd = this.#assigned.get(`${topic}/${partition}`) ?? 0n;
    for (const { bytes, header, isAborted } of batches) {
      if (isAborted || header.isControl) continue;
      const isPast = header.lastOffset < pastEnd;
      if (isPast) await this.#untilMaySpend(signal);
      if (!this.#maySpend(bytes.length) && !isPast) {
        this.#counts.skip(Number(header.maxTimestamp), header.recordCount);
        continue;
      }
      const cursor = new RecordCursor(bytes);
      for (let i = 0; cursor.next(); i++) {
        const value = cursor.offset < fetchOffset ? null : cursor.value();
        if (value) this.#counts.add(Number(cursor.timestamp), value);
        if (i % recordsAtOnce === recordsAtOnce - 1) await breathe(signal);
      }
    }
    const isBehind = highWatermark - nextOffset > BigInt(recordsAtOnce);
    if (isBehind && this.#isSpent && nextOffset >= pastEnd) {
      // Live matters more than whole: what was passed over counts as if it were like what was read.
      this.#counts.skip(this.#context.clock.nowMs(), Number(highWatermark - nextOffset));
      fetcher.assign(topic, partition, highWatermark);
    }
    await breathe(signal);
  }

  get #isSpent(): boolean {
    return this.#spentBytes > this.#limits.bytesPerSecond;
  }

  /** A gap in the past would stay on the page for a quarter of an hour: the past is read in full, but slowly. */
  async #untilMaySpend(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    if (!this.#isSpent) return;
    const leftMs = this.#secondStartMs + 1000 - clock.monotonicMs();
    if (leftMs > 0) await clock.sleep(leftMs, signal);
  }

  #maySpend(byteCount: number): boolean {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#spentBytes = 0;
    }
    this.#spentBytes += byteCount;
    return !this.#isSpent;
  }
}

/** Lets others of this process have their turn. */
async function breathe(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => setImmediate(resolve));
}
