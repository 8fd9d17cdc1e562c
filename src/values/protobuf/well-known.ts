import type { ByteReader } from '../core/byte-reader.ts';
import type { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import { bigEndianInteger, decimalText, timestampText } from '../core/value-text.ts';
import { moveTo, type Occurrences } from './field-scan.ts';
import type { ProtoField, ProtoMessage } from './proto-message.ts';
import { readInteger, scalarText } from './proto-scalars.ts';

type Found = (Occurrences | undefined)[];
/** What the writers of well-known types need of the writing of messages. */
export interface MessageWriting {
  readonly to: JsonText;
  readonly from: ByteReader;
  /** The value of a field, or its default when it is not there; its name is not written. */
  writeField(field: ProtoField, occurrences: Occurrences | undefined, bytes: Buffer): void;
}

type WellKnownWriter = (writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer) => void;

/** How a message that has a form of its own is written (ProtoJSON's forms, but for Any); null: as any other. */
export function wellKnownWriter(name: string): WellKnownWriter | null {
  return writers.get(name) ?? null;
}

const mostScale = 10_000;

const writers: ReadonlyMap<string, WellKnownWriter> = new Map([
  ['google.protobuf.Timestamp', writeTimestamp],
  ['google.protobuf.Duration', writeDuration],
  ['google.protobuf.Struct', writeOnlyField],
  ['google.protobuf.ListValue', writeOnlyField],
  ['google.protobuf.Value', writeChosenField],
  ['google.protobuf.FieldMask', writeFieldMask],
  ['google.protobuf.Any', writeAny],
  ['google.type.Date', writeDate],
  ['confluent.type.Decimal', writeDecimal],
  ...['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (kind) => [`google.protobuf.${kind}Value`, writeOnlyField] as [string, WellKnownWriter],
  ),
]);

/** With 3, 6 or 9 fraction digits, as many as are needed. */
function writeTimestamp(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  const { seconds, nanos } = secondsOf(writing, message, found, bytes);
  if (nanos < 0 || nanos > 999_999_999) {
    throw new ValueError('bad-time', `expected 0 to 999999999 nanoseconds of a timestamp, came ${nanos}`);
  }
  const digits = nanos % 1_000_000 === 0 ? 3 : nanos % 1000 === 0 ? 6 : 9;
  const count = seconds * 10n ** BigInt(digits) + BigInt(nanos / 10 ** (9 - digits));
  writing.to.raw(`"${timestampText(count, digits, 'Z')}"`);
}

/** Seconds with a unit, like `-1.500s`. */
function writeDuration(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  const { seconds, nanos } = secondsOf(writing, message, found, bytes);
  const text = decimalText(seconds * 1_000_000_000n + BigInt(nanos), 9);
  writing.to.raw(`"${text.replace(/\.?0+$/, '') || '0'}s"`);
}

function secondsOf(
  writing: MessageWriting,
  message: ProtoMessage,
  found: Found,
  bytes: Buffer,
): { seconds: bigint; nanos: number } {
  const seconds = BigInt(integerOf(writing, message, found, bytes, 1));
  return { seconds, nanos: Number(integerOf(writing, message, found, bytes, 2)) };
}

/** The integer in field `number`; 0 when it is not there. */
function integerOf(
  writing: MessageWriting,
  message: ProtoMessage,
  found: Found,
  bytes: Buffer,
  number: number,
): number | bigint {
  const position = message.byNumber.get(number);
  const occurrences = position === undefined ? undefined : found[position];
  if (!occurrences) return 0;
  const { kind } = message.fields[position!]!;
  const last = occurrences.length - 3;
  moveTo(writing.from, bytes, occurrences[last + 1]!, occurrences[last + 2]!);
  return readInteger(kind as 'int64', writing.from);
}

/** Struct is its map, ListValue its list, a wrapper its value. */
function writeOnlyField(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  writing.writeField(message.fields[0]!, found[0], bytes);
}

/** A Value is the member of its oneof that is set; `null_value` and none at all are null. */
function writeChosenField(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  const position = message.fields.findIndex((_, index) => found[index] !== undefined);
  const field = message.fields[position];
  if (!field || field.name === 'null_value' || field.name === 'nullValue') writing.to.raw('null');
  else writing.writeField(field, found[position], bytes);
}

function writeFieldMask(writing: MessageWriting, _: ProtoMessage, found: Found, bytes: Buffer): void {
  const paths: string[] = [];
  const occurrences = found[0] ?? [];
  for (let at = 0; at < occurrences.length; at += 3) {
    moveTo(writing.from, bytes, occurrences[at + 1]!, occurrences[at + 2]!);
    paths.push(scalarText('string', writing.from));
  }
  writing.to.string(paths.join(','));
}

/** The message inside is not opened: its type may be of any schema. */
function writeAny(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  writing.to.raw('{"@type":');
  writing.writeField(message.fields[0]!, found[0], bytes);
  writing.to.raw(',"value":');
  writing.writeField(message.fields[1]!, found[1], bytes);
  writing.to.raw('}');
}

/** A whole date as text; one without year, month or day is none. */
function writeDate(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  const [year, month, day] = [1, 2, 3].map((number) => Number(integerOf(writing, message, found, bytes, number)));
  const text = [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
  if (!isDate || new Date(text).toISOString().slice(0, 10) !== text) {
    throw new ValueError('bad-date', `expected a whole date, came ${text}`);
  }
  writing.to.raw(`"${text}"`);
}

function writeDecimal(writing: MessageWriting, message: ProtoMessage, found: Found, bytes: Buffer): void {
  const scale = Number(integerOf(writing, message, found, bytes, 3));
  if (Math.abs(scale) > mostScale)
    throw new ValueError('out-of-range', `expected a scale up to ${mostScale}, came ${scale}`);
  const occurrences = found[message.byNumber.get(1) ?? -1];
  const last = (occurrences?.length ?? 0) - 3;
  const unscaled = occurrences ? bigEndianInteger(bytes, occurrences[last + 1]!, occurrences[last + 2]!) : 0;
  writing.to.raw(`"${decimalText(unscaled, scale)}"`);
}
