import { BadInputError, type Clock, systemClock } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { ActivityStore, type DayCounts, type SliceName, sliceNames, type WindowCounts } from './activity-store.ts';
import { DayCache } from './day-cache.ts';
import { isOrAre } from './is-or-are.ts';
import { hoursOf, keptDays, lastDay, type ReportDay, reportDays, weekdayOf, yesterdayIn } from './report-days.ts';
import { type FigureDefinition, figureDefinitions } from './report-figures.ts';
import { type ReportHours, ReportTable } from './report-table.ts';

export interface DailyReportOptions {
  files: WarehouseFiles;
  table: string;
  /** As the events' field `game` has it. */
  game: string;
  /** How people call the game; left out: as the events do. */
  title?: string | undefined;
  /** `2026-11-20`; left out: the last day that is over in the zone. */
  date?: string | undefined;
  /** IANA name; left out: the table's. */
  zone?: string | undefined;
  /** The network with a column of its own. Default `facebook`. */
  network?: string | undefined;
  /** ISO codes of the countries of group A. */
  groupA?: readonly string[] | undefined;
  /** Column with the event time by which the table was loaded. Default `ts`. */
  timeField?: string | undefined;
  /** Make the report from what has landed, and say in it that it is preliminary. Default false. */
  allowIncomplete?: boolean | undefined;
  /** Of DuckDB. Default `1GB`. */
  memoryLimit?: string | undefined;
  /** Days of complete hours are kept there, and read from there as long as their manifests are the same. Default: none are. */
  cache?: DayCache | null | undefined;
  clock?: Clock;
  signal: AbortSignal;
  onProgress?: (doneDays: number, totalDays: number) => void;
}

/** A figure of one slice. Null: there was nothing to divide by, or no day before. */
export interface FigureValue {
  value: number | null;
  /** Of a share: the two numbers it is made of. */
  numerator?: number;
  denominator?: number;
  /** The same figure one day earlier. */
  previous: number | null;
  change: number | null;
  /** `change` divided by `previous`. */
  changeShare: number | null;
}

export type Figure = Omit<FigureDefinition, 'compute'> & { values: Record<SliceName, FigureValue> };

/** One day of the charts. */
export interface TrendDay {
  date: string;
  dau: Record<SliceName, number>;
  newUsers: number;
  retention: number | null;
  /** Currency to cents. */
  revenue: Record<string, number>;
}

/** Everything that is shown, in numbers; the same numbers whatever the format. */
export interface DailyReport {
  game: string;
  title: string;
  date: string;
  weekday: string;
  zone: string;
  /** Epoch ms; the day is [startMs, endMs). */
  startMs: number;
  endMs: number;
  dayHours: number;
  slices: Record<SliceName, string>;
  figures: Figure[];
  /** The 30 days of the longest window, oldest first. */
  trend: TrendDay[];
  hours: ReportHours;
  isComplete: boolean;
  /** What a reader has to know, in sentences. */
  notes: string[];
  madeAtMs: number;
}

/** Where games earned most a user: the default of group A. */
export const defaultGroupA: readonly string[] = 'AT AU BE CA CH DE DK FI FR GB IE JP LU NL NO NZ SE US'.split(' ');

export const defaultNetwork = 'facebook';

/**
 * The daily report of one game from its table.
 *
 * @throws BadInputError for a wrong date, zone or table; ReportRefusedError when an hour of the windows is not complete.
 */
export async function makeDailyReport(options: DailyReportOptions): Promise<DailyReport> {
  const { files, table, signal, clock = systemClock, allowIncomplete = false } = options;
  const source = await ReportTable.open(files, table, { clock, signal });
  const zone = options.zone ?? source.zone;
  const days = reportDays(options.date ?? yesterdayIn(zone, clock.nowMs()), zone);
  const hours = await source.require(days, allowIncomplete);
  const { game, network = defaultNetwork, groupA = defaultGroupA, timeField = 'ts', memoryLimit = '1GB' } = options;
  const store = new ActivityStore({ game, network, groupA, timeField, memoryLimit }, signal);
  try {
    const hasRows: boolean[] = [];
    for (const [i, day] of days.entries()) {
      hasRows.push(await addDay(i, day, { source, store, cache: options.cache ?? null }));
      options.onProgress?.(i + 1, keptDays);
    }
    const firstDay = hasRows.indexOf(true);
    if (firstDay < 0) {
      throw new BadInputError(
        `expected events of game "${game}" in table ${table} in the 31 days to ${days[lastDay]!.date}, found none`,
      );
    }
    return compose(options, { zone, days, hours, firstDay }, await readSlices(store));
  } finally {
    await store.close();
  }
}

