import type { WaitingEvent } from './engine-state.ts';
import { Heap } from './heap.ts';
import { compareEvents } from './rule-event.ts';

/** Rules do not influence each other; their order only makes runs repeatable. */
const compareWaiting = (a: WaitingEvent, b: WaitingEvent): number => compareEvents(a.event, b.event) || a.rule - b.rule;

/** Consumed events at the head of the queue are cut off when they are so many. */
const cutAt = 4096;

/**
 * Events that wait for earlier ones, first come out first by the order of events. Most come in that order already, and those cost
 * an array's push and a step of its head; the others go through a heap.
 */
export class WaitingEvents {
  #queue: WaitingEvent[] = [];
  #head = 0;
  readonly #stragglers: Heap<WaitingEvent>;

  /** `items` in any order. */
  constructor(items: readonly WaitingEvent[] = []) {
    this.#stragglers = new Heap(compareWaiting, items);
  }

  /** In no order to rely on. */
  get items(): WaitingEvent[] {
    return [...this.#queue.slice(this.#head), ...this.#stragglers.items];
  }

  get first(): WaitingEvent | undefined {
    const straggler = this.#stragglers.first;
    const next = this.#queue[this.#head];
    if (straggler === undefined || next === undefined) return straggler ?? next;
    return compareWaiting(straggler, next) < 0 ? straggler : next;
  }

  push(item: WaitingEvent): void {
    const last = this.#queue.at(-1);
    const isInOrder = this.#head === this.#queue.length || compareWaiting(last!, item) <= 0;
    if (isInOrder) this.#queue.push(item);
    else this.#stragglers.push(item);
  }

  shift(): WaitingEvent | undefined {
    const first = this.first;
    if (first === undefined) return undefined;
    if (first === this.#stragglers.first) return this.#stragglers.shift();
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head >= cutAt && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}
