import { type ColumnType, parseType } from '../table/data-type.ts';
import { JsonReader } from './json-reader.ts';
import { NestedReader, unreadable } from './nested-reader.ts';
import { ScalarReader } from './scalar-reader.ts';

/** Null when the JSON text is a value of that type, else what was expected and what came. */
export function defaultProblem(type: ColumnType, json: string): string | null {
  const bytes = Buffer.from(json);
  const reader = new JsonReader();
  reader.start(bytes, 0, bytes.length);
  const value = new NestedReader(reader, new ScalarReader(reader)).read(parseType(type), 'default');
  return value === unreadable ? (reader.failure?.reason ?? 'the value could not be read') : null;
}
