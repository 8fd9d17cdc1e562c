import type { EventPlaces } from './event-places.ts';
import type { Literal } from './rule-ast.ts';

/** What a rule's actions are told of an event, by field key. */
export type EventData = Record<string, Literal> | null;

/** About the memory of one entry with its key and its data. */
export const hitBytes = 160;

/** Events that concern rules, an entry for each event and rule: columns, so that an entry costs no object. */
export class HitColumns {
  times: Float64Array;
  offsets: BigInt64Array;
  /** The same bytes, two words each: to be copied without making a bigint of them. */
  offsetWords: Int32Array;
  places: Int32Array;
  /** Places of types among those that rules know. */
  types: Int32Array;
  rules: Int32Array;
  /** Bits of the rule's atoms that the event meets. */
  masks: Int32Array;
  keys: Int32Array;
  data: EventData[] = [];

  constructor(size: number) {
    this.times = new Float64Array(size);
    this.offsets = new BigInt64Array(size);
    this.offsetWords = wordsOf(this.offsets);
    this.places = new Int32Array(size);
    this.types = new Int32Array(size);
    this.rules = new Int32Array(size);
    this.masks = new Int32Array(size);
    this.keys = new Int32Array(size);
  }

  get size(): number {
    return this.times.length;
  }

  resize(size: number): void {
    const old = { ...this };
    const kept = Math.min(size, this.size);
    this.times = new Float64Array(size);
    this.times.set(old.times.subarray(0, kept));
    this.offsets = new BigInt64Array(size);
    this.offsets.set(old.offsets.subarray(0, kept));
    this.offsetWords = wordsOf(this.offsets);
    for (const name of ['places', 'types', 'rules', 'masks', 'keys'] as const) {
      this[name] = new Int32Array(size);
      this[name].set(old[name].subarray(0, kept));
    }
  }

  /** Copies an entry of `source`. */
  copy(at: number, source: HitColumns, from: number): void {
    this.times[at] = source.times[from]!;
    this.offsetWords[2 * at] = source.offsetWords[2 * from]!;
    this.offsetWords[2 * at + 1] = source.offsetWords[2 * from + 1]!;
    this.places[at] = source.places[from]!;
    this.types[at] = source.types[from]!;
    this.rules[at] = source.rules[from]!;
    this.masks[at] = source.masks[from]!;
    this.keys[at] = source.keys[from]!;
    this.data[at] = source.data[from] ?? null;
  }

  /** Moves the entries from `start` to `end` to the front. */
  cut(start: number, end: number): void {
    for (const name of ['times', 'offsets', 'places', 'types', 'rules', 'masks', 'keys'] as const)
      this[name].copyWithin(0, start, end);
    this.data = this.data.slice(start, end);
  }
}

/** Offsets as words, two for each. */
export function wordsOf(offsets: BigInt64Array): Int32Array {
  return new Int32Array(offsets.buffer, offsets.byteOffset, offsets.length * 2);
}

/** The order in which rules see events; rules do not influence each other, their order only makes runs repeatable. */
export function compareHits(places: EventPlaces, a: HitColumns, i: number, b: HitColumns, j: number): number {
  const time = a.times[i]! - b.times[j]!;
  if (time !== 0) return time;
  const place = places.compare(a.places[i]!, b.places[j]!);
  if (place !== 0) return place;
  const [left, right] = [a.offsets[i]!, b.offsets[j]!];
  return left < right ? -1 : left > right ? 1 : a.rules[i]! - b.rules[j]!;
}
