/** How far one partition has been read. */
export interface PartitionProgress {
  topic: string;
  partition: number;
  /** The next offset: what comes again below it is ignored. */
  next: bigint;
  /** The newest event time seen, or promised, epoch ms; -Infinity at the beginning. */
  maxTimeMs: number;
}

/** A moment, and the partition that may still have an event of that very moment. */
export interface Watermark {
  timeMs: number;
  topic: string;
  partition: number;
}

/**
 * Event time of several partitions. An event is late when it is older than the newest of its own partition by more than the
 * allowed lateness: so it depends on nothing but the partition's log, and history and live agree. What is not late
 * waits until no partition can bring anything before it.
 */
export class PartitionClock {
  readonly #partitions = new Map<string, PartitionProgress>();

  assign(topic: string, partition: number, next: bigint): void {
    const key = `${topic}-${partition}`;
    if (this.#partitions.has(key)) return;
    this.#partitions.set(key, { topic, partition, next, maxTimeMs: Number.NEGATIVE_INFINITY });
  }

  restore(progress: PartitionProgress): void {
    this.#partitions.set(`${progress.topic}-${progress.partition}`, { ...progress });
  }

  get(topic: string, partition: number): PartitionProgress | undefined {
    return this.#partitions.get(`${topic}-${partition}`);
  }

  get all(): PartitionProgress[] {
    return [...this.#partitions.values()];
  }

  /** The newest event time of all partitions; -Infinity: nothing was seen. */
  get newestMs(): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...this.all.map(({ maxTimeMs }) => maxTimeMs));
  }

  /** Everything before it has come, with that lateness. */
  watermark(latenessMs: number): Watermark {
    let lowest: Watermark | null = null;
    for (const { topic, partition, maxTimeMs } of this.#partitions.values()) {
      const candidate = { timeMs: maxTimeMs - latenessMs, topic, partition };
      if (!lowest || isBefore(candidate, lowest)) lowest = candidate;
    }
    return lowest ?? { timeMs: Number.NEGATIVE_INFINITY, topic: '', partition: -1 };
  }
}

/** Whether an event of `a`'s moment and partition may be handed out although `b` is the watermark. */
export function isReached(a: { timeMs: number; topic: string; partition: number }, b: Watermark): boolean {
  return !isBefore(b, a);
}

function isBefore(a: Watermark, b: Watermark): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  return a.topic !== b.topic ? a.topic < b.topic : a.partition < b.partition;
}
