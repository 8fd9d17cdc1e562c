import { type ColumnType, type DataType, isNested, parseType } from '../../table/data-type.ts';
import { sqlIdentifier } from '../duckdb-instance.ts';
import { cellKindOf } from '../physical-type.ts';
import { cellKinds } from '../row-hash.ts';
import { storedForm } from '../stored-form.ts';

/** How DuckDB gives the values of a column in the canonical form of the content hash (row-hash.ts). */
export interface CellExpression {
  type: DataType;
  kind: number;
  /** Gives BIGINT, DOUBLE or BLOB; for nested types the stored form. */
  sql: string;
}

export function cellExpression(name: string, text: ColumnType): CellExpression {
  const column = sqlIdentifier(name);
  const type = parseType(text);
  if (isNested(type)) return { type, kind: cellKinds.nested, sql: storedForm(column, text) };
  return { type, kind: cellKindOf(type), sql: scalarSql(column, type.kind) };
}

function scalarSql(column: string, kind: string): string {
  switch (kind) {
    case 'boolean':
      return `${column}::TINYINT::BIGINT`;
    case 'uint64':
      return `CASE WHEN ${column} > 9223372036854775807 THEN (${column}::HUGEINT - 18446744073709551616)::BIGINT ELSE ${column}::BIGINT END`;
    case 'date':
      return `(${column} - DATE '1970-01-01')::BIGINT`;
    case 'timestamp':
    case 'local_timestamp':
      return `epoch_ms(${column})`;
    case 'timestamp_us':
    case 'local_timestamp_us':
    case 'time_us':
      return `epoch_us(${column})`;
    case 'time_ms':
      return `(epoch_us(${column}) // 1000)`;
    case 'float':
    case 'double':
      return `${column}::DOUBLE`;
    case 'bytes':
    case 'fixed':
      return column;
    case 'uuid':
      return `unhex(replace(${column}::VARCHAR, '-', ''))`;
    case 'string':
    case 'json':
    case 'enum':
    case 'decimal':
      return `encode(${column}::VARCHAR)`;
    default:
      return `${column}::BIGINT`;
  }
}

/** `-12.50` -> `-12.5`, `100.00` -> `100`, `-0.0` -> `0`. */
export function plainDecimal(text: string): string {
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return short === '-0' ? '0' : short;
}
