import type { ColumnType } from './data-type.ts';

export interface Column {
  /** Name of the Parquet column, and of the JSON field unless the contract says otherwise. System columns begin with `_`. */
  name: string;
  type: ColumnType;
  /** A missing or null value of a required column is a dead letter. Inferred columns are never required. */
  isRequired: boolean;
  /** Inferred int64 columns: a value beyond 2^53 has come, so that the column cannot become a double without losing digits. */
  isWide?: boolean;
  /**
   * Parquet field ids: of the column under the empty path, of what is in it under `element`, `key`, `value` or the name of a
   * field, joined by dots. Given when the table keeps the schema, and never changed.
   */
  fieldIds?: Record<string, number>;
}

/** The columns of a table besides the system columns `_partition _offset _timestamp _key`, which every table has. */
export interface TableSchema {
  /** Number under which the table keeps it (`_sluice/schema/<id>.json`); 0 = not yet kept. */
  id: number;
  /** declared: unknown fields are ignored. inferred: unknown fields become new columns. */
  mode: 'declared' | 'inferred';
  columns: Column[];
  /** `bytes`, or `string` when every key is UTF-8 text (the first records decide, or the configuration). */
  keyType: 'bytes' | 'string';
}
