import { parseJson, timeMsOf } from '../consumer/json-value.ts';
import { EventBatch } from './event-batch.ts';
import type { EventColumns } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';

export interface JsonEventOptions {
  /** Which field names the kind of an event. */
  typeField: string;
  /** Which field is the event time (RFC 3339 text or epoch ms); null: the record's timestamp. */
  timeField: string | null;
  /** By `fieldKey`: what the rules look at. */
  fieldKeys: ReadonlySet<string>;
  /** What they look at in events of a type; nothing in those of other types. Left out: in all events the same. */
  fieldKeysOfTypes?: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A record that is no event: not a JSON object, or without a usable time. */
export interface SkippedRecord {
  offset: bigint;
  reason: string;
}

/** Turns JSON records of one partition into columns, batch by batch; dictionaries live on from batch to batch. */
export class JsonEvents {
  readonly #options: JsonEventOptions;
  readonly #paths: string[][];
  /** By type: whether the rules look at each of the paths. */
  readonly #wanted: ReadonlyMap<string, boolean[]> | null;
  /** Of the event that is being added. */
  readonly #values: (Literal | undefined)[];
  readonly #batch: EventBatch;
  #skipped: SkippedRecord[] = [];

  constructor(options: JsonEventOptions) {
    const keys = [...options.fieldKeys];
    this.#options = options;
    this.#paths = keys.map((key) => key.split('\u0000'));
    this.#values = keys.map(() => undefined);
    const { fieldKeysOfTypes } = options;
    this.#wanted = fieldKeysOfTypes
      ? new Map([...fieldKeysOfTypes].map(([type, wanted]) => [type, keys.map((key) => wanted.has(key))]))
      : null;
    this.#batch = new EventBatch(keys);
  }

  add(offset: bigint, timestampMs: bigint, value: Buffer | null): void {
    const event = parseObject(value);
    if (typeof event === 'string') {
      this.#skipped.push({ offset, reason: event });
      return;
    }
    const { typeField, timeField } = this.#options;
    const timeMs = timeField === null ? Number(timestampMs) : timeMsOf(event[timeField]);
    if (Number.isNaN(timeMs)) {
      this.#skipped.push({ offset, reason: `field "${timeField}" holds no time` });
      return;
    }
    const named = event[typeField];
    const type = typeof named === 'string' ? named : undefined;
    this.#read(event, type);
    this.#batch.add(offset, timeMs, type, this.#values);
  }

  /** The events added since the last call. */
  take(topic: string, partition: number): { events: EventColumns; skipped: SkippedRecord[] } {
    const skipped = this.#skipped;
    this.#skipped = [];
    return { events: this.#batch.take(topic, partition), skipped };
  }

  #read(event: JsonObject, type: string | undefined): void {
    const wanted = type === undefined ? undefined : this.#wanted?.get(type);
    for (let i = 0; i < this.#paths.length; i++) {
      const isWanted = this.#wanted === null || wanted?.[i];
      this.#values[i] = isWanted ? read(event, this.#paths[i]!) : undefined;
    }
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

/** Nested objects and arrays have no value of their own that a rule could compare: they only exist. */
function read(event: JsonObject, path: readonly string[]): Literal | undefined {
  let value: unknown = event;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as JsonObject)[name];
  }
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as Literal | undefined);
}
