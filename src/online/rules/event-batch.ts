import type { EventColumns } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';

/** More values than this, and a column begins a new dictionary, so that memory is bounded. */
const maxDictionary = 65_536;

class DictionaryBuilder {
  #values: Literal[] = [];
  #codes = new Map<Literal, number>();
  readonly #rows: number[] = [];

  add(value: Literal | undefined): void {
    if (value === undefined) {
      this.#rows.push(-1);
      return;
    }
    let code = this.#codes.get(value);
    if (code === undefined) {
      code = this.#values.push(value) - 1;
      this.#codes.set(value, code);
    }
    this.#rows.push(code);
  }

  take(): { codes: Int32Array; values: Literal[] } {
    const column = { codes: Int32Array.from(this.#rows), values: this.#values };
    this.#rows.length = 0;
    if (this.#values.length > maxDictionary) {
      this.#values = [];
      this.#codes = new Map();
    }
    return column;
  }
}

/** Gathers events of one partition as columns; dictionaries live on from batch to batch. */
export class EventBatch {
  readonly #types = new DictionaryBuilder();
  readonly #fields: { key: string; builder: DictionaryBuilder }[];
  #offsets: bigint[] = [];
  #times: number[] = [];

  /** `fieldKeys`: in the order in which `add` gets their values. */
  constructor(fieldKeys: readonly string[]) {
    this.#fields = fieldKeys.map((key) => ({ key, builder: new DictionaryBuilder() }));
  }

  add(offset: bigint, timeMs: number, type: string | undefined, values: readonly (Literal | undefined)[]): void {
    this.#offsets.push(offset);
    this.#times.push(timeMs);
    this.#types.add(type);
    for (const [i, { builder }] of this.#fields.entries()) builder.add(values[i]);
  }

  /** The events added since the last call. */
  take(topic: string, partition: number): EventColumns {
    const types = this.#types.take();
    const events = {
      topic,
      partition,
      count: this.#offsets.length,
      offsets: BigInt64Array.from(this.#offsets),
      times: Float64Array.from(this.#times),
      types: types.codes,
      typeNames: types.values as string[],
      fields: new Map(this.#fields.map(({ key, builder }) => [key, builder.take()])),
    };
    this.#offsets = [];
    this.#times = [];
    return events;
  }
}
