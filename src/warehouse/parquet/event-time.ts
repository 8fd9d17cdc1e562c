/**
 * Dates and times in text, read from bytes without making a string or a Date.
 *
 * A timestamp is an RFC 3339 date-time with a zone (`Z` or an offset); a lower-case `t`/`z` and a space instead of `T` do,
 * as the RFC allows. Years are 0001 to 9999. A leap second (`:60`) has no place on the time line of milliseconds and is refused.
 */

/** First and last millisecond that a four-digit year can name, both inclusive: 0001-01-01 and 9999-12-31 in UTC. */
export const minTimeMs = -62_135_596_800_000;
export const maxTimeMs = 253_402_300_799_999;

const dayMs = 86_400_000;

/** Reads times and dates; a method that answers false leaves `value` without meaning. */
export class TimeParser {
  /** Epoch milliseconds after a successful `parseTimestamp`, days since 1970-01-01 after `parseDate`. */
  value = 0;
  /** True when the text had digits other than 0 beyond the milliseconds; `value` is rounded down then. */
  isFiner = false;
  /** Microseconds within the millisecond, 0 to 999. */
  micros = 0;
  /** True when the text had digits other than 0 beyond the microseconds. */
  isFinerThanMicros = false;

  /** Parses the date-time that begins at `start` and ends before `end`; the position after it, or -1. */
  parseTimestamp(bytes: Uint8Array, start: number, end: number): number {
    this.#clearFraction();
    if (end - start < 20 || !this.parseDate(bytes, start)) return -1;
    const separator = bytes[start + 10]!;
    if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return -1;
    const hour = twoDigits(bytes, start + 11);
    const minute = twoDigits(bytes, start + 14);
    const second = twoDigits(bytes, start + 17);
    if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
    const zone = this.#parseFraction(bytes, start + 19, end);
    const after = zone < 0 ? -1 : this.#parseZone(bytes, zone, end);
    const time = this.value * dayMs + ((hour * 60 + minute) * 60 + second) * 1000 + this.#millis - this.#zoneMs;
    this.value = time;
    return time >= minTimeMs && time <= maxTimeMs ? after : -1;
  }

  /** The same without a zone: what a clock on the wall shows, as if it stood in UTC. */
  parseLocalTimestamp(bytes: Uint8Array, start: number, end: number): number {
    this.#clearFraction();
    if (end - start < 19 || !this.parseDate(bytes, start)) return -1;
    const separator = bytes[start + 10]!;
    if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return -1;
    const days = this.value;
    const after = this.parseTimeOfDay(bytes, start + 11, end);
    this.value += days * dayMs;
    return after;
  }

  /** Parses `HH:MM:SS` with or without a fraction: milliseconds since midnight. The position after it, or -1. */
  parseTimeOfDay(bytes: Uint8Array, start: number, end: number): number {
    this.#clearFraction();
    if (end - start < 8 || bytes[start + 2] !== 0x3a || bytes[start + 5] !== 0x3a) return -1;
    const hour = twoDigits(bytes, start);
    const minute = twoDigits(bytes, start + 3);
    const second = twoDigits(bytes, start + 6);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
    const after = this.#parseFraction(bytes, start + 8, end);
    this.value = ((hour * 60 + minute) * 60 + second) * 1000 + this.#millis;
    return after;
  }

  #clearFraction(): void {
    this.isFiner = false;
    this.isFinerThanMicros = false;
    this.micros = 0;
  }

  /** Takes an integer of epoch milliseconds. */
  setMillis(value: number): boolean {
    this.#clearFraction();
    this.value = value === 0 ? 0 : value;
    return value >= minTimeMs && value <= maxTimeMs;
  }

  /** Parses the ten bytes `YYYY-MM-DD` at `start`. */
  parseDate(bytes: Uint8Array, start: number): boolean {
    if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return false;
    const century = twoDigits(bytes, start);
    const yearOfCentury = twoDigits(bytes, start + 2);
    const month = twoDigits(bytes, start + 5);
    const day = twoDigits(bytes, start + 8);
    if (century < 0 || yearOfCentury < 0 || month < 1 || month > 12 || day < 1) return false;
    const year = century * 100 + yearOfCentury;
    if (year === 0 || day > daysInMonth(year, month)) return false;
    this.value = daysFromCivil(year, month, day);
    return true;
  }

  #millis = 0;
  /** Milliseconds that the local time is ahead of UTC. */
  #zoneMs = 0;

  /** Position of the zone, or -1. */
  #parseFraction(bytes: Uint8Array, start: number, end: number): number {
    this.#millis = 0;
    if (bytes[start] !== 0x2e) return start;
    let at = start + 1;
    let unit = 100;
    while (at < end) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      if (unit >= 1) this.#millis += digit * unit;
      else if (digit !== 0) this.#addFiner(digit, at - start);
      unit = unit > 1 ? unit / 10 : 0;
      at++;
    }
    return at === start + 1 ? -1 : at;
  }

  /** `place`: 4 for the first digit beyond the milliseconds. */
  #addFiner(digit: number, place: number): void {
    this.isFiner = true;
    if (place > 6) this.isFinerThanMicros = true;
    else this.micros += digit * (place === 4 ? 100 : place === 5 ? 10 : 1);
  }

  /** Position after the zone, or -1. */
  #parseZone(bytes: Uint8Array, start: number, end: number): number {
    this.#zoneMs = 0;
    if (start < end && (bytes[start]! | 0x20) === 0x7a) return start + 1;
    if (end - start < 6 || bytes[start + 3] !== 0x3a) return -1;
    const sign = bytes[start] === 0x2b ? 1 : bytes[start] === 0x2d ? -1 : 0;
    const hour = twoDigits(bytes, start + 1);
    const minute = twoDigits(bytes, start + 4);
    if (sign === 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1;
    this.#zoneMs = sign * (hour * 60 + minute) * 60_000;
    return start + 6;
  }
}

/** The number two digits make, or -1. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar: years begin in March, so that the leap day ends one. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
