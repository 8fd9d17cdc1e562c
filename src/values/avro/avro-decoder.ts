import { ByteReader } from '../core/byte-reader.ts';
import { refusing } from '../core/decode-guard.ts';
import { JsonText } from '../core/json-text.ts';
import { BadSchemaError, ValueError } from '../core/value-error.ts';
import type { PayloadSchema } from '../registry/framed-decoder.ts';
import type { RegisteredSchema } from '../registry/registered-schema.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import { columnsOfAvro } from './avro-columns.ts';
import type { AvroType } from './avro-type.ts';
import { compileAvro } from './compile-avro.ts';
import { parseAvroSchema } from './parse-avro-schema.ts';

/** Payloads that were written with a schema of the registry; `reader`: the schema to take them for, null: their own. */
export function compileRegisteredAvro(schema: RegisteredSchema, reader: AvroType | null): PayloadSchema {
  const writer = parseRegisteredAvro(schema);
  return avroPayload(writer, reader ?? writer);
}

/** @throws BadSchemaError when it is none of Avro. */
export function parseRegisteredAvro(schema: RegisteredSchema): AvroType {
  if (schema.type !== 'AVRO') throw new BadSchemaError(`expected a schema of type AVRO, came ${schema.type}`);
  return parseAvroSchema(
    schema.text,
    schema.references.map(({ text }) => text),
  );
}

/** Reads one value to the end of the bytes. What is no record becomes the field `value` of a row. */
export function avroPayload(
  writer: AvroType,
  reader: AvroType,
  columns: readonly ValueColumn[] = columnsOfAvro(reader),
): PayloadSchema {
  const read = compileAvro(writer, reader);
  const isRow = holdsRecords(reader);
  const from = new ByteReader();
  const to = new JsonText();
  const decode = (value: Buffer, position: number): Buffer => {
    from.start(value, position);
    to.reset(value.length);
    if (!isRow) to.raw('{"value":');
    read(from, to);
    if (!isRow) to.raw('}');
    if (from.remaining > 0) {
      throw new ValueError('bad-avro', `expected the end of the value, came ${from.remaining} more bytes`);
    }
    return to.view();
  };
  return { decode, columns: () => columns };
}

export function holdsRecords(type: AvroType): boolean {
  if (type.kind === 'union') return type.branches.every((branch) => branch.kind === 'record' || branch.kind === 'null');
  return type.kind === 'record';
}

const noBytes = Buffer.alloc(0);

/** Values without a frame, all written with the one schema of a file. */
export class PlainAvroDecoder implements ValueDecoder {
  readonly tombstone = null;
  readonly #schema: PayloadSchema;

  constructor(writer: AvroType, reader: AvroType | null) {
    this.#schema = avroPayload(writer, reader ?? writer);
  }

  async prepare(): Promise<void> {}

  get columns(): readonly ValueColumn[] {
    return this.#schema.columns(noBytes, 0);
  }

  decode(value: Buffer): Buffer | RefusedValue {
    return refusing(() => this.#schema.decode(value, 0));
  }
}
