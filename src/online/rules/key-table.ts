import { SluiceError } from '../../shared/index.ts';
import { type EventColumns, type FieldColumn, fieldValue } from './event-columns.ts';
import { parseValue, parseValues, textOfValue, withLength } from './event-keys.ts';
import type { Literal } from './rule-ast.ts';

/** A JavaScript Map holds 2^24 entries. */
const maxKeys = 16_000_000;

/** So few keys are not worth looking for those that nobody needs. */
const smallTable = 262_144;

/** Ids of the entries of one dictionary; 0: not asked for yet, -1: no key. */
interface KnownIds {
  generation: number;
  ids: Int32Array;
}

/**
 * The FOR EACH values of rules with the same FOR EACH, as small numbers: an event's key is looked for once for all these rules, and by its
 * number each of them finds what it remembers. Numbers that nobody refers to are given away again.
 */
export class KeyTable {
  readonly #fields: readonly string[];
  /** By value where there is one field, else by the text of all. */
  readonly #ids = new Map<Literal, number>();
  #keys: (Literal | undefined)[] = [undefined];
  #free: number[] = [];
  #refs = new Int32Array(0);
  /** How many rules share the table. */
  #width = 0;
  #cells = new Int32Array(0);
  /** Numbers remembered before the last sweep may mean other keys by now. */
  #generation = 0;
  readonly #small: number;
  #sweepAt: number;
  readonly #known = new WeakMap<Literal[], KnownIds>();
  #columns: (FieldColumn | undefined)[] = [];
  #codes: Int32Array | null = null;
  #bound: KnownIds = { generation: 0, ids: new Int32Array(0) };

  /** `fields`: by `fieldKey`; none: all events have one key. `small`: so few keys are kept even if nobody needs them. */
  constructor(fields: readonly string[], small = smallTable) {
    this.#fields = fields;
    this.#small = small;
    this.#sweepAt = small;
  }

  /** The place of one more rule; all must be there before the first key. */
  addRule(): number {
    return this.#width++;
  }

  /** Whether it is worth looking for keys that nobody needs (`sweep`). */
  get isFull(): boolean {
    return this.#ids.size >= this.#sweepAt;
  }

  /** From then on rows are those of this batch. */
  bind({ fields }: EventColumns): void {
    this.#columns = this.#fields.map((key) => fields.get(key));
    const column = this.#columns.length === 1 ? this.#columns[0] : undefined;
    this.#codes = null;
    if (column === undefined || !('codes' in column)) return;
    this.#codes = column.codes;
    this.#bound = this.#knownIds(column.values);
  }

  /** The number of the row's key; 0: a value is missing, and no rule with this FOR EACH sees the event. */
  idOf(row: number): number {
    if (this.#codes === null) return this.#findId(row);
    const code = this.#codes[row]!;
    if (code < 0) return 0;
    const { ids } = this.#bound;
    const known = ids[code]!;
    if (known !== 0) return Math.max(known, 0);
    const id = this.#findId(row);
    ids[code] = id === 0 ? -1 : id;
    return id;
  }

  /** The number of a key, by its text (`textOf`). */
  intern(text: string): number {
    return this.#intern(this.#fields.length === 1 ? parseValue(text) : text);
  }

  textOf(id: number): string {
    const key = this.#keys[id]!;
    return this.#fields.length === 1 ? textOfValue(key as string) : String(key);
  }

  valuesOf(id: number): Literal[] {
    const key = this.#keys[id]!;
    if (this.#fields.length === 0) return [];
    return this.#fields.length === 1 ? [key] : parseValues(String(key));
  }

  /** What the rule keeps of the key; 0: nothing. */
  cell(id: number, rule: number): number {
    return this.#cells[(id * this.#width + rule) * 2]!;
  }

  setCell(id: number, rule: number, value: number): void {
    this.#cells[(id * this.#width + rule) * 2] = value;
  }

  /** Which atoms of the rule can do anything to what it keeps of the key; beside the cell, as it is asked for most often. */
  interest(id: number, rule: number): number {
    return this.#cells[(id * this.#width + rule) * 2 + 1]!;
  }

  setInterest(id: number, rule: number, mask: number): void {
    this.#cells[(id * this.#width + rule) * 2 + 1] = mask;
  }

  /** Somebody remembers the number until `release`. */
  hold(id: number): void {
    this.#refs[id] = this.#refs[id]! + 1;
  }

  release(id: number): void {
    this.#refs[id] = this.#refs[id]! - 1;
  }

  /** Gives away the numbers that nobody holds; between batches only, as nobody holds those of a batch. */
  sweep(): void {
    for (const [key, id] of this.#ids) {
      if (this.#refs[id] !== 0) continue;
      this.#ids.delete(key);
      this.#keys[id] = undefined;
      this.#free.push(id);
    }
    this.#generation++;
    this.#sweepAt = Math.max(this.#small, this.#ids.size * 2);
  }

  #findId(row: number): number {
    if (this.#fields.length === 0) return this.#intern('');
    if (this.#fields.length === 1) {
      const value = fieldValue(this.#columns[0], row);
      return value === undefined || value === null ? 0 : this.#intern(value);
    }
    let key = '';
    for (const column of this.#columns) {
      const value = fieldValue(column, row);
      if (value === undefined || value === null) return 0;
      key += withLength(textOfValue(value));
    }
    return this.#intern(key);
  }

  #intern(key: Literal): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#ids.size >= maxKeys) {
      throw new SluiceError(
        'too-many-keys',
        `expected at most ${maxKeys} FOR EACH values at a time, found more; lower --max-state, shorten WITHIN, or split the topic by key`,
      );
    }
    const id = this.#free.pop() ?? this.#keys.length;
    if (id >= this.#refs.length || (id + 1) * this.#width * 2 > this.#cells.length) this.#grow(id);
    this.#keys[id] = key;
    this.#ids.set(key, id);
    return id;
  }

  #grow(id: number): void {
    const size = Math.max(64, id * 2);
    const refs = new Int32Array(size);
    refs.set(this.#refs.subarray(0, size));
    const cells = new Int32Array(size * this.#width * 2);
    cells.set(this.#cells);
    this.#refs = refs;
    this.#cells = cells;
  }

  #knownIds(values: Literal[]): KnownIds {
    let known = this.#known.get(values);
    if (!known) {
      known = { generation: this.#generation, ids: new Int32Array(Math.max(16, values.length)) };
      this.#known.set(values, known);
    }
    if (known.generation !== this.#generation) {
      known.generation = this.#generation;
      known.ids.fill(0);
    }
    if (known.ids.length < values.length) {
      const ids = new Int32Array(values.length * 2);
      ids.set(known.ids);
      known.ids = ids;
    }
    return known;
  }
}
