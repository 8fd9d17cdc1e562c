import type { CountedMinute, CountedSecond, GameSecond } from '../answers.ts';

interface Bucket {
  games: Map<string, GameSecond>;
  parsed: number;
  skipped: number;
  /** Changed since it was last taken. */
  isFresh: boolean;
}

/** The same records by minute, with every kind. */
interface Minute {
  games: Map<string, Map<string, number>>;
  parsed: number;
  skipped: number;
}

const keptSeconds = 16 * 60;
/** More names than this are one game, "other": a wrong field must not fill the memory. */
const maxGames = 24;
/** And more kinds than this are one kind. */
const maxTypes = 24;
const other = 'other';

/** Counts events by game, type and second of their records, over the last quarter of an hour. */
export class GameCounts {
  readonly #buckets = new Map<number, Bucket>();
  readonly #minutes = new Map<number, Minute>();
  readonly #games = new Set<string>();
  readonly #types = new Set<string>();

  /** A record's value, as JSON text with `game` and `type`; what is none counts for nothing. */
  add(timestampMs: number, value: Buffer): void {
    const bucket = this.#bucket(Math.floor(timestampMs / 1000));
    if (!bucket) return;
    const minute = this.#minute(timestampMs);
    bucket.parsed++;
    minute.parsed++;
    const found = fieldsOf(value);
    if (!found) return;
    const game = nameWithin(this.#games, found.game, maxGames);
    countInto(minute, game, nameWithin(this.#types, found.type, maxTypes));
    let counts = bucket.games.get(game);
    if (!counts) bucket.games.set(game, (counts = { events: 0, requests: 0, installs: 0 }));
    counts.events++;
    if (found.type === 'request') counts.requests++;
    if (found.type === 'install') counts.installs++;
  }

  /** Records of that time that were not looked at. */
  skip(timestampMs: number, count: number): void {
    const bucket = this.#bucket(Math.floor(timestampMs / 1000));
    if (!bucket) return;
    bucket.skipped += count;
    this.#minute(timestampMs).skipped += count;
  }

  /** Names that were seen, without what became of too many. */
  games(): readonly string[] {
    return [...this.#games];
  }

  /** All minutes that are kept, by minute and then game. */
  minutes(): CountedMinute[] {
    const found: CountedMinute[] = [];
    for (const [minute, { games, parsed, skipped }] of this.#minutes) {
      const scale = parsed === 0 ? 1 : (parsed + skipped) / parsed;
      for (const [game, counts] of games) {
        const scaled = [...counts].map(([type, count]) => [type, Math.round(count * scale)] as const);
        found.push({ game, minuteMs: minute * 60_000, counts: Object.fromEntries(scaled) });
      }
    }
    return found.sort((a, b) => a.minuteMs - b.minuteMs || (a.game < b.game ? -1 : 1));
  }

  /** The seconds of [fromSecond, toSecond) in which something was counted. */
  between(fromSecond: number, toSecond: number): CountedSecond[] {
    const found: CountedSecond[] = [];
    for (const [second, bucket] of this.#buckets) {
      if (second >= fromSecond && second < toSecond) found.push(countedOf(second, bucket));
    }
    return found.sort((a, b) => a.second - b.second);
  }

  /** The newest seconds before `untilSecond` that have changed since they were last taken, `limit` of them; oldest first. */
  takeFresh(untilSecond: number, limit: number): CountedSecond[] {
    const fresh = [...this.#buckets].filter(([second, { isFresh }]) => isFresh && second < untilSecond);
    const newest = fresh.sort(([a], [b]) => b - a).slice(0, limit);
    for (const [, bucket] of newest) bucket.isFresh = false;
    return newest.map(([second, bucket]) => countedOf(second, bucket)).reverse();
  }

  /** Forgets what is older than a quarter of an hour. */
  trim(nowMs: number): void {
    const oldest = Math.floor(nowMs / 1000) - keptSeconds;
    for (const second of this.#buckets.keys()) if (second < oldest) this.#buckets.delete(second);
    for (const minute of this.#minutes.keys()) if (minute * 60 < oldest) this.#minutes.delete(minute);
  }

  /** Null: too many different seconds are kept already; timestamps may be anything. */
  #bucket(second: number): Bucket | null {
    let bucket = this.#buckets.get(second);
    if (bucket) {
      bucket.isFresh = true;
      return bucket;
    }
    if (this.#buckets.size > 2 * keptSeconds) return null;
    this.#buckets.set(second, (bucket = { games: new Map(), parsed: 0, skipped: 0, isFresh: true }));
    return bucket;
  }

  #minute(timestampMs: number): Minute {
    const number = Math.floor(timestampMs / 60_000);
    let minute = this.#minutes.get(number);
    if (!minute) this.#minutes.set(number, (minute = { games: new Map(), parsed: 0, skipped: 0 }));
    return minute;
  }
}

function nameWithin(names: Set<string>, name: string, most: number): string {
  if (names.has(name)) return name;
  if (names.size >= most) return other;
  names.add(name);
  return name;
}

function countInto({ games }: Minute, game: string, type: string): void {
  let counts = games.get(game);
  if (!counts) games.set(game, (counts = new Map()));
  counts.set(type, (counts.get(type) ?? 0) + 1);
}

function countedOf(second: number, { games, parsed, skipped }: Bucket): CountedSecond {
  const share = parsed + skipped === 0 ? 1 : parsed / (parsed + skipped);
  const scale = (count: number): number => (share === 0 || share === 1 ? count : Math.round(count / share));
  const scaled = [...games].map(([name, { events, requests, installs }]) => {
    return [name, { events: scale(events), requests: scale(requests), installs: scale(installs) }] as const;
  });
  return { second, games: Object.fromEntries(scaled), share };
}

const maxValueBytes = 64 * 1024;

function fieldsOf(value: Buffer): { game: string; type: string } | null {
  if (value[0] !== 0x7b || value.length > maxValueBytes) return null;
  try {
    const { game, type } = JSON.parse(value.toString('utf8')) as Record<string, unknown>;
    return typeof game === 'string' && typeof type === 'string'
      ? { game: game.slice(0, 40), type: type.slice(0, 40) }
      : null;
  } catch {
    return null;
  }
}
