import { formatType, parseType } from './data-type.ts';
import type { Column, TableSchema } from './table-schema.ts';
import { widenType } from './widen-type.ts';

/**
 * How a column of one schema stands to that of the other. `widened`: the other type holds all values of this one; `narrowed`: the reverse;
 * `joined`: a third type holds both; `conflict`: none does, so that no table can have both.
 */
export type ColumnChange =
  | 'same'
  | 'added'
  | 'removed'
  | 'widened'
  | 'narrowed'
  | 'joined'
  | 'conflict'
  | 'required'
  | 'nullable';

export interface ColumnDifference {
  column: string;
  change: ColumnChange;
  before: string | null;
  after: string | null;
  /** The type that a table of both gets; null where there is none. */
  together: string | null;
}

/** Every column of both, in the order of `before`, then the new ones. The key is the column `_key`. */
export function diffSchemas(before: TableSchema, after: TableSchema): ColumnDifference[] {
  const later = new Map(after.columns.map((column) => [column.name, column]));
  const earlier = new Set(before.columns.map(({ name }) => name));
  return [
    ...before.columns.map((column) => compare(column, later.get(column.name))),
    ...after.columns.filter(({ name }) => !earlier.has(name)).map((column) => compare(undefined, column)),
    ...(before.keyType === after.keyType ? [] : [keyDifference(before, after)]),
  ];
}

function compare(before: Column | undefined, after: Column | undefined): ColumnDifference {
  const column = (before ?? after)!.name;
  const texts = { column, before: textOf(before), after: textOf(after) };
  if (before === undefined) return { ...texts, change: 'added', together: after!.type };
  if (after === undefined) return { ...texts, change: 'removed', together: before.type };
  const both = widenType(parseType(before.type), parseType(after.type));
  const together = both === null ? null : formatType(both);
  return { ...texts, change: changeOf(before, after, together), together };
}

function changeOf(before: Column, after: Column, together: string | null): ColumnChange {
  if (together === null) return 'conflict';
  if (before.type === after.type) {
    if (before.isRequired === after.isRequired) return 'same';
    return after.isRequired ? 'required' : 'nullable';
  }
  if (together === after.type) return 'widened';
  return together === before.type ? 'narrowed' : 'joined';
}

function keyDifference(before: TableSchema, after: TableSchema): ColumnDifference {
  return { column: '_key', change: 'conflict', before: before.keyType, after: after.keyType, together: null };
}

function textOf(column: Column | undefined): string | null {
  if (column === undefined) return null;
  return column.isRequired ? `${column.type}, required` : column.type;
}
