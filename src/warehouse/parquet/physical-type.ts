import { type DataType, isNested, type ScalarType } from '../table/data-type.ts';
import { cellKinds } from './row-hash.ts';

/** Parquet's physical types, as far as we write them; FIXED is FIXED_LEN_BYTE_ARRAY. */
export type PhysicalType = 'BOOLEAN' | 'INT32' | 'INT64' | 'FLOAT' | 'DOUBLE' | 'BYTE_ARRAY' | 'FIXED';

/** How values of a scalar type lie in a file. */
export function physicalOf(type: ScalarType): PhysicalType {
  switch (type.kind) {
    case 'boolean':
      return 'BOOLEAN';
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'date':
    case 'time_ms':
      return 'INT32';
    case 'int64':
    case 'uint64':
    case 'time_us':
    case 'timestamp':
    case 'timestamp_us':
    case 'local_timestamp':
    case 'local_timestamp_us':
      return 'INT64';
    case 'float':
      return 'FLOAT';
    case 'double':
      return 'DOUBLE';
    case 'decimal':
      if (type.precision <= 9) return 'INT32';
      return type.precision <= 18 ? 'INT64' : 'FIXED';
    case 'fixed':
    case 'uuid':
      return 'FIXED';
    default:
      return 'BYTE_ARRAY';
  }
}

/** Bytes of a FIXED value; 0 for the others. A large decimal has 16, the two's complement with the highest byte first. */
export function fixedLength(type: ScalarType): number {
  if (physicalOf(type) !== 'FIXED') return 0;
  return type.kind === 'fixed' ? type.length : 16;
}

/** The kind of a scalar's cells in the content hash (row-hash.ts). */
export function cellKindOf(type: ScalarType): number {
  if (type.kind === 'decimal') return cellKinds.decimal;
  switch (physicalOf(type)) {
    case 'BOOLEAN':
      return cellKinds.boolean;
    case 'INT32':
    case 'INT64':
      return cellKinds.integer;
    case 'FLOAT':
    case 'DOUBLE':
      return cellKinds.double;
    default:
      return cellKinds.bytes;
  }
}

/** The scalar types that a type is made of, the keys of maps left out. */
export function scalarsOf(type: DataType): ScalarType[] {
  if (!isNested(type)) return [type];
  if (type.kind === 'struct') return type.fields.flatMap((field) => scalarsOf(field.type));
  return scalarsOf(type.kind === 'list' ? type.element : type.value);
}
