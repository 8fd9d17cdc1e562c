import type { EventPlace } from './rule-event.ts';

/** Partitions by number, and their order. */
export class EventPlaces {
  readonly #places: { topic: string; partition: number }[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(topic: string, partition: number): number {
    const key = `${topic}-${partition}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#places.push({ topic, partition }) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }

  at(number: number): Readonly<Omit<EventPlace, 'offset'>> {
    return this.#places[number]!;
  }

  /** Negative: the events of `a` come before those of `b` at the same moment. */
  compare(a: number, b: number): number {
    if (a === b) return 0;
    const [left, right] = [this.#places[a]!, this.#places[b]!];
    if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
    return left.partition - right.partition;
  }
}
