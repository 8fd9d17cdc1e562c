import type { RollCause } from '../offsets/index.ts';
import { BadInputError, type Clock } from '../shared/index.ts';
import type { TimeZone } from '../warehouse/index.ts';

/** When an open roll is due by time alone, traffic or not; null: never for that reason. */
export interface RollTimes {
  /** Age of the oldest record that is not committed. */
  ageMs: number | null;
  /** Every so often, counted from midnight on the wall clock of the table's zone: 900,000 rolls at :00, :15, :30 and :45. */
  everyMs: number | null;
  /** How old a record may be when readers see it: the roll begins so much earlier as commits take. */
  freshnessMs: number | null;
}

const dayMs = 86_400_000;
/** A commit that suddenly takes this share of the target still keeps it. */
const reserveShare = 0.1;
/** Of the target at least this much is for collecting, or a slow warehouse would get ever smaller files. */
const collectingShare = 0.25;
const weightOfNewest = 0.3;

/** @throws BadInputError for a schedule that does not begin anew at every midnight. */
export function checkSchedule(everyMs: number): void {
  if (Number.isInteger(everyMs) && everyMs >= 1000 && dayMs % everyMs === 0) return;
  throw new BadInputError(
    `expected a schedule from 1 s up that divides a day evenly (15m, 1h, 6h, 24h), got ${everyMs / 1000} s`,
  );
}

/**
 * The first instant behind `nowMs` at which the wall clock shows a multiple of `everyMs`. When clocks are put back a time comes
 * twice; one that is skipped when they go forward is taken at that moment.
 */
export function nextScheduled(zone: TimeZone, everyMs: number, nowMs: number): number {
  const offset = zone.offsetMs(nowMs);
  const next = Math.floor((nowMs + offset) / everyMs) * everyMs + everyMs - offset;
  const change = zone.changeBetween(nowMs, next);
  if (change >= next) return next;
  // The clocks change first: on the new wall clock the next multiple may be at once, or later.
  const after = zone.offsetMs(change);
  return Math.ceil((change + after) / everyMs) * everyMs - after;
}

/** Says when the open roll of one partition is due by time, on a clock that needs no traffic. */
export class RollClock {
  readonly #clock: Clock;
  readonly #times: RollTimes;
  readonly #zone: TimeZone;
  #openedAtMs = 0;
  #scheduledInMs = Number.POSITIVE_INFINITY;
  /** How long commits take, from the decision to roll until readers see the files. */
  #commitMs = 0;

  constructor(clock: Clock, times: RollTimes, zone: TimeZone) {
    this.#clock = clock;
    this.#times = times;
    this.#zone = zone;
    if (times.everyMs !== null) checkSchedule(times.everyMs);
  }

  /** The first record of a roll has been taken in. */
  begin(): void {
    this.#openedAtMs = this.#clock.monotonicMs();
    const { everyMs } = this.#times;
    if (everyMs === null) return;
    const nowMs = this.#clock.nowMs();
    this.#scheduledInMs = nextScheduled(this.#zone, everyMs, nowMs) - nowMs;
  }

  noteCommit(tookMs: number): void {
    this.#commitMs = this.#commitMs === 0 ? tookMs : this.#commitMs * (1 - weightOfNewest) + tookMs * weightOfNewest;
  }

  get ageMs(): number {
    return this.#clock.monotonicMs() - this.#openedAtMs;
  }

  /** What comes first, and in how many milliseconds; 0 when it is due. Null: nothing is due by time. */
  next(): { cause: RollCause; inMs: number } | null {
    const { ageMs, freshnessMs } = this.#times;
    const limits: { cause: RollCause; atAgeMs: number }[] = [
      { cause: 'schedule', atAgeMs: this.#scheduledInMs },
      {
        cause: 'freshness',
        atAgeMs: freshnessMs === null ? Number.POSITIVE_INFINITY : this.#collectingMs(freshnessMs),
      },
      { cause: 'age', atAgeMs: ageMs ?? Number.POSITIVE_INFINITY },
    ];
    const first = limits.reduce((least, limit) => (limit.atAgeMs < least.atAgeMs ? limit : least));
    if (first.atAgeMs === Number.POSITIVE_INFINITY) return null;
    return { cause: first.cause, inMs: Math.max(0, first.atAgeMs - this.ageMs) };
  }

  #collectingMs(freshnessMs: number): number {
    return Math.max(freshnessMs * collectingShare, freshnessMs * (1 - reserveShare) - this.#commitMs);
  }
}
