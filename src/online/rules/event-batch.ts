import type { EventColumns } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';

/** More values than this, and a column begins a new dictionary, so that memory is bounded. */
const maxDictionary = 65_536;

const firstRows = 1024;

class DictionaryBuilder {
  #values: Literal[] = [];
  #codes = new Map<Literal, number>();
  #rows = new Int32Array(firstRows);

  /** Rows are set one after the other. */
  set(row: number, value: Literal | undefined): void {
    if (row === this.#rows.length) this.#grow();
    if (value === undefined) {
      this.#rows[row] = -1;
      return;
    }
    let code = this.#codes.get(value);
    if (code === undefined) {
      code = this.#values.push(value) - 1;
      this.#codes.set(value, code);
    }
    this.#rows[row] = code;
  }

  take(count: number): { codes: Int32Array; values: Literal[] } {
    const column = { codes: this.#rows.slice(0, count), values: this.#values };
    if (this.#values.length > maxDictionary) {
      this.#values = [];
      this.#codes = new Map();
    }
    return column;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}

/** Gathers events of one partition as columns; dictionaries live on from batch to batch. */
export class EventBatch {
  readonly #types = new DictionaryBuilder();
  readonly #keys: readonly string[];
  readonly #fields: readonly DictionaryBuilder[];
  #offsets: bigint[] = [];
  #times: number[] = [];

  /** `fieldKeys`: in the order in which `add` gets their values. */
  constructor(fieldKeys: readonly string[]) {
    this.#keys = fieldKeys;
    this.#fields = fieldKeys.map(() => new DictionaryBuilder());
  }

  add(offset: bigint, timeMs: number, type: string | undefined, values: readonly (Literal | undefined)[]): void {
    const row = this.#offsets.push(offset) - 1;
    this.#times.push(timeMs);
    this.#types.set(row, type);
    for (let i = 0; i < this.#fields.length; i++) this.#fields[i]!.set(row, values[i]);
  }

  /** The events added since the last call. */
  take(topic: string, partition: number): EventColumns {
    const count = this.#offsets.length;
    const types = this.#types.take(count);
    const events = {
      topic,
      partition,
      count,
      offsets: BigInt64Array.from(this.#offsets),
      times: Float64Array.from(this.#times),
      types: types.codes,
      typeNames: types.values as string[],
      fields: new Map(this.#keys.map((key, i) => [key, this.#fields[i]!.take(count)])),
    };
    this.#offsets = [];
    this.#times = [];
    return events;
  }
}
