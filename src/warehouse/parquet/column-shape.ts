import { type DataType, isNested } from '../table/data-type.ts';
import { cellKindOf, fixedLength, type PhysicalType, physicalOf } from './physical-type.ts';
import { cellKinds } from './row-hash.ts';

/** What a builder has to know of its type. A nested column has leaves of its own instead; its physical type means nothing. */
export interface ColumnShape {
  physical: PhysicalType;
  fixedLength: number;
  cellKind: number;
}

export function shapeOf(type: DataType): ColumnShape {
  if (isNested(type)) return { physical: 'BYTE_ARRAY', fixedLength: 0, cellKind: cellKinds.nested };
  return { physical: physicalOf(type), fixedLength: fixedLength(type), cellKind: cellKindOf(type) };
}
