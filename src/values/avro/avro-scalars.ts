import type { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import { bigEndianInteger, dateText, decimalText, timeOfDayText, timestampText, uuidText } from '../core/value-text.ts';
import type { LogicalType } from './avro-type.ts';

// How single values look in JSON, whether they come from bytes or are defaults of a schema.

export function writeInteger(to: JsonText, value: number | bigint, logical: LogicalType | null): void {
  switch (logical?.name) {
    case 'date':
      to.raw(`"${dateText(Number(value))}"`);
      break;
    case 'time':
      to.raw(`"${timeOfDayText(value, logical.digits)}"`);
      break;
    case 'timestamp':
      to.raw(`"${timestampText(value, logical.digits, logical.isLocal ? '' : 'Z')}"`);
      break;
    default:
      to.raw(String(value));
      break;
  }
}

/** Bytes and fixed: [start, end) of `bytes`. */
export function writeBytes(to: JsonText, bytes: Buffer, start: number, end: number, logical: LogicalType | null): void {
  switch (logical?.name) {
    case 'decimal':
      to.raw(`"${checkedDecimal(bigEndianInteger(bytes, start, end), logical)}"`);
      break;
    case 'uuid':
      to.raw(`"${uuidText(bytes, start)}"`);
      break;
    case 'duration': {
      const [months, days, millis] = [0, 4, 8].map((at) => bytes.readUInt32LE(start + at));
      to.raw(`{"months":${months},"days":${days},"millis":${millis}}`);
      return;
    }
    default:
      to.base64(bytes, start, end);
      break;
  }
}

function checkedDecimal(unscaled: bigint | number, { precision, scale }: { precision: number; scale: number }): string {
  const magnitude = unscaled < 0 ? -unscaled : unscaled;
  const isTooLarge =
    typeof magnitude === 'number' ? magnitude >= 10 ** precision : magnitude >= 10n ** BigInt(precision);
  if (isTooLarge) {
    throw new ValueError('out-of-range', `expected a decimal of at most ${precision} digits, came more`);
  }
  return decimalText(unscaled, scale);
}
