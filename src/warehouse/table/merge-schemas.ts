import { SluiceError } from '../../shared/index.ts';
import type { Column, TableSchema } from './table-schema.ts';

/** One column is wanted with two types. Nobody can be right: Parquet files of one table must agree on a column's type. */
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
 * fields become columns is for `other`, the newcomer, to say.
 *
 * @throws SchemaConflictError when a column has another type or key type, or differs from a column of the other only in case.
 */
export function mergeSchemas(base: TableSchema, other: TableSchema): TableSchema {
  if (base.keyType !== other.keyType) {
    throw new SchemaConflictError(
      '_key',
      `the column _key is ${base.keyType} in the table, but ${other.keyType} was asked for`,
    );
  }
  const byName = new Map(other.columns.map((column) => [column.name, column]));
  const columns = base.columns.map((column) => mergeColumn(column, byName.get(column.name)));
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
    columns.push(column.isRequired ? { ...column, isRequired: false } : column);
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

function mergeColumn(base: Column, other: Column | undefined): Column {
  if (other !== undefined && other.type !== base.type) {
    throw new SchemaConflictError(
      base.name,
      `the column "${base.name}" is ${base.type} in the table, but ${other.type} was asked for`,
    );
  }
  const isRequired = base.isRequired && other?.isRequired === true;
  return isRequired === base.isRequired ? base : { ...base, isRequired };
}

function isSameColumns(left: readonly Column[], right: readonly Column[]): boolean {
  return (
    left.length === right.length &&
    left.every((column, index) => {
      const twin = right[index]!;
      return column.name === twin.name && column.type === twin.type && column.isRequired === twin.isRequired;
    })
  );
}
