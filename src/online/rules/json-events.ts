import type { EventColumns } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';

export interface JsonEventOptions {
  /** Which field names the kind of an event. */
  typeField: string;
  /** Which field is the event time (RFC 3339 text or epoch ms); null: the record's timestamp. */
  timeField: string | null;
  /** By `fieldKey`: what the rules look at. */
  fieldKeys: ReadonlySet<string>;
}

/** A record that is no event: not a JSON object, or without a usable time. */
export interface SkippedRecord {
  offset: bigint;
  reason: string;
}

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

/** Turns JSON records of one partition into columns, batch by batch; dictionaries live on from batch to batch. */
export class JsonEvents {
  readonly #options: JsonEventOptions;
  readonly #paths: { path: string[]; key: string; builder: DictionaryBuilder }[];
  readonly #types = new DictionaryBuilder();
  #offsets: bigint[] = [];
  #times: number[] = [];
  #skipped: SkippedRecord[] = [];

  constructor(options: JsonEventOptions) {
    this.#options = options;
    this.#paths = [...options.fieldKeys].map((key) => ({
      path: key.split('\u0000'),
      key,
      builder: new DictionaryBuilder(),
    }));
  }

  add(offset: bigint, timestampMs: bigint, value: Buffer | null): void {
    const event = parseObject(value);
    if (typeof event === 'string') {
      this.#skipped.push({ offset, reason: event });
      return;
    }
    const { typeField, timeField } = this.#options;
    const timeMs = timeField === null ? Number(timestampMs) : timeOf(event[timeField]);
    if (Number.isNaN(timeMs)) {
      this.#skipped.push({ offset, reason: `field "${timeField}" holds no time` });
      return;
    }
    this.#offsets.push(offset);
    this.#times.push(timeMs);
    const type = event[typeField];
    this.#types.add(typeof type === 'string' ? type : undefined);
    for (const { path, builder } of this.#paths) builder.add(read(event, path));
  }

  /** The events added since the last call. */
  take(topic: string, partition: number): { events: EventColumns; skipped: SkippedRecord[] } {
    const types = this.#types.take();
    const skipped = this.#skipped;
    const events = {
      topic,
      partition,
      count: this.#offsets.length,
      offsets: BigInt64Array.from(this.#offsets),
      times: Float64Array.from(this.#times),
      types: types.codes,
      typeNames: types.values as string[],
      fields: new Map(this.#paths.map(({ key, builder }) => [key, builder.take()])),
    };
    this.#offsets = [];
    this.#times = [];
    this.#skipped = [];
    return { events, skipped };
  }
}

type JsonObject = Record<string, unknown>;

/** The object, or why it is none. */
function parseObject(value: Buffer | null): JsonObject | string {
  if (value === null) return 'a null value';
  try {
    const event = parseJson(value.toString());
    if (typeof event === 'object' && event !== null && !Array.isArray(event)) return event as JsonObject;
    return 'not a JSON object';
  } catch {
    return 'not JSON';
  }
}

const longNumber = /\d{16}/;
const stringOrInteger = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** As JSON.parse, but integers beyond 2^53 become bigint instead of a neighbour. */
export function parseJson(text: string): unknown {
  if (!longNumber.test(text)) return JSON.parse(text);
  const marked = text.replace(stringOrInteger, (token) =>
    token.startsWith('"') ? token : `{"\\u0000int":"${token}"}`,
  );
  return JSON.parse(marked, (_key, value) => {
    if (typeof value !== 'object' || value === null || typeof value['\u0000int'] !== 'string') return value;
    const integer = BigInt(value['\u0000int']);
    return integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER ? Number(integer) : integer;
  });
}

/** Nested objects and arrays have no value of their own that a rule could compare: they only exist. */
function read(event: JsonObject, path: readonly string[]): Literal | undefined {
  let value: unknown = event;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as JsonObject)[name];
  }
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as Literal | undefined);
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/;

/** Epoch milliseconds, rounded down; NaN when it is no time. */
function timeOf(value: unknown): number {
  if (typeof value === 'number') return Math.floor(value);
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && rfc3339.test(value)
    ? Math.floor(Date.parse(value.replace(' ', 'T')))
    : Number.NaN;
}
