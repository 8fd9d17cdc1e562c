import type { ByteReader } from '../core/byte-reader.ts';
import type { JsonText } from '../core/json-text.ts';
import { BadSchemaError, ValueError } from '../core/value-error.ts';
import { defaultText } from './avro-defaults.ts';
import { branchFor, canTake, readerFieldFor } from './avro-resolution.ts';
import { writeBytes, writeInteger } from './avro-scalars.ts';
import {
  type AvroArray,
  type AvroEnum,
  type AvroMap,
  type AvroRecord,
  type AvroType,
  describeType,
} from './avro-type.ts';

/** Reads one value of a type and writes its JSON text. */
export type AvroRead = (from: ByteReader, to: JsonText) => void;

/**
 * Compiles the reading of values that were written as `writer` and are wanted as `reader` (the same type when nobody says
 * otherwise). What can never fit is a BadSchemaError now; a union's branch that does not fit refuses the values that have it.
 */
export function compileAvro(writer: AvroType, reader: AvroType = writer): AvroRead {
  return new AvroCompiler().compile(writer, reader);
}

class AvroCompiler {
  /** A record may be part of itself: its reading is known, by a slot, before it is compiled. */
  readonly #records = new Map<AvroRecord, Map<AvroRecord, { read: AvroRead | null }>>();
  readonly #sizes = new Map<AvroType, number>();

  compile(writer: AvroType, reader: AvroType): AvroRead {
    if (writer.kind === 'union') return this.#compileUnion(writer.branches, reader);
    if (reader.kind === 'union') {
      const branch = branchFor(writer, reader.branches);
      return branch ? this.compile(writer, branch) : fail(writer, reader);
    }
    if (!canTake(writer, reader)) fail(writer, reader);
    switch (writer.kind) {
      case 'record':
        return this.#compileRecord(writer, reader as AvroRecord);
      case 'enum':
        return compileEnum(writer, reader as AvroEnum);
      case 'array':
        return this.#compileArray(writer, reader as AvroArray);
      case 'map':
        return this.#compileMap(writer, reader as AvroMap);
      default:
        return compileScalar(writer, reader);
    }
  }

  #compileUnion(branches: readonly AvroType[], reader: AvroType): AvroRead {
    const reads = branches.map((branch) => this.#compileBranch(branch, reader));
    return (from, to) => {
      const index = Number(from.zigzag());
      const read = reads[index];
      if (!read) throw new ValueError('bad-avro', `expected a branch of 0 to ${reads.length - 1}, came ${index}`);
      read(from, to);
    };
  }

  #compileBranch(branch: AvroType, reader: AvroType): AvroRead {
    try {
      return this.compile(branch, reader);
    } catch (error) {
      if (!(error instanceof BadSchemaError)) throw error;
      return () => {
        throw new ValueError('schema-mismatch', error.message);
      };
    }
  }

  #compileRecord(writer: AvroRecord, reader: AvroRecord): AvroRead {
    const known = this.#records.get(writer) ?? new Map<AvroRecord, { read: AvroRead | null }>();
    this.#records.set(writer, known);
    const open = known.get(reader);
    if (open) return (from, to) => open.read!(from, to);
    const slot: { read: AvroRead | null } = { read: null };
    known.set(reader, slot);
    try {
      slot.read = readRecord(this.#steps(writer, reader), missingFields(writer, reader));
    } catch (error) {
      known.delete(reader);
      throw error;
    }
    return slot.read;
  }

  #steps(writer: AvroRecord, reader: AvroRecord): RecordStep[] {
    return writer.fields.map((field) => {
      const target = readerFieldFor(field, reader);
      if (!target) return { label: null, read: this.compile(field.type, field.type) };
      try {
        return { label: labelOf(target.name), read: this.compile(field.type, target.type) };
      } catch (error) {
        if (!(error instanceof BadSchemaError)) throw error;
        throw new BadSchemaError(`${reader.name}.${target.name}: ${error.message}`);
      }
    });
  }

  #compileArray(writer: AvroArray, reader: AvroArray): AvroRead {
    const read = this.compile(writer.items, reader.items);
    const isFree = this.#leastBytes(writer.items) === 0;
    return (from, to) => {
      from.enter();
      to.raw('[');
      let isFirst = true;
      for (let count = blockCount(from, isFree); count > 0; count = blockCount(from, isFree)) {
        for (let item = 0; item < count; item++) {
          if (!isFirst) to.raw(',');
          isFirst = false;
          read(from, to);
        }
      }
      to.raw(']');
      from.leave();
    };
  }

  #compileMap(writer: AvroMap, reader: AvroMap): AvroRead {
    const read = this.compile(writer.values, reader.values);
    return (from, to) => {
      from.enter();
      to.raw('{');
      let isFirst = true;
      for (let count = blockCount(from, false); count > 0; count = blockCount(from, false)) {
        for (let item = 0; item < count; item++) {
          if (!isFirst) to.raw(',');
          isFirst = false;
          writeString(from, to);
          to.raw(':');
          read(from, to);
        }
      }
      to.raw('}');
      from.leave();
    };
  }

  /** 0 when a value of the type may take no bytes at all, else 1. */
  #leastBytes(type: AvroType): number {
    if (type.kind === 'null') return 0;
    if (type.kind === 'fixed') return Math.min(1, type.size);
    if (type.kind !== 'record') return 1;
    const known = this.#sizes.get(type);
    if (known !== undefined) return known;
    this.#sizes.set(type, 0);
    const least = type.fields.some((field) => this.#leastBytes(field.type) > 0) ? 1 : 0;
    this.#sizes.set(type, least);
    return least;
  }
}

