import { BadInputError } from '../shared/index.ts';
import { TimeFolders, TimeZone } from '../warehouse/index.ts';

/** A day on the wall clock of the report's zone: [startMs, endMs), of 23, 24 or 25 hours. */
export interface ReportDay {
  /** `2026-11-20` */
  date: string;
  startMs: number;
  endMs: number;
}

/** The longest window, and one day more: every figure is compared with the one of the day before. */
export const keptDays = 31;
/** Place of the report's day among them; the day before it is one less. */
export const lastDay = keptDays - 1;

const dayMs = 86_400_000;

/**
 * The day of the report and the 30 before it, oldest first. A date that the clocks of the zone jumped over is a day without any time.
 *
 * @throws BadInputError for a text that is no date, a zone that is none, or a date that the zone never had.
 */
export function reportDays(date: string, zone: string): ReportDay[] {
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) throw new BadInputError(`expected a date like 2026-11-20, got "${date}"`);
  const times = new TimeFolders({ zone, pathFormat: 'dt=yyyy-MM-dd' });
  const last = times.parse(date);
  const days: ReportDay[] = [{ date, startMs: last.startMs, endMs: last.endMs }];
  while (days.length < keptDays) {
    const next = days[0]!;
    const before = new Date(Date.parse(`${next.date}T00:00:00Z`) - dayMs).toISOString().slice(0, 10);
    const { startMs, endMs } = times.period(before) ?? { startMs: next.startMs, endMs: next.startMs };
    days.unshift({ date: before, startMs, endMs });
  }
  return days;
}

/** The last date that is over in the zone at that instant. */
export function yesterdayIn(zone: string, nowMs: number): string {
  const localMs = nowMs + new TimeZone(zone).offsetMs(nowMs);
  return new Date(localMs - dayMs).toISOString().slice(0, 10);
}

export function hoursOf({ startMs, endMs }: ReportDay): number {
  return (endMs - startMs) / 3_600_000;
}

/** `Friday` */
export function weekdayOf({ date }: ReportDay): string {
  const options = { weekday: 'long', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat('en', options).format(Date.parse(`${date}T12:00:00Z`));
}
