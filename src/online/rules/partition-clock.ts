import type { EventPlaces } from './event-places.ts';

/** How far one partition has been read. */
export interface PartitionProgress {
  topic: string;
  partition: number;
  /** The next offset: what comes again below it is ignored. */
  next: bigint;
  /** The newest event time seen, or promised, epoch ms; -Infinity at the beginning. */
  maxTimeMs: number;
}

/** A partition's progress, and what is not remembered of it. */
export interface AssignedProgress extends PartitionProgress {
  /** Its number among the engine's places. */
  place: number;
  /** It brings nothing any more, so nothing waits for it. */
  hasEnded: boolean;
}

/** A moment, and the partition (its place) that may still have an event of that very moment. */
export interface Watermark {
  timeMs: number;
  place: number;
}

/**
 * Event time of several partitions. An event is late when it is older than the newest of its own partition by more than the
 * allowed lateness: so it depends on nothing but the partition's log, and history and live agree. What is not late
 * waits until no partition can bring anything before it.
 */
export class PartitionClock {
  readonly #places: EventPlaces;
  readonly #partitions = new Map<number, AssignedProgress>();

  constructor(places: EventPlaces) {
    this.#places = places;
  }

  assign(topic: string, partition: number, next: bigint): void {
    if (this.get(topic, partition)) return;
    this.restore({ topic, partition, next, maxTimeMs: Number.NEGATIVE_INFINITY });
  }

  restore({ topic, partition, next, maxTimeMs }: PartitionProgress): void {
    const place = this.#places.numberOf(topic, partition);
    this.#partitions.set(place, { topic, partition, next, maxTimeMs, place, hasEnded: false });
  }

  get(topic: string, partition: number): AssignedProgress | undefined {
    return this.#partitions.get(this.#places.numberOf(topic, partition));
  }

  get all(): AssignedProgress[] {
    return [...this.#partitions.values()];
  }

  /** The newest event time of all partitions; -Infinity: nothing was seen. */
  get newestMs(): number {
    let newestMs = Number.NEGATIVE_INFINITY;
    for (const { maxTimeMs } of this.#partitions.values()) if (maxTimeMs > newestMs) newestMs = maxTimeMs;
    return newestMs;
  }

  /** Everything before it has come; null: everything has, as no partition brings anything any more. */
  get watermark(): Watermark | null {
    let lowest: AssignedProgress | null = null;
    for (const progress of this.#partitions.values()) {
      if (progress.hasEnded) continue;
      if (lowest === null || this.#isBefore(progress, lowest)) lowest = progress;
    }
    return lowest && { timeMs: lowest.maxTimeMs, place: lowest.place };
  }

  #isBefore(a: AssignedProgress, b: AssignedProgress): boolean {
    if (a.maxTimeMs !== b.maxTimeMs) return a.maxTimeMs < b.maxTimeMs;
    return this.#places.compare(a.place, b.place) < 0;
  }
}
