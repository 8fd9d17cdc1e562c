import { ValueError } from './value-error.ts';

// Texts of dates, times and decimals, from the integers that binary formats hold.

const microsPerDay = 86_400_000_000n;
const minDay = -719_162;
const maxDay = 2_932_896;

/** Days since 1970-01-01 -> `YYYY-MM-DD`. @throws ValueError `bad-date` outside of the years 1 to 9999. */
export function dateText(days: number): string {
  if (!(days >= minDay && days <= maxDay)) {
    throw new ValueError('bad-date', `expected a date in the years 1 to 9999, came ${days} days since 1970`);
  }
  return new Date(days * 86_400_000).toISOString().slice(0, 10);
}

/**
 * A count of units since the epoch -> RFC 3339 text with as many fraction digits as the unit has (3, 6 or 9). `zone` is what
 * stands at the end: `Z`, or nothing for a local time.
 *
 * @throws ValueError `bad-time` outside of the years 1 to 9999.
 */
export function timestampText(count: number | bigint, digits: 3 | 6 | 9, zone: 'Z' | ''): string {
  if (typeof count === 'number') {
    const unit = digits === 3 ? 1000 : digits === 6 ? 1_000_000 : 1_000_000_000;
    const seconds = Math.floor(count / unit);
    return `${secondsText(seconds)}.${String(count - seconds * unit).padStart(digits, '0')}${zone}`;
  }
  const perSecond = 10n ** BigInt(digits);
  const whole = BigInt(count);
  const seconds = floorDivide(whole, perSecond);
  const fraction = String(whole - seconds * perSecond).padStart(digits, '0');
  return `${secondsText(Number(seconds))}.${fraction}${zone}`;
}

/** Values that come together lie close together: the text of the last hour is kept. */
let keptHour = Number.NaN;
let keptHourText = '';

/** `YYYY-MM-DDTHH:MM:SS`. */
function secondsText(seconds: number): string {
  if (!(seconds >= -62_135_596_800 && seconds <= 253_402_300_799)) {
    throw new ValueError('bad-time', `expected a time in the years 1 to 9999, came ${seconds} s since 1970`);
  }
  const hour = Math.floor(seconds / 3600);
  if (hour !== keptHour) {
    keptHourText = new Date(hour * 3_600_000).toISOString().slice(0, 14);
    keptHour = hour;
  }
  const rest = seconds - hour * 3600;
  const minute = Math.floor(rest / 60);
  const second = rest - minute * 60;
  return `${keptHourText}${minute < 10 ? '0' : ''}${minute}:${second < 10 ? '0' : ''}${second}`;
}

/** A count of units since midnight -> `HH:MM:SS.fff`. @throws ValueError `bad-time` when it is no time of a day. */
export function timeOfDayText(count: number | bigint, digits: 3 | 6 | 9): string {
  const perSecond = 10n ** BigInt(digits);
  const whole = BigInt(count);
  if (whole < 0n || whole * 1_000_000n >= microsPerDay * perSecond) {
    throw new ValueError('bad-time', `expected a time within one day, came ${count} units of 10^-${digits} s`);
  }
  const seconds = Number(whole / perSecond);
  const fraction = String(whole % perSecond).padStart(digits, '0');
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')}.${fraction}`;
}

/** An unscaled integer -> decimal digits with `scale` of them behind the point. */
export function decimalText(unscaled: bigint | number, scale: number): string {
  if (scale <= 0) return `${unscaled}${Number(unscaled) === 0 ? '' : '0'.repeat(-scale)}`;
  const sign = unscaled < 0 ? '-' : '';
  const digits = String(unscaled < 0 ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Two's-complement big-endian bytes -> integer (a number up to six bytes); no bytes are 0. */
export function bigEndianInteger(bytes: Buffer, start: number, end: number): bigint | number {
  if (start === end) return 0;
  if (end - start <= 6) return bytes.readIntBE(start, end - start);
  const value = BigInt(`0x${bytes.toString('hex', start, end)}`);
  return BigInt.asIntN((end - start) * 8, value);
}

/** 16 bytes -> `8-4-4-4-12` hex digits. */
export function uuidText(bytes: Buffer, start: number): string {
  const hex = bytes.toString('hex', start, start + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}
