import type { EventPlaces } from './event-places.ts';
import { compareHits, HitColumns, hitBytes } from './hit-columns.ts';
import type { Watermark } from './partition-clock.ts';

const firstSize = 32;

/** Entries of one partition that came in order: first in, first out. */
interface Queue {
  hits: HitColumns;
  head: number;
  tail: number;
}

/**
 * Events that wait for earlier ones, first come out first by the order of events. Most of a partition come in that order already:
 * they stand in a queue, and the queues are merged. The others go through a heap.
 */
export class WaitingEvents {
  readonly #places: EventPlaces;
  readonly #queues: Queue[] = [];
  /** By place: the time of the first in its queue. */
  #firstTimes = new Float64Array(16);
  /** Places whose queue is not empty: a heap by the first of each. */
  readonly #open: number[] = [];
  readonly #stragglers = new HitColumns(firstSize);
  #unused: number[] = [];
  #stragglerEnd = 0;
  /** A heap of entries of `#stragglers`. */
  readonly #heap: number[] = [];
  #count = 0;

  constructor(places: EventPlaces) {
    this.#places = places;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#count * hitBytes;
  }

  /** In no order to rely on. */
  *items(): Generator<[HitColumns, number]> {
    for (const queue of this.#queues) {
      for (let i = queue?.head ?? 0; i < (queue?.tail ?? 0); i++) yield [queue.hits, i];
    }
    for (const entry of this.#heap) yield [this.#stragglers, entry];
  }

  /** Copies entry `from` of `source`. */
  push(source: HitColumns, from: number): void {
    this.#count++;
    const place = source.places[from]!;
    let queue = this.#queues[place];
    if (queue === undefined) {
      queue = { hits: new HitColumns(firstSize), head: 0, tail: 0 };
      for (let i = this.#queues.length; i < place; i++)
        this.#queues[i] ??= { hits: new HitColumns(0), head: 0, tail: 0 };
      this.#queues[place] = queue;
      if (place >= this.#firstTimes.length) this.#growFirstTimes(place);
    }
    if (queue.head < queue.tail && queue.hits.times[queue.tail - 1]! > source.times[from]!) {
      this.#pushStraggler(source, from);
      return;
    }
    if (queue.tail === queue.hits.size) makeRoom(queue);
    queue.hits.copy(queue.tail++, source, from);
    if (queue.tail - queue.head > 1) return;
    this.#firstTimes[place] = source.times[from]!;
    siftUp(this.#open, place, this.#isBeforeInQueues);
  }

  /** Moves what the watermark has reached into `reached`, in order, as much as there is room for; says how much that is. */
  drain(watermark: Watermark | null, reached: HitColumns): number {
    let count = 0;
    while (count < reached.size) {
      const place = this.#open[0];
      const straggler = this.#heap[0];
      if (place === undefined && straggler === undefined) break;
      const queue = place === undefined ? null : this.#queues[place]!;
      const isStraggler =
        straggler !== undefined &&
        (queue === null || compareHits(this.#places, this.#stragglers, straggler, queue.hits, queue.head) < 0);
      const hits = isStraggler ? this.#stragglers : queue!.hits;
      const at = isStraggler ? straggler : queue!.head;
      if (!this.#isReached(hits, at, watermark)) break;
      reached.copy(count++, hits, at);
      hits.data[at] = null;
      if (isStraggler) {
        siftDown(this.#heap, this.#heap.pop()!, this.#isBeforeInHeap);
        this.#unused.push(straggler);
      } else this.#passHead(queue!, place!);
    }
    this.#count -= count;
    return count;
  }

  #passHead(queue: Queue, place: number): void {
    queue.head++;
    if (queue.head < queue.tail) {
      const timeMs = queue.hits.times[queue.head]!;
      // At the same moment it is still the first.
      if (timeMs === this.#firstTimes[place]) return;
      this.#firstTimes[place] = timeMs;
      if (this.#open.length > 1) siftDown(this.#open, place, this.#isBeforeInQueues);
      return;
    }
    queue.head = 0;
    queue.tail = 0;
    siftDown(this.#open, this.#open.pop()!, this.#isBeforeInQueues);
  }

  #pushStraggler(source: HitColumns, from: number): void {
    const entry = this.#unused.pop() ?? this.#stragglerEnd++;
    if (entry === this.#stragglers.size) this.#stragglers.resize(entry * 2);
    this.#stragglers.copy(entry, source, from);
    siftUp(this.#heap, entry, this.#isBeforeInHeap);
  }

  #isReached(hits: HitColumns, at: number, watermark: Watermark | null): boolean {
    if (watermark === null) return true;
    const time = hits.times[at]!;
    if (time !== watermark.timeMs) return time < watermark.timeMs;
    return this.#places.compare(hits.places[at]!, watermark.place) <= 0;
  }

  #growFirstTimes(place: number): void {
    const times = this.#firstTimes;
    this.#firstTimes = new Float64Array(place * 2);
    this.#firstTimes.set(times);
  }

  readonly #isBeforeInQueues = (a: number, b: number): boolean => {
    const [timeA, timeB] = [this.#firstTimes[a]!, this.#firstTimes[b]!];
    if (timeA !== timeB) return timeA < timeB;
    const [left, right] = [this.#queues[a]!, this.#queues[b]!];
    return compareHits(this.#places, left.hits, left.head, right.hits, right.head) < 0;
  };

  readonly #isBeforeInHeap = (a: number, b: number): boolean =>
    compareHits(this.#places, this.#stragglers, a, this.#stragglers, b) < 0;
}

function makeRoom(queue: Queue): void {
  const { hits, head, tail } = queue;
  if (head > hits.size / 2) {
    hits.cut(head, tail);
    queue.head = 0;
    queue.tail = tail - head;
  } else hits.resize(Math.max(firstSize, hits.size * 2));
}

/** Adds an item to a binary heap. */
function siftUp(heap: number[], item: number, isBefore: (a: number, b: number) => boolean): void {
  let i = heap.push(item) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!isBefore(item, heap[parent]!)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = item;
}

/** Puts an item in place of the first one; an empty heap stays so: the item was its last and only one. */
function siftDown(heap: number[], item: number, isBefore: (a: number, b: number) => boolean): void {
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, item)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = item;
}
