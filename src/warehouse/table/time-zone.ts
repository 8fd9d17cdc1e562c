import { BadInputError } from '../../shared/index.ts';

const searchToMs = 1;
const cacheEntries = 20_000;
const cacheStepMs = 900_000;

/** The wall clock of an IANA zone. Zones, their changes and their history are those of the ICU data that Node carries. */
export class TimeZone {
  /** As the tz database writes it. */
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | null;
  readonly #offsets = new Map<number, number>();

  /** @throws BadInputError for a name that is no IANA zone (`CET`-like abbreviations and fixed offsets are refused, too). */
  constructor(name: string) {
    this.name = canonicalName(name);
    this.#format = this.name === 'UTC' ? null : wallClock(this.name);
  }

  /** Milliseconds that the wall clock is ahead of UTC at that instant. */
  offsetMs(timeMs: number): number {
    if (this.#format === null) return 0;
    // Nearly all changes are at full quarters; whoever needs the exact instant searches for it with `exactOffsetMs`.
    const step = Math.floor(timeMs / cacheStepMs);
    const [before, after] = [this.#atStep(step), this.#atStep(step + 1)];
    return before === after ? before : this.#exactOffsetMs(timeMs);
  }

  /** The first instant in (fromMs, toMs] at which the offset is another than at `fromMs`, or `toMs` when there is none. */
  changeBetween(fromMs: number, toMs: number): number {
    const before = this.offsetMs(fromMs);
    if (this.#format === null || this.offsetMs(toMs) === before) return toMs;
    let low = fromMs;
    let high = toMs;
    while (high - low > searchToMs) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetMs(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }

  #atStep(step: number): number {
    let offset = this.#offsets.get(step);
    if (offset === undefined) {
      offset = this.#exactOffsetMs(step * cacheStepMs);
      if (this.#offsets.size >= cacheEntries) this.#offsets.clear();
      this.#offsets.set(step, offset);
    }
    return offset;
  }

  #exactOffsetMs(timeMs: number): number {
    const second = Math.floor(timeMs / 1000) * 1000;
    const parts: Record<string, string> = {};
    for (const { type, value } of this.#format!.formatToParts(second)) parts[type] = value;
    const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
    const local = civilMs(year, Number(parts['month']), Number(parts['day']), Number(parts['hour']));
    return local + Number(parts['minute']) * 60_000 + Number(parts['second']) * 1000 - second;
  }
}

/** Milliseconds from 1970-01-01T00 to that hour, on one and the same clock. `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
export function civilMs(year: number, month: number, day: number, hour: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour);
  return date.getTime();
}

function wallClock(timeZone: string): Intl.DateTimeFormat {
  const numeric = 'numeric' as const;
  return new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short' },
    ...{ year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric },
  });
}

function canonicalName(name: string): string {
  if (name === 'UTC' || name === 'Etc/UTC') return 'UTC';
  const expected = 'expected an IANA time zone like UTC, Europe/Berlin or Asia/Kolkata';
  if (!/^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)+$/.test(name)) throw new BadInputError(`${expected}, got "${name}"`);
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone === name
      ? name
      : spelling(name);
  } catch (cause) {
    throw new BadInputError(`${expected}, got "${name}"`, { cause });
  }
}

/** Links (Asia/Calcutta and Asia/Kolkata) are one zone; the user's own spelling is kept unless only its case is odd. */
function spelling(name: string): string {
  const known = Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase() === name.toLowerCase());
  return known ?? name;
}
