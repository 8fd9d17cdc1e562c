import type { ExactJson } from '../core/exact-json.ts';
import type { LogicalType } from './avro-type.ts';

/**
 * Debezium marks its times by a name of Kafka Connect's schemas only. Those of columns without a zone are a clock's reading.
 */
const connectNames: ReadonlyMap<ExactJson | undefined, string> = new Map([
  ['io.debezium.time.Date', 'date'],
  ['io.debezium.time.Time', 'time-millis'],
  ['io.debezium.time.MicroTime', 'time-micros'],
  ['io.debezium.time.Timestamp', 'local-timestamp-millis'],
  ['io.debezium.time.MicroTimestamp', 'local-timestamp-micros'],
  ['io.debezium.time.NanoTimestamp', 'local-timestamp-nanos'],
]);

type Attributes = { [name: string]: ExactJson };

/**
 * The logical type of a schema object (Avro specification, "Logical Types"), or null: when there is none, when we do not know
 * it, and when it may not stand on that type. `size` is that of a fixed.
 */
export function logicalTypeOf(attributes: Attributes, kind: string, size = 0): LogicalType | null {
  const name = attributes['logicalType'] ?? connectNames.get(attributes['connect.name']);
  switch (name) {
    case 'decimal':
      return kind === 'bytes' || kind === 'fixed' ? decimalOf(attributes, kind, size) : null;
    case 'uuid':
      return kind === 'string' || (kind === 'fixed' && size === 16) ? { name } : null;
    case 'date':
      return kind === 'int' ? { name } : null;
    case 'duration':
      return kind === 'fixed' && size === 12 ? { name } : null;
    case 'time-millis':
      return kind === 'int' ? { name: 'time', digits: 3 } : null;
    case 'time-micros':
      return kind === 'long' ? { name: 'time', digits: 6 } : null;
    default:
      return kind === 'long' && typeof name === 'string' ? timestampOf(name) : null;
  }
}

function timestampOf(name: string): LogicalType | null {
  const match = /^(local-)?timestamp-(millis|micros|nanos)$/.exec(name);
  if (!match) return null;
  const digits = match[2] === 'millis' ? 3 : match[2] === 'micros' ? 6 : 9;
  return { name: 'timestamp', digits, isLocal: match[1] !== undefined };
}

function decimalOf(attributes: Attributes, kind: string, size: number): LogicalType | null {
  const precision = attributes['precision'];
  const scale = attributes['scale'] ?? 0;
  if (typeof precision !== 'number' || !Number.isInteger(precision) || precision < 1) return null;
  if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > precision) return null;
  const mostDigits = Math.floor(Math.log10(2) * (8 * size - 1));
  if (kind === 'fixed' && precision > mostDigits) return null;
  return { name: 'decimal', precision, scale };
}

/** Whether values of the two mean the same. */
export function isSameLogical(left: LogicalType | null, right: LogicalType | null): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
