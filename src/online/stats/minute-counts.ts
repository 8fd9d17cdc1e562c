import { BadInputError } from '../../shared/index.ts';
import type { ConsumedEvent } from '../consumer/consumed-batch.ts';
import { type JsonObject, timeMsOf } from '../consumer/json-value.ts';

/** Which fields of an event are counted by; the same aggregation runs over events (here) and over a table's rows (reconcile). */
export interface StatsFields {
  /** Names the game. */
  game: string;
  /** Name what happened, such as `login`, one counter each: the first of them that an event has. */
  call: readonly string[];
  /** Event time (RFC 3339 text or epoch ms); null: the record's timestamp. */
  time: string | null;
  /** Whose different values are counted, such as `user_id`; null: none. */
  unique: string | null;
}

export const defaultStatsFields: StatsFields = { game: 'game', call: ['call', 'type'], time: null, unique: null };

export const minuteMs = 60_000;
/** An event whose time is later than its record's timestamp by more than this is left out, as the loader does by default. */
export const maxFutureMs = 24 * 3_600_000;
/** Longer names are left out: they are no names. */
export const maxNameBytes = 200;
/** Years have four digits. */
export const endOfTimeMs = Date.UTC(10_000, 0, 1);

/** What happened in one game within one minute. */
export interface MinuteCounts {
  game: string;
  /** Its begin, epoch ms. */
  minuteMs: number;
  counts: Map<string, number>;
  /** Empty where nothing unique is counted. */
  uniques: Set<string>;
}

export interface Aggregate {
  minutes: MinuteCounts[];
  /** Events without a usable game, call or time. */
  unusable: number;
  /** Events dated too far ahead. */
  future: number;
}

/** Counts events per game, minute and call. */
export function aggregateEvents(events: readonly ConsumedEvent<unknown>[], fields: StatsFields): Aggregate {
  const minutes = new Map<string, MinuteCounts>();
  let unusable = 0;
  let future = 0;
  for (const { value, timestampMs } of events) {
    const event = isObject(value) ? value : {};
    const game = nameOf(event[fields.game]);
    const call = firstName(event, fields.call);
    const timeMs = fields.time === null ? timestampMs : timeMsOf(event[fields.time]);
    if (game === null || call === null || !(timeMs >= 0 && timeMs < endOfTimeMs)) {
      unusable++;
      continue;
    }
    if (timeMs > timestampMs + maxFutureMs) {
      future++;
      continue;
    }
    const found = minuteOf(minutes, game, timeMs - (timeMs % minuteMs));
    found.counts.set(call, (found.counts.get(call) ?? 0) + 1);
    const unique = fields.unique === null ? null : nameOf(event[fields.unique]);
    if (unique !== null) found.uniques.add(unique);
  }
  return { minutes: [...minutes.values()], unusable, future };
}

function minuteOf(minutes: Map<string, MinuteCounts>, game: string, startMs: number): MinuteCounts {
  const key = `${startMs} ${game}`;
  let found = minutes.get(key);
  if (!found) {
    found = { game, minuteMs: startMs, counts: new Map(), uniques: new Set() };
    minutes.set(key, found);
  }
  return found;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstName(event: JsonObject, names: readonly string[]): string | null {
  for (const name of names) {
    const found = nameOf(event[name]);
    if (found !== null) return found;
  }
  return null;
}

/** Texts, whole numbers and booleans name something; everything else is null. */
function nameOf(value: unknown): string | null {
  const isName =
    typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint' || Number.isInteger(value);
  if (!isName) return null;
  const text = String(value);
  return text !== '' && Buffer.byteLength(text) <= maxNameBytes ? text : null;
}

/** `2026_1121_0735` (UTC): the minute's name in the keys. Names sort as their minutes do. */
export function minuteName(startMs: number): string {
  const text = new Date(startMs).toISOString();
  return `${text.slice(0, 4)}_${text.slice(5, 7)}${text.slice(8, 10)}_${text.slice(11, 13)}${text.slice(14, 16)}`;
}

/** The begin of a minute by its name, epoch ms; throws BadInputError. */
export function parseMinuteName(name: string): number {
  const match = /^(\d{4})_(\d\d)(\d\d)_(\d\d)(\d\d)$/.exec(name);
  const startMs = match ? Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:00Z`) : Number.NaN;
  if (Number.isNaN(startMs)) throw new BadInputError(`expected a minute like 2026_1121_0735, got "${name}"`);
  return startMs;
}
