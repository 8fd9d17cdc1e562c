import { type ByteReader, maxDepth } from '../core/byte-reader.ts';
import { ValueError } from '../core/value-error.ts';
import { type ProtoField, type ProtoMessage, wireTypeOf } from './proto-message.ts';

/** Bytes of a message: a part of a buffer. */
export interface MessageBytes {
  bytes: Buffer;
  start: number;
  /** Exclusive. */
  end: number;
}

/** Where a field stands in a message, several times when it is repeated: wire type, start and end of the value, flat. */
export type Occurrences = number[];

/** Groups have their own wire types, begin and end; what is in between is a message. */
const startGroup = 3;
const endGroup = 4;

/**
 * Walks one message and notes where the values of its fields are, by their position in `message.fields`. Fields may come in
 * any order, again and again: of a oneof only the member that came last stays. Unknown fields, and known ones of another wire
 * type, are passed over, as the encoding asks.
 *
 * @throws ValueError `truncated`, `bad-protobuf`, `bad-varint`, `too-deep`.
 */
export function scanFields(
  message: ProtoMessage,
  { bytes, start, end }: MessageBytes,
  from: ByteReader,
): (Occurrences | undefined)[] {
  const found: (Occurrences | undefined)[] = [];
  const chosen: number[] = [];
  moveTo(from, bytes, start, end);
  while (from.remaining > 0) {
    const tag = readTag(from);
    const position = message.byNumber.get(tag >>> 3);
    const wire = tag & 7;
    const length = wire === 2 ? Number(from.varint()) : -1;
    const valueStart = from.position;
    const valueEnd = length < 0 ? passValue(from, tag, 0) : from.pass(length) + length;
    if (position === undefined || !fits(message.fields[position]!, wire)) continue;
    const { oneof } = message.fields[position]!;
    if (oneof >= 0) {
      const before = chosen[oneof];
      if (before !== undefined && before !== position) found[before] = undefined;
      chosen[oneof] = position;
    }
    const list = (found[position] ??= []);
    list.push(wire, valueStart, valueEnd);
  }
  return found;
}

/** Sets the reader to a part without forgetting how deep it is. */
export function moveTo(from: ByteReader, bytes: Buffer, start: number, end: number): void {
  from.bytes = bytes;
  from.position = start;
  from.end = end;
}

/** Field number (shifted left by 3) and wire type. */
function readTag(from: ByteReader): number {
  const tag = from.varint();
  if (typeof tag !== 'number' || tag > 0xffff_ffff || tag >>> 3 === 0) {
    throw new ValueError('bad-protobuf', `expected the number of a field before byte ${from.position}, came ${tag}`);
  }
  return tag;
}

/** Passes a value; the position of its end (of a group: before its end tag). */
function passValue(from: ByteReader, tag: number, depth: number): number {
  switch (tag & 7) {
    case 0:
      from.varint();
      return from.position;
    case 1:
      from.pass(8);
      return from.position;
    case 2:
      from.pass(Number(from.varint()));
      return from.position;
    case startGroup:
      return passGroup(from, tag >>> 3, depth);
    case 5:
      from.pass(4);
      return from.position;
    default:
      throw new ValueError('bad-protobuf', `expected a wire type before byte ${from.position}, came ${tag & 7}`);
  }
}

function passGroup(from: ByteReader, number: number, depth: number): number {
  if (depth >= maxDepth) throw new ValueError('too-deep', `expected at most ${maxDepth} nested groups`);
  for (;;) {
    const end = from.position;
    const tag = readTag(from);
    if ((tag & 7) === endGroup) {
      if (tag >>> 3 === number) return end;
      throw new ValueError('bad-protobuf', `expected the end of group ${number}, came that of ${tag >>> 3}`);
    }
    passValue(from, tag, depth + 1);
  }
}

function fits(field: ProtoField, wire: number): boolean {
  const own = wireTypeOf(field.kind);
  if (field.mapKey !== null) return wire === 2;
  if (field.kind === 'message') return wire === 2 || wire === startGroup;
  return wire === own || (field.isRepeated && wire === 2);
}
