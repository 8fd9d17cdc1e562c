import { WireError } from '../wire-error.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** Reads and writes one value of one type in one version. Compiled once, shared by all messages. */
export interface ValueCodec {
  read(reader: ByteReader): unknown;
  write(writer: ByteWriter, value: unknown): void;
  /** The fewest bytes a value takes; what a count from the wire is checked against. */
  readonly minBytes: number;
  /** About how much memory a value takes, without what its own bytes and elements take. */
  readonly objectBytes: number;
}

export interface Form {
  /** Compact lengths (KIP-482). */
  isFlexible: boolean;
  isNullable: boolean;
}

/** Kafka's own limit for the length of a string, also where the length is a varint. */
const MAX_STRING_BYTES = 0x7fff;
const MAX_BYTES = 0x7fffffff;

const fixedSize: Readonly<Record<string, ValueCodec>> = {
  bool: { read: (reader) => reader.bool(), write: (writer, value) => writer.bool(value), minBytes: 1, objectBytes: 8 },
  int8: { read: (reader) => reader.int8(), write: (writer, value) => writer.int8(value), minBytes: 1, objectBytes: 8 },
  int16: {
    read: (reader) => reader.int16(),
    write: (writer, value) => writer.int16(value),
    minBytes: 2,
    objectBytes: 8,
  },
  uint16: {
    read: (reader) => reader.uint16(),
    write: (writer, value) => writer.uint16(value),
    minBytes: 2,
    objectBytes: 8,
  },
  int32: {
    read: (reader) => reader.int32(),
    write: (writer, value) => writer.int32(value),
    minBytes: 4,
    objectBytes: 8,
  },
  int64: {
    read: (reader) => reader.int64(),
    write: (writer, value) => writer.int64(value),
    minBytes: 8,
    objectBytes: 24,
  },
  float64: {
    read: (reader) => reader.float64(),
    write: (writer, value) => writer.float64(value),
    minBytes: 8,
    objectBytes: 24,
  },
  uuid: {
    read: (reader) => reader.uuid(),
    write: (writer, value) => writer.uuid(value),
    minBytes: 16,
    objectBytes: 56,
  },
};

/** The codec of a scalar type, or undefined when `type` names a struct. */
export function scalarCodec(type: string, form: Form): ValueCodec | undefined {
  if (type === 'string') return stringCodec(form);
  if (type === 'bytes' || type === 'records') return bytesCodec(form);
  return Object.hasOwn(fixedSize, type) ? fixedSize[type] : undefined;
}

function stringCodec({ isFlexible, isNullable }: Form): ValueCodec {
  const readLength = isFlexible ? readCompactLength : readInt16Length;
  return {
    minBytes: isFlexible ? 1 : 2,
    objectBytes: 32,
    read(reader) {
      const length = readLength(reader);
      if (length < 0) return nullValue(isNullable, length);
      if (length > MAX_STRING_BYTES)
        throw new WireError('malformed', `expected a string of at most ${MAX_STRING_BYTES} bytes, got ${length}`);
      return reader.utf8(length);
    },
    write(writer, value) {
      if (value === null) return writeLength(writer, nullLength(isNullable), isFlexible, true);
      if (typeof value !== 'string') throw new WireError('malformed', `expected a string, got ${typeof value}`);
      const length = Buffer.byteLength(value);
      if (length > MAX_STRING_BYTES)
        throw new WireError('too-large', `expected a string of at most ${MAX_STRING_BYTES} bytes, got ${length}`);
      writeLength(writer, length, isFlexible, true);
      writer.utf8(value, length);
    },
  };
}

function bytesCodec({ isFlexible, isNullable }: Form): ValueCodec {
  const readLength = isFlexible ? readCompactLength : readInt32Length;
  return {
    minBytes: isFlexible ? 1 : 4,
    objectBytes: 112,
    read(reader) {
      const length = readLength(reader);
      return length < 0 ? nullValue(isNullable, length) : reader.bytes(length);
    },
    write(writer, value) {
      if (value === null) return writeLength(writer, nullLength(isNullable), isFlexible, false);
      if (!Buffer.isBuffer(value)) throw new WireError('malformed', `expected a Buffer, got ${typeof value}`);
      if (value.length >= MAX_BYTES)
        throw new WireError('too-large', `expected fewer than ${MAX_BYTES} bytes, got ${value.length}`);
      writeLength(writer, value.length, isFlexible, false);
      writer.bytes(value);
    },
  };
}

export function arrayCodec(element: ValueCodec, { isFlexible, isNullable }: Form): ValueCodec {
  const readLength = isFlexible ? readCompactLength : readInt32Length;
  // An element without bytes would let any count through; there is none in Kafka's definitions.
  const minBytes = Math.max(1, element.minBytes);
  return {
    minBytes: isFlexible ? 1 : 4,
    objectBytes: 32,
    read(reader) {
      const count = readLength(reader);
      if (count < 0) return nullValue(isNullable, count);
      if (count > reader.remaining / minBytes) {
        throw new WireError(
          'truncated',
          `claims ${count} elements of at least ${minBytes} bytes, but only ${reader.remaining} bytes are left`,
        );
      }
      reader.claim(count * element.objectBytes);
      const values: unknown[] = [];
      for (let i = 0; i < count; i++) values.push(element.read(reader));
      return values;
    },
    write(writer, value) {
      if (value === null) return writeLength(writer, nullLength(isNullable), isFlexible, false);
      if (!Array.isArray(value)) throw new WireError('malformed', `expected an array, got ${typeof value}`);
      writeLength(writer, value.length, isFlexible, false);
      for (let i = 0; i < value.length; i++) element.write(writer, value[i]);
    },
  };
}

/** A nullable struct begins with one byte: negative for null, 1 for a value. */
export function nullableStructCodec(struct: ValueCodec): ValueCodec {
  return {
    minBytes: 1,
    objectBytes: struct.objectBytes,
    read: (reader) => (reader.int8() < 0 ? null : struct.read(reader)),
    write(writer, value) {
      writer.int8(value === null ? -1 : 1);
      if (value !== null) struct.write(writer, value);
    },
  };
}

/** Lengths are stored plus one in flexible versions, so that 0 can mean null. */
function readCompactLength(reader: ByteReader): number {
  return reader.uvarint() - 1;
}

function readInt16Length(reader: ByteReader): number {
  return reader.int16();
}

function readInt32Length(reader: ByteReader): number {
  return reader.int32();
}

function writeLength(writer: ByteWriter, length: number, isFlexible: boolean, isString: boolean): void {
  if (isFlexible) writer.uvarint(length + 1);
  else if (isString) writer.int16(length);
  else writer.int32(length);
}

function nullValue(isNullable: boolean, length: number): null {
  if (length !== -1) throw new WireError('malformed', `expected a length of -1 or more, got ${length}`);
  if (!isNullable) throw new WireError('malformed', 'may not be null in this version');
  return null;
}

function nullLength(isNullable: boolean): number {
  if (!isNullable) throw new WireError('unsupported-version', 'may not be null in this version');
  return -1;
}
