import { isNull, type JsonSpan, jsonMembers } from '../core/json-members.ts';
import type { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import { bigEndianInteger, dateText, decimalText, timeOfDayText, timestampText } from '../core/value-text.ts';

/** Writes the JSON text of a value in our form; `json` is its text as Kafka Connect's JSON converter wrote it. */
export type ConnectWrite = (to: JsonText, json: string) => void;

const mostScale = 10_000;

/**
 * Meanings that Kafka Connect and Debezium give to plain numbers and Base64 by the name of their schema. Debezium's times of
 * columns without a zone (MicroTimestamp, ...) are a clock's reading, hence text without a zone.
 */
export function connectWriterFor(name: string, parameters: Readonly<Record<string, unknown>>): ConnectWrite | null {
  switch (name) {
    case 'org.apache.kafka.connect.data.Decimal':
      return decimalWriter(Number(parameters['scale'] ?? 0));
    case 'org.apache.kafka.connect.data.Date':
    case 'io.debezium.time.Date':
      return (to, json) => to.raw(`"${dateText(Number(integer(json)))}"`);
    case 'org.apache.kafka.connect.data.Timestamp':
      return (to, json) => to.raw(`"${timestampText(integer(json), 3, 'Z')}"`);
    case 'io.debezium.time.Timestamp':
      return (to, json) => to.raw(`"${timestampText(integer(json), 3, '')}"`);
    case 'io.debezium.time.MicroTimestamp':
      return (to, json) => to.raw(`"${timestampText(integer(json), 6, '')}"`);
    case 'io.debezium.time.NanoTimestamp':
      return (to, json) => to.raw(`"${timestampText(integer(json), 9, '')}"`);
    case 'org.apache.kafka.connect.data.Time':
    case 'io.debezium.time.Time':
      return (to, json) => to.raw(`"${timeOfDayText(integer(json), 3)}"`);
    case 'io.debezium.time.MicroTime':
      return (to, json) => to.raw(`"${timeOfDayText(integer(json), 6)}"`);
    case 'io.debezium.time.NanoTime':
      return (to, json) => to.raw(`"${timeOfDayText(integer(json), 9)}"`);
    default:
      return null;
  }
}

function decimalWriter(scale: number): ConnectWrite | null {
  if (!Number.isInteger(scale) || Math.abs(scale) > mostScale) return null;
  return (to, json) => {
    const bytes = Buffer.from(json.slice(1, -1), 'base64');
    if (json[0] !== '"') throw new ValueError('wrong-type', `expected a decimal as Base64, came ${json.slice(0, 40)}`);
    to.raw(`"${decimalText(bigEndianInteger(bytes, 0, bytes.length), scale)}"`);
  };
}

function integer(json: string): bigint {
  if (!/^-?\d{1,19}$/.test(json)) throw new ValueError('wrong-type', `expected an integer, came ${json.slice(0, 40)}`);
  return BigInt(json);
}

/**
 * The same row with the fields rewritten that have a writer. Only fields of the row itself are looked at, not what is nested in
 * them.
 */
export function rewriteRow(
  text: Buffer,
  row: JsonSpan,
  writers: ReadonlyMap<string, ConnectWrite>,
  to: JsonText,
): void {
  to.raw('{');
  let isFirst = true;
  for (const [name, span] of jsonMembers(text, row.start, row.end)) {
    if (!isFirst) to.raw(',');
    isFirst = false;
    to.string(name);
    to.raw(':');
    const write = writers.get(name);
    if (write && !isNull(text, span)) write(to, text.toString('utf8', span.start, span.end));
    else to.copy(text, span.start, span.end);
  }
  to.raw('}');
}
