import { maxTypeDepth, structType, type ValueColumn } from '../value-column.ts';
import type { AvroRecord, AvroType, LogicalType } from './avro-type.ts';

const maxDecimalPrecision = 38;

/**
 * The columns that values of a schema have. A type that holds itself, a union of several types and whatever is nested deeper
 * than a column may be becomes `json`; symbols of an enum are text, because later versions add some.
 */
export function columnsOfAvro(type: AvroType): ValueColumn[] {
  const records = type.kind === 'union' ? type.branches.filter((branch) => branch.kind === 'record') : [type];
  if (records.length !== 1 || records[0]!.kind !== 'record') {
    const columnType = records.length === 1 ? typeOf(type, []) : null;
    return columnType === null ? [] : [{ name: 'value', type: columnType }];
  }
  return fieldsOf(records[0]!, []);
}

function fieldsOf(record: AvroRecord, trail: readonly AvroRecord[]): ValueColumn[] {
  return record.fields.flatMap(({ name, type }) => {
    const columnType = typeOf(type, [...trail, record]);
    return columnType === null ? [] : [{ name, type: columnType }];
  });
}

/** Null: always null, so that there is nothing to keep. `trail`: the records around. */
function typeOf(type: AvroType, trail: readonly AvroRecord[], depth = 1): string | null {
  if (depth > maxTypeDepth) return 'json';
  switch (type.kind) {
    case 'null':
      return null;
    case 'union': {
      const others = type.branches.filter((branch) => branch.kind !== 'null');
      return others.length > 1 ? 'json' : others.length === 0 ? null : typeOf(others[0]!, trail, depth);
    }
    case 'record':
      return recordType(type, trail, depth);
    case 'array':
      return within('list<', typeOf(type.items, trail, depth + 1));
    case 'map':
      return within('map<string,', typeOf(type.values, trail, depth + 1));
    case 'enum':
      return 'string';
    default:
      return scalarType(type);
  }
}

function recordType(record: AvroRecord, trail: readonly AvroRecord[], depth: number): string {
  if (trail.includes(record)) return 'json';
  const fields = record.fields.map(({ name, type }) => ({ name, type: typeOf(type, [...trail, record], depth + 1) }));
  return structType(fields.filter((field): field is ValueColumn => field.type !== null));
}

/** A list of JSON is kept as one JSON text. */
function within(open: string, inner: string | null): string {
  return inner === null || inner === 'json' ? 'json' : `${open}${inner}>`;
}

function scalarType(type: Exclude<AvroType, { kind: 'union' | 'record' | 'array' | 'map' | 'enum' }>): string {
  const logical = logicalType(type.logical);
  if (logical !== null) return logical;
  switch (type.kind) {
    case 'int':
      return 'int32';
    case 'long':
      return 'int64';
    case 'fixed':
      return type.size === 0 ? 'bytes' : `fixed(${type.size})`;
    default:
      return type.kind;
  }
}

function logicalType(logical: LogicalType | null): string | null {
  switch (logical?.name) {
    case 'decimal':
      return logical.precision > maxDecimalPrecision ? 'string' : `decimal(${logical.precision},${logical.scale})`;
    case 'timestamp':
      // Nanoseconds have no type of their own in tables: their text keeps all digits.
      if (logical.digits === 9) return 'string';
      return `${logical.isLocal ? 'local_' : ''}timestamp${logical.digits === 6 ? '_us' : ''}`;
    case 'time':
      return logical.digits === 3 ? 'time_ms' : 'time_us';
    case 'duration':
      return 'json';
    case undefined:
      return null;
    default:
      return logical!.name;
  }
}
