import type { ValueColumn } from './value-column.ts';

/** Why a value is no row. `code` is a stable kebab-case word, `reason` is for people (bounded length). */
export interface RefusedValue {
  /**
   * Also `filtered`: nothing is wrong with the value, but the settings say that it becomes no row (a delete of a change
   * stream, for example).
   */
  code: string;
  reason: string;
}

/**
 * Turns the values of a topic into JSON text, which the table's row reader takes apart. Integers are written with all their
 * digits and never rounded; bytes are Base64 text, decimals JSON strings of digits, times RFC 3339 text of the precision
 * that the schema has, dates `YYYY-MM-DD`, UUIDs text.
 *
 * `decode` is synchronous and never throws for bad data; whatever it needs from elsewhere was fetched by `prepare`. The buffer
 * it answers with is valid until the next call.
 */
export interface ValueDecoder {
  /**
   * Fetches the schemas that these values name. An id that the registry says it does not know is noted, and its values are
   * refused with `unknown-schema`. Throws a retriable error when the registry cannot be reached: that is no fault of the
   * values, so the caller waits and calls again.
   */
  prepare(values: Iterable<Buffer>, signal: AbortSignal): Promise<void>;

  decode(value: Buffer): Buffer | RefusedValue;

  /**
   * Columns that the schemas ask for that were met so far (`prepare` meets them), each name once. None for formats without a
   * schema, whose columns are found by looking at values.
   */
  readonly columns: readonly ValueColumn[];

  /** What becomes of a record without a value (a tombstone); null: as the loader does without a decoder. */
  readonly tombstone: RefusedValue | null;
}