interface RecordStep {
  /** `"name":`, or null: the reader has no such field, it is read and dropped. */
  label: Buffer | null;
  read: AvroRead;
}

function readRecord(steps: readonly RecordStep[], missing: readonly Buffer[]): AvroRead {
  return (from, to) => {
    from.enter();
    to.raw('{');
    let isFirst = true;
    for (const { label, read } of steps) {
      const before = to.length;
      if (label) {
        if (!isFirst) to.raw(',');
        isFirst = false;
        to.copy(label, 0, label.length);
      }
      read(from, to);
      if (!label) to.length = before;
    }
    for (const text of missing) {
      if (!isFirst) to.raw(',');
      isFirst = false;
      to.copy(text, 0, text.length);
    }
    to.raw('}');
    from.leave();
  };
}

/** `"name":default` of the reader's fields that the writer does not have. */
function missingFields(writer: AvroRecord, reader: AvroRecord): Buffer[] {
  const taken = new Set(writer.fields.map((field) => readerFieldFor(field, reader)));
  const missing = reader.fields.filter((field) => !taken.has(field));
  return missing.map((field) => {
    if (field.default === undefined) {
      throw new BadSchemaError(
        `${reader.name}.${field.name}: expected a default, because the writer has no such field`,
      );
    }
    return Buffer.concat([labelOf(field.name), defaultText(field.type, field.default)]);
  });
}

function labelOf(name: string): Buffer {
  return Buffer.from(`${JSON.stringify(name)}:`);
}

/** Items of the next block of an array or map; a negative count is followed by the block's length in bytes. */
function blockCount(from: ByteReader, isFree: boolean): number {
  let count = Number(from.zigzag());
  if (count < 0) {
    count = -count;
    const length = Number(from.zigzag());
    if (!(length >= 0 && length <= from.remaining)) {
      throw new ValueError('truncated', `expected a block of ${length} bytes, came ${from.remaining}`);
    }
  }
  if (isFree) from.unfold(count);
  else if (count > from.remaining) {
    throw new ValueError('truncated', `expected ${count} items, came ${from.remaining} bytes`);
  }
  return count;
}

function lengthOf(from: ByteReader): number {
  const length = Number(from.zigzag());
  if (!(length >= 0 && length <= from.remaining)) {
    throw new ValueError('truncated', `expected ${length} bytes of a text or bytes, came ${from.remaining}`);
  }
  return length;
}

function writeString(from: ByteReader, to: JsonText): void {
  const length = lengthOf(from);
  const start = from.pass(length);
  to.utf8(from.bytes, start, start + length);
}

function compileEnum(writer: AvroEnum, reader: AvroEnum): AvroRead {
  const symbols = writer.symbols.map((symbol) => (reader.symbols.includes(symbol) ? symbol : reader.default));
  return (from, to) => {
    const index = Number(from.zigzag());
    const symbol = symbols[index];
    if (symbol === undefined) {
      throw new ValueError(
        'bad-avro',
        `${writer.name}: expected a symbol of 0 to ${symbols.length - 1}, came ${index}`,
      );
    }
    if (symbol === null) {
      throw new ValueError(
        'schema-mismatch',
        `${reader.name}: came the symbol ${writer.symbols[index]}, which it lacks`,
      );
    }
    to.string(symbol);
  };
}

function compileScalar(writer: AvroType, reader: AvroType): AvroRead {
  const logical = 'logical' in reader ? reader.logical : null;
  switch (writer.kind) {
    case 'null':
      return (_, to) => to.raw('null');
    case 'boolean':
      return readBoolean;
    case 'int':
    case 'long':
      return readInteger(writer.kind, reader);
    case 'float':
      return (from, to) => to.double(from.float());
    case 'double':
      return (from, to) => to.double(from.double());
    case 'fixed': {
      const { size } = writer;
      return (from, to) => {
        const start = from.pass(size);
        writeBytes(to, from.bytes, start, start + size, logical);
      };
    }
    default:
      if (reader.kind === 'string') return writeString;
      return (from, to) => {
        const length = lengthOf(from);
        const start = from.pass(length);
        writeBytes(to, from.bytes, start, start + length, logical);
      };
  }
}

function readBoolean(from: ByteReader, to: JsonText): void {
  const byte = from.byte();
  if (byte > 1) throw new ValueError('bad-avro', `expected 0 or 1 for a boolean, came ${byte}`);
  to.raw(byte === 1 ? 'true' : 'false');
}

function readInteger(kind: 'int' | 'long', reader: AvroType): AvroRead {
  const logical = 'logical' in reader ? reader.logical : null;
  const isDouble = reader.kind === 'float' || reader.kind === 'double';
  return (from, to) => {
    const value = from.zigzag();
    if (kind === 'int' && !(typeof value === 'number' && value === (value | 0))) {
      throw new ValueError('out-of-range', `expected an int of 32 bits, came ${value}`);
    }
    if (isDouble) to.double(Number(value));
    else writeInteger(to, value, logical);
  };
}

function fail(writer: AvroType, reader: AvroType): never {
  throw new BadSchemaError(`expected ${describeType(reader)}, but the writer has ${describeType(writer)}`);
}
