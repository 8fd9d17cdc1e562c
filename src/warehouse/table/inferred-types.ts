import type { ColumnType } from './data-type.ts';

/**
 * Which type an inferred column gets when values of another kind come up. Whatever the order in which they come, no value is
 * refused and none loses a digit:
 *
 *   int64 beside fractions          double, as long as no value of the column was beyond 2^53 (`isWide`); else string
 *   double beside larger integers   string
 *   scalars of several kinds        string
 *   boolean, numbers beside objects or arrays   json
 *
 * A string column takes every other kind as its JSON text, a json column everything, so neither changes any more.
 */
export function joinInferred(base: { type: ColumnType; isWide?: boolean }, other: ColumnType): ColumnType {
  const { type, isWide } = base;
  if (type === other || type === 'string' || type === 'json') return type;
  if (!inferable.has(type) || !inferable.has(other)) return 'string';
  if (other === 'json') return 'json';
  const isNumeric = (type === 'int64' || type === 'double') && (other === 'int64' || other === 'double');
  return isNumeric && !isWide ? 'double' : 'string';
}

const inferable = new Set<string>(['boolean', 'int64', 'double', 'string', 'json']);
