import type { Literal } from './rule-ast.ts';

/**
 * Values of one field, an entry an event: either a code into `values` (-1: the event has no such field; `undefined` never
 * occurs in `values`), or the number itself (NaN: none). The dictionary may grow from batch to batch but never changes, so
 * what a test says of a code is remembered.
 */
export type FieldColumn = { codes: Int32Array; values: Literal[] } | { numbers: Float64Array };

/** Events of one partition, in the order of their offsets, as columns. */
export interface EventColumns {
  topic: string;
  partition: number;
  count: number;
  offsets: BigInt64Array;
  /** Epoch milliseconds. */
  times: Float64Array;
  /** Codes into `typeNames`; -1: the event has no type. */
  types: Int32Array;
  typeNames: string[];
  /** By `fieldKey`; only fields that the rules name need to be there. */
  fields: Map<string, FieldColumn>;
}

/** The name of a nested field in one string. */
export function fieldKey(path: readonly string[]): string {
  return path.join('\u0000');
}

export function fieldValue(column: FieldColumn | undefined, row: number): Literal | undefined {
  if (!column) return undefined;
  if ('codes' in column) {
    const code = column.codes[row]!;
    return code < 0 ? undefined : column.values[code];
  }
  const number = column.numbers[row]!;
  return Number.isNaN(number) ? undefined : number;
}
