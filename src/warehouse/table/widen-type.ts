import type { DataType, StructType } from './data-type.ts';
import { formatType, maxDecimalPrecision } from './data-type.ts';

/**
 * The smallest type that holds all values of both, exactly, and that readers of Parquet make of files with either; null when there is none.
 *
 *   int8 < int16 < int32 < int64, uint8 < uint16 < uint32, uint8 < int16, uint16 < int32, uint32 < int64
 *   integers of up to 32 bits < double; integers < decimal with enough digits in front of the point
 *   float < double; decimal < decimal with at least as many digits before and after the point
 *   enum < enum with more values < string
 *   time_ms < time_us, timestamp < timestamp_us, local_timestamp < local_timestamp_us
 *   list, map and struct by their parts; a struct may get fields
 *
 * Not: int64 < double (beyond 2^53 not exact), date < timestamp (which zone?), anything < string or json (readers cannot unify them).
 */
export function widenType(left: DataType, right: DataType): DataType | null {
  if (formatType(left) === formatType(right)) return left;
  return wider(left, right) ?? wider(right, left);
}

/** True when every value of `narrow` has its place in `wide`. */
export function holdsType(wide: DataType, narrow: DataType): boolean {
  const both = widenType(wide, narrow);
  return both !== null && formatType(both) === formatType(wide);
}

const widerPlain: Record<string, readonly string[]> = {
  int8: ['int16', 'int32', 'int64', 'double'],
  int16: ['int32', 'int64', 'double'],
  int32: ['int64', 'double'],
  uint8: ['uint16', 'uint32', 'uint64', 'int16', 'int32', 'int64', 'double'],
  uint16: ['uint32', 'uint64', 'int32', 'int64', 'double'],
  uint32: ['uint64', 'int64', 'double'],
  float: ['double'],
  enum: ['string'],
  time_ms: ['time_us'],
  timestamp: ['timestamp_us'],
  local_timestamp: ['local_timestamp_us'],
};

/** Decimal digits that the values of an integer type can have. */
const integerDigits: Record<string, number> = {
  int8: 3,
  int16: 5,
  int32: 10,
  int64: 19,
  uint8: 3,
  uint16: 5,
  uint32: 10,
  uint64: 20,
};

function wider(narrow: DataType, wide: DataType): DataType | null {
  if (narrow.kind === 'list' && wide.kind === 'list')
    return ofParts([widenType(narrow.element, wide.element)], ([element]) => ({ kind: 'list', element: element! }));
  if (narrow.kind === 'map' && wide.kind === 'map')
    return ofParts([widenType(narrow.value, wide.value)], ([value]) => ({ kind: 'map', value: value! }));
  if (narrow.kind === 'struct' && wide.kind === 'struct') return widerStruct(narrow, wide);
  if (narrow.kind === 'enum' && wide.kind === 'enum')
    return { kind: 'enum', values: [...new Set([...narrow.values, ...wide.values])] };
  if (wide.kind === 'decimal') {
    const digits = narrow.kind === 'decimal' ? narrow.precision - narrow.scale : integerDigits[narrow.kind];
    const scale = Math.max(wide.scale, narrow.kind === 'decimal' ? narrow.scale : 0);
    if (digits === undefined) return null;
    const precision = Math.max(digits, wide.precision - wide.scale) + scale;
    return precision > maxDecimalPrecision ? null : { kind: 'decimal', precision, scale };
  }
  return widerPlain[narrow.kind]?.includes(wide.kind) ? wide : null;
}

function widerStruct(base: StructType, other: StructType): DataType | null {
  const byName = new Map(other.fields.map((field) => [field.name, field.type]));
  const known = new Set(base.fields.map(({ name }) => name));
  const folded = new Set(base.fields.map(({ name }) => name.toLowerCase()));
  const added = other.fields.filter(({ name }) => !known.has(name));
  if (added.some(({ name }) => folded.has(name.toLowerCase()))) return null;
  const shared = base.fields.map(({ name, type }) => {
    const twin = byName.get(name);
    return twin === undefined ? type : widenType(type, twin);
  });
  return ofParts(shared, (types) => ({
    kind: 'struct',
    fields: [...base.fields.map(({ name }, index) => ({ name, type: types[index]! })), ...added],
  }));
}

function ofParts(parts: readonly (DataType | null)[], make: (parts: readonly DataType[]) => DataType): DataType | null {
  return parts.includes(null) ? null : make(parts as DataType[]);
}
