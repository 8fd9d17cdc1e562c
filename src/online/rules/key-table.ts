import { SluiceError } from '../../shared/index.ts';
import { type EventColumns, type FieldColumn, fieldValue } from './event-columns.ts';
import { parseValue, parseValues, textOfValue, withLength } from './event-keys.ts';
import { KnownKeys } from './known-keys.ts';
import type { Literal } from './rule-ast.ts';

/** A JavaScript Map holds 2^24 entries. */
const maxKeys = 16_000_000;

/** So few keys are not worth looking for those that nobody needs. */
const smallTable = 262_144;

/** The place of a rule in the table. */
export interface RuleColumn {
  cell: number;
  /** Its atoms are so many bits of that word. */
  word: number;
  shift: number;
  mask: number;
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
  #size = 0;
  /** Cells of a key: two for each rule that shares the table. */
  #width = 0;
  /** The first and the last run of each key and rule. */
  #cells = new Int32Array(0);
  /** Words of a key in which the rules have their bits, and how many bits of the last are taken. */
  #words = 0;
  #takenBits = 32;
  /** Apart from the cells, close together: they are asked for with every event, and nearly always say that it concerns nobody. */
  #interests = new Int32Array(0);
  /** Numbers remembered before the last sweep may mean other keys by now. */
  #generation = 0;
  readonly #small: number;
  #sweepAt: number;
  #columns: (FieldColumn | undefined)[] = [];
  readonly #known = new KnownKeys();
  #hasCodes = false;

  /** `fields`: by `fieldKey`; none: all events have one key. `small`: so few keys are kept even if nobody needs them. */
  constructor(fields: readonly string[], small = smallTable) {
    this.#fields = fields;
    this.#small = small;
    this.#sweepAt = small;
  }

  /** The place of one more rule with so many atoms, 32 at most; all must be there before the first key. */
  addRule(atoms: number): RuleColumn {
    if (this.#takenBits + atoms > 32) {
      this.#words++;
      this.#takenBits = 0;
    }
    const shift = this.#takenBits;
    this.#takenBits += atoms;
    this.#width += 2;
    return { cell: this.#width - 2, word: this.#words - 1, shift, mask: atoms === 32 ? -1 : (1 << atoms) - 1 };
  }

  /** Whether it is worth looking for keys that nobody needs (`sweep`). */
  get isFull(): boolean {
    return this.#ids.size >= this.#sweepAt;
  }

  /** From then on rows are those of this batch. */
  bind({ fields }: EventColumns): void {
    this.#columns = this.#fields.map((key) => fields.get(key));
    this.#hasCodes = this.#known.bind(this.#columns, this.#generation);
  }

  /** The number of the row's key; 0: a value is missing, and no rule with this FOR EACH sees the event. */
  idOf(row: number): number {
    if (!this.#hasCodes) return this.#findId(row);
    const known = this.#known.get(row);
    if (known !== 0) return Math.max(known, 0);
    const id = this.#findId(row);
    this.#known.set(row, id === 0 ? -1 : id);
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

  /** The first of the runs that the rule has of the key; 0: none. */
  firstRun(id: number, { cell }: RuleColumn): number {
    return this.#cells[id * this.#width + cell]!;
  }

  setFirstRun(id: number, { cell }: RuleColumn, run: number): void {
    this.#cells[id * this.#width + cell] = run;
  }

  /** The last of them. */
  lastRun(id: number, { cell }: RuleColumn): number {
    return this.#cells[id * this.#width + cell + 1]!;
  }

  setLastRun(id: number, { cell }: RuleColumn, run: number): void {
    this.#cells[id * this.#width + cell + 1] = run;
  }

  /** Which atoms of the rule can do anything to its runs of the key, at least. */
  interest(id: number, { word, shift, mask }: RuleColumn): number {
    return (this.#interests[id * this.#words + word]! >>> shift) & mask;
  }

  setInterest(id: number, { word, shift, mask }: RuleColumn, interest: number): void {
    const at = id * this.#words + word;
    this.#interests[at] = (this.#interests[at]! & ~(mask << shift)) | (interest << shift);
  }

  /** Gives away the numbers of keys that no rule has a run of, and that are not in `held`; between batches only, as nobody holds those of a batch. */
  sweep(held: ReadonlySet<number>): void {
    for (const [key, id] of this.#ids) {
      if (this.#hasRuns(id) || held.has(id)) continue;
      this.#ids.delete(key);
      this.#keys[id] = undefined;
      this.#free.push(id);
    }
    this.#generation++;
    this.#sweepAt = Math.max(this.#small, this.#ids.size * 2);
  }

  #hasRuns(id: number): boolean {
    const start = id * this.#width;
    for (let at = start; at < start + this.#width; at++) if (this.#cells[at] !== 0) return true;
    return false;
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
    if (id >= this.#size) this.#grow(id * 2);
    this.#keys[id] = key;
    this.#ids.set(key, id);
    return id;
  }

  #grow(size: number): void {
    this.#size = Math.max(64, size);
    const [cells, interests] = [this.#cells, this.#interests];
    this.#cells = new Int32Array(this.#size * this.#width);
    this.#cells.set(cells);
    this.#interests = new Int32Array(this.#size * this.#words);
    this.#interests.set(interests);
  }
}
