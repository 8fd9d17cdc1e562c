import { BadInputError } from '../../shared/index.ts';
import { type CivilHour, defaultPathFormat, PathFormat } from './path-format.ts';
import { civilMs, TimeZone } from './time-zone.ts';

/**
 * Which folder an instant belongs to. A folder is an hour (or a day) *on the wall clock of the zone*, and so is an hour of
 * the contract:
 *
 * - When clocks go back, the repeated hour is one folder of two hours (`hr=02` in Berlin on the last Sunday of October), so
 *   `hr` stays a number for every reader and no two folders mean the same clock time; its manifest says from when to when.
 * - When clocks go forward, the skipped hour has no folder, and asking for it is an error that says so.
 * - Where the change is not of a full hour (Australia/Lord_Howe: 30 minutes), folders are longer or shorter by as much.
 */
export interface TimeSegment {
  /** Names the hour or day: `2026-11-20T23`, `2026-11-20`. The same for all segments of a folder. */
  key: string;
  /** Relative to the table: `dt=2026-11-20/hr=23`. */
  folder: string;
  /** A piece of the time line that lies wholly in the folder: [startMs, endMs), with one offset from UTC. */
  startMs: number;
  endMs: number;
}

/** One folder as a whole: from its first instant to behind its last. */
export type TimePeriod = TimeSegment;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const cacheStepMs = 900_000;
const cacheEntries = 20_000;
/** No wall clock was ever further from UTC. */
const farthestMs = 18 * hourMs;
const sampleMs = 6 * hourMs;

export class TimeFolders {
  readonly zone: TimeZone;
  readonly format: PathFormat;
  readonly #unitMs: number;
  readonly #segments = new Map<number, TimeSegment>();

  /** @throws BadInputError for an unknown zone or a pattern that would put records into wrong folders. */
  constructor(layout: { zone?: string; pathFormat?: string } = {}) {
    this.zone = new TimeZone(layout.zone ?? 'UTC');
    this.format = new PathFormat(layout.pathFormat ?? defaultPathFormat);
    this.#unitMs = this.format.unit === 'hour' ? hourMs : dayMs;
  }

  get unit(): 'hour' | 'day' {
    return this.format.unit;
  }

