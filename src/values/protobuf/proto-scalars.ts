import type { ByteReader } from '../core/byte-reader.ts';
import type { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import type { ProtoScalar } from './proto-message.ts';

/** Writes the scalar at the reader's position; text and bytes reach to the reader's end. */
export function writeScalar(kind: ProtoScalar, from: ByteReader, to: JsonText): void {
  switch (kind) {
    case 'string':
      to.utf8(from.bytes, from.position, from.end);
      from.position = from.end;
      break;
    case 'bytes':
      to.base64(from.bytes, from.position, from.end);
      from.position = from.end;
      break;
    case 'double':
      to.double(from.double());
      break;
    case 'float':
      to.double(from.float());
      break;
    case 'bool':
      to.raw(from.varint() === 0 ? 'false' : 'true');
      break;
    default:
      to.raw(String(readInteger(kind, from)));
  }
}

/** The text of a map's key. */
export function scalarText(kind: ProtoScalar, from: ByteReader): string {
  if (kind === 'bool') return from.varint() === 0 ? 'false' : 'true';
  if (kind !== 'string') return String(readInteger(kind, from));
  const text = new TextDecoder('utf-8', { fatal: true });
  try {
    return text.decode(from.bytes.subarray(from.position, from.end));
  } catch {
    throw new ValueError('not-utf8', 'expected the key of a map in UTF-8, came other bytes');
  }
}

/** Value of a field without presence that is not in the bytes. */
export function defaultScalar(kind: ProtoScalar): string {
  switch (kind) {
    case 'string':
    case 'bytes':
      return '""';
    case 'bool':
      return 'false';
    case 'double':
    case 'float':
      return '0.0';
    default:
      return '0';
  }
}

/** Integers of 32 bits are cut to them, as every reader of Protobuf does. */
export function readInteger(kind: ProtoScalar, from: ByteReader): number | bigint {
  switch (kind) {
    case 'int32':
      return int32(from.varint());
    case 'uint32':
      return Number(BigInt.asUintN(32, BigInt(from.varint())));
    case 'sint32': {
      const value = Number(BigInt.asUintN(32, BigInt(from.varint())));
      return (value >>> 1) ^ -(value & 1);
    }
    case 'int64':
      return signed(from.varint());
    case 'uint64':
      return from.varint();
    case 'sint64':
      return from.zigzag();
    case 'fixed32':
      return from.bytes.readUInt32LE(from.pass(4));
    case 'sfixed32':
      return from.bytes.readInt32LE(from.pass(4));
    case 'fixed64':
      return from.bytes.readBigUInt64LE(from.pass(8));
    case 'sfixed64':
      return from.bytes.readBigInt64LE(from.pass(8));
    default:
      throw new Error(`${kind} is no integer`);
  }
}

function int32(value: number | bigint): number {
  return typeof value === 'number' && value <= 0x7fff_ffff ? value : Number(BigInt.asIntN(32, BigInt(value)));
}

function signed(value: number | bigint): number | bigint {
  return typeof value === 'number' ? value : BigInt.asIntN(64, value);
}
