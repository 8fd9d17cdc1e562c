import { BadSchemaError } from '../core/value-error.ts';
import type { PayloadSchema } from '../registry/framed-decoder.ts';
import type { RegisteredSchema } from '../registry/registered-schema.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import { columnsOfJsonSchema } from './json-schema-columns.ts';

const frameBytes = 5;

/** JSON text as it is. A zero byte, which no JSON begins with, is taken for Confluent's frame, and its five bytes are dropped. */
export class JsonDecoder implements ValueDecoder {
  readonly tombstone = null;
  readonly columns: readonly ValueColumn[] = [];

  async prepare(): Promise<void> {}

  decode(value: Buffer): Buffer | RefusedValue {
    return value.length >= frameBytes && value[0] === 0 ? value.subarray(frameBytes) : value;
  }
}

/** Framed JSON: the payload is JSON text already; the schema says which columns it has. It is not validated against the schema. */
export function compileRegisteredJson(schema: RegisteredSchema): PayloadSchema {
  if (schema.type !== 'JSON') throw new BadSchemaError(`expected a schema of type JSON, came ${schema.type}`);
  const columns = columnsOfJsonSchema(schema.text);
  return { decode: (value, position) => value.subarray(position), columns: () => columns };
}
