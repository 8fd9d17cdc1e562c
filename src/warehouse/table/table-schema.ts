/**
 * Column types a table can have. `json` holds the raw JSON text of a nested value (Parquet STRING). `timestamp` is
 * milliseconds since the epoch in UTC (Parquet TIMESTAMP_MILLIS, adjusted to UTC); from JSON it takes an RFC 3339 text or
 * an integer of epoch milliseconds. `date` takes `YYYY-MM-DD`.
 */
export const columnTypes = [
  'boolean',
  'int32',
  'int64',
  'double',
  'string',
  'timestamp',
  'date',
  'json',
  'bytes',
] as const;
export type ColumnType = (typeof columnTypes)[number];

export interface Column {
  /** Name of the JSON field and of the Parquet column. System columns begin with `_`; a field of such a name is refused. */
  name: string;
  type: ColumnType;
  /** A missing or null value of a required column is a dead letter. Inferred columns are never required. */
  isRequired: boolean;
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
