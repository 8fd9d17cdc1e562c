import { type DataType, parseType } from './data-type.ts';
import type { Column } from './table-schema.ts';

/** Parquet field ids of the system columns, out of the way of the table's own, which count from 1. */
export const systemFieldIds: Readonly<Record<string, number>> = {
  _partition: 2_147_480_001,
  _offset: 2_147_480_002,
  _timestamp: 2_147_480_003,
  _key: 2_147_480_004,
};

/** The same columns, each with ids for itself and all that is in it. Ids that are there stay; new ones go on from the highest. */
export function withFieldIds(columns: readonly Column[]): Column[] {
  const used = columns.flatMap(({ fieldIds }) => Object.values(fieldIds ?? {}));
  let last = used.reduce((highest, id) => Math.max(highest, id), 0);
  return columns.map((column) => {
    const ids: Record<string, number> = { ...column.fieldIds };
    for (const path of pathsOf(parseType(column.type), '')) ids[path] ??= ++last;
    return { ...column, fieldIds: ids };
  });
}

/** Path of the part `name` of what is at `path`. */
export function partPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function* pathsOf(type: DataType, path: string): Generator<string> {
  yield path;
  if (type.kind === 'list') yield* pathsOf(type.element, partPath(path, 'element'));
  if (type.kind === 'map') {
    yield partPath(path, 'key');
    yield* pathsOf(type.value, partPath(path, 'value'));
  }
  if (type.kind !== 'struct') return;
  for (const field of type.fields) yield* pathsOf(field.type, partPath(path, field.name));
}
