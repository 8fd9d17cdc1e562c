import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
} from '@duckdb/node-api';
import type { DataType, ScalarType } from '../../table/data-type.ts';
import { type CellValue, MapValue, type NestedValue } from '../cell-value.ts';

/** A value that DuckDB gives of a column in its stored form (stored-form.ts), as the content hash takes it. */
export function nestedCell(type: DataType, value: unknown): NestedValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'list':
      return (value as DuckDBListValue).items.map((item) => nestedCell(type.element, item));
    case 'map': {
      const { entries } = value as DuckDBMapValue;
      return new MapValue(
        entries.map((entry) => [Buffer.from(entry.key as string), nestedCell(type.value, entry.value)] as const),
      );
    }
    case 'struct': {
      const { entries } = value as DuckDBStructValue;
      return type.fields.map((field) => nestedCell(field.type, entries[field.name]));
    }
    default:
      return scalarCell(type, value);
  }
}

function scalarCell(type: ScalarType, value: unknown): CellValue {
  switch (type.kind) {
    case 'string':
    case 'json':
    case 'enum':
      return Buffer.from(value as string);
    case 'bytes':
      return (value as DuckDBBlobValue).bytes;
    case 'uuid':
    case 'fixed':
      return Buffer.from(String(value).replaceAll('-', ''), 'hex');
    case 'date':
      return (value as DuckDBDateValue).days;
    case 'decimal':
      return (value as DuckDBDecimalValue).value;
    default:
      return value as CellValue;
  }
}