/** Takes in a day from the cache, or from the table. False: there was no row of the game. */
async function addDay(
  index: number,
  day: ReportDay,
  { source, store, cache }: { source: ReportTable; store: ActivityStore; cache: DayCache | null },
): Promise<boolean> {
  const proof = cache && source.proofOf(day);
  if (!cache || !proof) return await store.add(index, day, await source.rowsOf(day, store.scratch));
  const key = DayCache.keyOf([store.identity, day.startMs, day.endMs, proof]);
  let hasRows = false;
  const isKept = await cache.restore(key, async (path) => {
    hasRows = await store.restore(index, path);
  });
  if (isKept) return hasRows;
  hasRows = await store.add(index, day, await source.rowsOf(day, store.scratch));
  await cache.keep(key, (path) => store.keep(index, path));
  return hasRows;
}

interface SliceCounts {
  days: DayCounts[];
  windows: WindowCounts;
  windowsBefore: WindowCounts;
}

async function readSlices(store: ActivityStore): Promise<Record<SliceName, SliceCounts>> {
  const read = async (slice: SliceName): Promise<SliceCounts> => ({
    days: await store.days(slice),
    windows: await store.windows(slice, lastDay),
    windowsBefore: await store.windows(slice, lastDay - 1),
  });
  return { all: await read('all'), network: await read('network'), others: await read('others') };
}

interface Frame {
  zone: string;
  days: readonly ReportDay[];
  hours: ReportHours;
  /** Index of the first day with rows of the game. */
  firstDay: number;
}

function compose(options: DailyReportOptions, frame: Frame, slices: Record<SliceName, SliceCounts>): DailyReport {
  const { game, network = defaultNetwork, groupA = defaultGroupA, clock = systemClock } = options;
  const { zone, days, hours, firstDay } = frame;
  const day = days[lastDay]!;
  const currencies = new Set(slices.all.days.flatMap(({ revenue }) => [...revenue.keys()]));
  const definitions = figureDefinitions(days, zone, groupA, [...currencies].sort());
  const hasDayBefore = firstDay < lastDay;
  return {
    ...{ game, title: options.title ?? game, date: day.date, weekday: weekdayOf(day), zone },
    ...{ startMs: day.startMs, endMs: day.endMs, dayHours: hoursOf(day) },
    slices: { all: 'All networks', network: capitalized(network), others: 'Others' },
    figures: definitions.map(({ compute, ...shown }): Figure => {
      const value = (slice: SliceName) => figureValue(compute, slices[slice], hasDayBefore);
      const values = { all: value('all'), network: value('network'), others: value('others') };
      return { ...shown, values };
    }),
    trend: days.slice(1).map(({ date }, i) => trendDay(date, i + 1, slices)),
    hours,
    isComplete: hours.missing.length === 0,
    notes: notesOf(frame),
    madeAtMs: clock.nowMs(),
  };
}

function figureValue(
  compute: FigureDefinition['compute'],
  { days, windows, windowsBefore }: SliceCounts,
  hasDayBefore: boolean,
): FigureValue {
  const parts = compute({ day: days[lastDay]!, dayBefore: days[lastDay - 1]!, windows });
  const before = compute({ day: days[lastDay - 1]!, dayBefore: days[lastDay - 2]!, windows: windowsBefore });
  const value = quotient(parts);
  const previous = hasDayBefore ? quotient(before) : null;
  const change = value === null || previous === null ? null : value - previous;
  const changeShare = change === null || !previous ? null : change / previous;
  return { value, ...(parts.denominator === undefined ? {} : parts), previous, change, changeShare };
}

function quotient({ numerator, denominator }: { numerator: number; denominator?: number }): number | null {
  if (denominator === undefined) return numerator;
  return denominator === 0 ? null : numerator / denominator;
}

function trendDay(date: string, index: number, slices: Record<SliceName, SliceCounts>): TrendDay {
  const { newUsers, retained, revenue } = slices.all.days[index]!;
  const dau = Object.fromEntries(sliceNames.map((slice) => [slice, slices[slice].days[index]!.dau]));
  return {
    date,
    dau: dau as Record<SliceName, number>,
    newUsers,
    retention: quotient({ numerator: retained, denominator: slices.all.days[index - 1]!.newUsers }),
    revenue: Object.fromEntries([...revenue].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function notesOf({ days, hours, firstDay, zone }: Frame): string[] {
  const notes: string[] = [];
  const { unit, missing, neededCount } = hours;
  if (missing.length > 0) {
    const [first] = missing;
    notes.push(
      `Preliminary: ${missing.length} of ${neededCount} ${unit}s ${isOrAre(missing.length)} not complete (first ${first!.hour}: ${first!.reason}). Figures may change.`,
    );
  }
  if (firstDay > 1) {
    notes.push(
      `There is no event of the game from before ${days[firstDay]!.date}: windows that begin earlier hold fewer days than their name says.`,
    );
  }
  const odd = [lastDay, lastDay - 1].filter((i) => hoursOf(days[i]!) !== 24);
  for (const i of odd) {
    notes.push(
      `${days[i]!.date} had ${hoursOf(days[i]!)} hours in ${zone}, where the clocks changed: compare it with care.`,
    );
  }
  return notes;
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
