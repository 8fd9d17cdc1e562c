import { SluiceError } from '../../shared/index.ts';
import { type ColumnType, formatType, parseType } from './data-type.ts';
import { joinInferred } from './inferred-types.ts';
import type { Column, TableSchema } from './table-schema.ts';
import { widenType } from './widen-type.ts';

/** One column is wanted with two types that no third one holds both: readers could not make one column of such files. */
export class SchemaConflictError extends SluiceError {
  /** Name of the column in question; empty when the conflict is not about a column. */
  readonly column: string;

  constructor(column: string, message: string) {
    super('schema-conflict', message);
    this.column = column;
  }
}

/**
 * The smallest schema that holds both: the columns of `base` in their order, then the new ones of `other` in theirs. The id
 * is that of `base` when that is all of it, else 0 (not yet kept). A column is required only when both say so; whether unknown
 * fields become columns is for `other`, the newcomer, to say. A column with two types gets the smallest that holds both: by
 * `widenType`, or, where both schemas are inferred, by `joinInferred`, which always finds one.
 *
 * @throws SchemaConflictError when there is no such type, with another key type, or when names differ only in case.
 */
export function mergeSchemas(base: TableSchema, other: TableSchema): TableSchema {
  if (base.keyType !== other.keyType) {
    throw new SchemaConflictError(
      '_key',
      `the column _key is ${base.keyType} in the table, but ${other.keyType} was asked for`,
    );
  }
  const byName = new Map(other.columns.map((column) => [column.name, column]));
  const isInferred = base.mode === 'inferred' && other.mode === 'inferred';
  const columns = base.columns.map((column) => mergeColumn(column, byName.get(column.name), isInferred));

  const known = new Set(base.columns.map((column) => column.name));
  const knownFolded = new Map(base.columns.map((column) => [column.name.toLowerCase(), column.name]));
  for (const column of other.columns) {
    if (known.has(column.name)) continue;
    const twin = knownFolded.get(column.name.toLowerCase());
    if (twin !== undefined) {
      throw new SchemaConflictError(
        column.name,
        `the column "${column.name}" differs from the table's column "${twin}" only in upper and lower case, which query engines cannot tell apart`,
      );
    }
    const { fieldIds: _, ...added } = column;
    columns.push({ ...added, isRequired: false });
    knownFolded.set(column.name.toLowerCase(), column.name);
  }
  const isSame = base.mode === other.mode && isSameColumns(base.columns, columns);
  return isSame ? base : { ...base, id: 0, mode: other.mode, columns };
}

/** True when every column of `part` is in `whole` with the same type, and the keys have one type. */
export function holdsSchema(whole: TableSchema, part: TableSchema): boolean {
  const byName = new Map(whole.columns.map((column) => [column.name, column.type]));
  return whole.keyType === part.keyType && part.columns.every((column) => byName.get(column.name) === column.type);
}

function mergeColumn(base: Column, other: Column | undefined, isInferred: boolean): Column {
  if (other === undefined) return base.isRequired ? { ...base, isRequired: false } : base;
  const isRequired = base.isRequired && other.isRequired;
  const isWide = base.isWide === true || other.isWide === true;
  const type = isInferred ? joinInferred({ ...base, isWide }, other.type) : joinDeclared(base, other);
  if (type === base.type && isRequired === base.isRequired && isWide === (base.isWide ?? false)) return base;
  const { isWide: _, ...rest } = base;
  return { ...rest, type, isRequired, ...(isWide ? { isWide } : {}) };
}

function joinDeclared(base: Column, other: Column): ColumnType {
  const type = widenType(parseType(base.type), parseType(other.type));
  if (type !== null) return formatType(type);
  throw new SchemaConflictError(
    base.name,
    `the column "${base.name}" is ${base.type} in the table, but ${other.type} was asked for, and no type holds both for all readers of Parquet`,
  );
}

function isSameColumns(left: readonly Column[], right: readonly Column[]): boolean {
  return left.length === right.length && left.every((column, index) => column === right[index]);
}