  /** The segment that holds an instant (epoch ms). */
  at(timeMs: number): TimeSegment {
    const step = Math.floor(timeMs / cacheStepMs);
    const known = this.#segments.get(step);
    if (known !== undefined && timeMs >= known.startMs && timeMs < known.endMs) return known;
    const segment = this.#find(timeMs);
    if (this.#segments.size >= cacheEntries) this.#segments.clear();
    this.#segments.set(step, segment);
    return segment;
  }

  /** The hour or day of that key; null when the clocks of the zone never showed it, or the text is no key. */
  period(key: string): TimePeriod | null {
    const civil = parseKey(key, this.unit);
    return civil && this.#periodOf(civil);
  }

  /** The hour or day of a folder that `at` named, or null. */
  periodOfFolder(folder: string): TimePeriod | null {
    const civil = this.format.parse(folder);
    const period = civil && this.#periodOf(civil);
    return period?.folder === folder ? period : null;
  }

  /** The hour or day of a file, by the folders at the beginning of its path (relative to the table); null: none of ours. */
  keyOf(path: string): string | null {
    const folder = path.split('/', this.format.names.length).join('/');
    const civil = this.format.parse(folder);
    if (civil === null) return null;
    const key = keyOf(civil, this.unit);
    return parseKey(key, this.unit) === null ? null : key;
  }

  /** All hours or days that have an instant in [fromMs, toMs), in the order of their first one. */
  *between(fromMs: number, toMs: number): Generator<TimePeriod> {
    const seen: string[] = [];
    for (let at = fromMs; at < toMs; ) {
      const segment = this.at(at);
      if (!seen.includes(segment.key)) {
        seen.push(segment.key);
        if (seen.length > 100) seen.shift();
        yield this.period(segment.key)!;
      }
      at = segment.endMs;
    }
  }

  /**
   * What a person means by an hour: a key (`2026-11-20T23`), or an instant within it with a zone (`2026-11-20T22:00Z`,
   * `2026-10-25T02+01:00`), which also tells the two halves of a repeated hour apart.
   *
   * @throws BadInputError that says whether the text is none, or the clocks skipped that hour.
   */
  parse(text: string): TimePeriod {
    const period = this.period(text);
    if (period) return period;
    const instant = /^(\d{4}-\d\d-\d\dT\d\d)(:\d\d)?(:\d\d)?(Z|[+-]\d\d:\d\d)$/.exec(text);
    if (instant) {
      const [, hour, minute = ':00', second = ':00', zone] = instant;
      const timeMs = Date.parse(`${hour}${minute}${second}${zone}`);
      if (Number.isFinite(timeMs)) return this.period(this.at(timeMs).key)!;
    }
    const example = this.unit === 'hour' ? '2026-11-20T23' : '2026-11-20';
    if (parseKey(text, this.unit) === null) {
      throw new BadInputError(`expected ${this.unit === 'hour' ? 'an hour' : 'a day'} like ${example}, got "${text}"`);
    }
    throw new BadInputError(`${text} does not exist in ${this.zone.name}: the clocks went forward over it`);
  }

  #find(timeMs: number): TimeSegment {
    const offset = this.zone.offsetMs(timeMs);
    const localStart = Math.floor((timeMs + offset) / this.#unitMs) * this.#unitMs;
    const startMs = localStart - offset;
    const endMs = startMs + this.#unitMs;
    const civil = civilOf(localStart);
    return {
      key: keyOf(civil, this.unit),
      folder: this.format.format(civil),
      startMs: this.zone.offsetMs(startMs) === offset ? startMs : this.zone.changeBetween(startMs, timeMs),
      endMs: this.zone.offsetMs(endMs - 1) === offset ? endMs : this.zone.changeBetween(timeMs, endMs - 1),
    };
  }

  /** From the first instant of that clock time to behind the last one. */
  #periodOf(civil: CivilHour): TimePeriod | null {
    const localStart = civilMs(civil.year, civil.month, civil.day, civil.hour);
    const key = keyOf(civil, this.unit);
    const offsets = new Set<number>();
    for (let at = localStart - farthestMs; at <= localStart + this.#unitMs + farthestMs; at += sampleMs) {
      offsets.add(this.zone.offsetMs(at));
    }
    let period: TimePeriod | null = null;
    for (const offset of offsets) {
      const endMs = localStart + this.#unitMs - offset;
      for (let at = localStart - offset; at < endMs; ) {
        const segment = this.at(at);
        if (segment.key === key) period = period ? hull(period, segment) : segment;
        at = segment.endMs;
      }
    }
    return period;
  }
}

function hull(left: TimePeriod, right: TimePeriod): TimePeriod {
  return { ...left, startMs: Math.min(left.startMs, right.startMs), endMs: Math.max(left.endMs, right.endMs) };
}

function civilOf(localMs: number): CivilHour {
  const date = new Date(localMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
  return { year, month, day: date.getUTCDate(), hour: date.getUTCHours() };
}

function keyOf({ year, month, day, hour }: CivilHour, unit: 'hour' | 'day'): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  return unit === 'hour' ? `${date}T${two(hour)}` : date;
}

function parseKey(key: string, unit: 'hour' | 'day'): CivilHour | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d))?$/.exec(key);
  if (match === null || (match[4] === undefined) !== (unit === 'day')) return null;
  const [year, month, day, hour] = match.slice(1).map((text) => Number(text ?? 0)) as [number, number, number, number];
  const civil = { year, month, day, hour };
  const isReal = hour < 24 && keyOf(civilOf(civilMs(year, month, day, hour)), unit) === key;
  return isReal ? civil : null;
}
