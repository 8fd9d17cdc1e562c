import { ByteReader } from '../core/byte-reader.ts';
import { refusing } from '../core/decode-guard.ts';
import { BadSchemaError, ValueError } from '../core/value-error.ts';
import type { PayloadSchema } from '../registry/framed-decoder.ts';
import type { RegisteredSchema } from '../registry/registered-schema.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import { type ProtoSchema, parseProtoSchema } from './parse-proto-schema.ts';
import { columnsOfMessage } from './proto-columns.ts';
import type { ProtoMessage } from './proto-message.ts';
import { MessageWriter } from './write-message.ts';

const mostIndexes = 32;

/**
 * Payloads of Confluent's wire format: before the message stands where in the schema its type is, as the number of indexes and
 * the indexes (zigzag varints). A single 0 is short for [0], the first message.
 */
export function compileRegisteredProtobuf(schema: RegisteredSchema): PayloadSchema {
  if (schema.type !== 'PROTOBUF') throw new BadSchemaError(`expected a schema of type PROTOBUF, came ${schema.type}`);
  return new ProtobufPayloads(parseProtoSchema(schema.text, schema.references));
}

interface KnownMessage {
  message: ProtoMessage;
  columns: readonly ValueColumn[];
}

class ProtobufPayloads implements PayloadSchema {
  readonly #file: ProtoSchema;
  readonly #messages = new Map<string, KnownMessage>();
  readonly #writer = new MessageWriter();
  readonly #from = new ByteReader();

  constructor(file: ProtoSchema) {
    this.#file = file;
  }

  decode(value: Buffer, position: number): Buffer {
    const { message } = this.#messageOf(value, position);
    return this.#writer.write(message, { bytes: value, start: this.#from.position, end: value.length });
  }

  /** None for a value that names no message: `decode` will say so. */
  columns(value: Buffer, position: number): readonly ValueColumn[] {
    try {
      return this.#messageOf(value, position).columns;
    } catch (error) {
      if (error instanceof ValueError) return noColumns;
      throw error;
    }
  }

  /** Leaves the reader behind the indexes. */
  #messageOf(value: Buffer, position: number): KnownMessage {
    this.#from.start(value, position);
    const indexes = readIndexes(this.#from);
    const key = indexes.join('.');
    const known = this.#messages.get(key);
    if (known) return known;
    const message = messageAt(this.#file, indexes);
    const found = { message, columns: columnsOfMessage(message) };
    this.#messages.set(key, found);
    return found;
  }
}

const noColumns: readonly ValueColumn[] = [];

function readIndexes(from: ByteReader): number[] {
  const count = Number(from.zigzag());
  if (count === 0) return [0];
  if (!(count > 0 && count <= mostIndexes)) {
    throw new ValueError('bad-protobuf', `expected at most ${mostIndexes} message indexes, came ${count}`);
  }
  return Array.from({ length: count }, () => Number(from.zigzag()));
}

function messageAt(file: ProtoSchema, indexes: readonly number[]): ProtoMessage {
  try {
    return file.messageAt(indexes);
  } catch (error) {
    if (error instanceof BadSchemaError) throw new ValueError('bad-protobuf', error.message);
    throw error;
  }
}

/** Values without a frame, all of one message type of a file. */
export class PlainProtobufDecoder implements ValueDecoder {
  readonly tombstone = null;
  readonly #message: ProtoMessage;
  readonly #writer = new MessageWriter();

  constructor(message: ProtoMessage) {
    this.#message = message;
  }

  async prepare(): Promise<void> {}

  get columns(): readonly ValueColumn[] {
    return columnsOfMessage(this.#message);
  }

  decode(value: Buffer): Buffer | RefusedValue {
    return refusing(() => this.#writer.write(this.#message, { bytes: value, start: 0, end: value.length }));
  }
}
