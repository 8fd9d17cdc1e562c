import type { DayCounts, WindowCounts } from './activity-store.ts';
import { hoursOf, lastDay, type ReportDay, weekdayOf } from './report-days.ts';

/** `users` are counted, `share` is a part of 1, `money` is in cents of a currency. */
export type FigureUnit = 'users' | 'share' | 'money';

export const figureGroups = ['Users', 'Loyalty', 'How they came', 'Money'] as const;
export type FigureGroup = (typeof figureGroups)[number];

/** The numbers that one value of a figure is made of: of one slice, on one day. */
export interface FigureInput {
  day: DayCounts;
  dayBefore: DayCounts;
  windows: WindowCounts;
}

export interface FigureDefinition {
  name: string;
  title: string;
  group: FigureGroup;
  unit: FigureUnit;
  /** Of `money`: as the events name it; empty: they named none. */
  currency?: string;
  /** A word or two for tables. */
  windowName: string;
  /** Which times are counted. */
  window: string;
  /** What is counted, for people who read the report. */
  definition: string;
  /** Of a share: what is divided by what. Else the value alone. */
  compute(input: FigureInput): { numerator: number; denominator?: number };
}

/** All figures in the order in which they are shown. `currencies`: those of the sales, empty when there were none. */
export function figureDefinitions(
  days: readonly ReportDay[],
  zone: string,
  groupA: readonly string[],
  currencies: readonly string[],
): FigureDefinition[] {
  const words = windowWords(days, zone);
  const counted: FigureDefinition[] = [
    {
      ...{ name: 'dau', title: 'Daily active users (DAU)', group: 'Users', unit: 'users', ...words.day },
      definition: 'Users with at least one event of the game, each counted once.',
      compute: ({ day }) => ({ numerator: day.dau }),
    },
    {
      ...{ name: 'newUsers', title: 'New users', group: 'Users', unit: 'users', ...words.day },
      definition: 'Users who installed the game.',
      compute: ({ day }) => ({ numerator: day.newUsers }),
    },
    {
      ...{ name: 'returningUsers', title: 'Returning users', group: 'Users', unit: 'users', ...words.day },
      definition: 'Active users who had the game already: DAU without the new users.',
      compute: ({ day }) => ({ numerator: day.dau - day.newUsers }),
    },
    {
      ...{ name: 'wau', title: 'Weekly active users (WAU)', group: 'Users', unit: 'users', ...words.week },
      definition: 'Users with at least one event in the window, each counted once.',
      compute: ({ windows }) => ({ numerator: windows.wau }),
    },
    {
      ...{ name: 'mau', title: 'Monthly active users (MAU)', group: 'Users', unit: 'users', ...words.month },
      definition: 'Users with at least one event in the window, each counted once.',
      compute: ({ windows }) => ({ numerator: windows.mau }),
    },
    {
      ...{ name: 'retention', title: 'One-day retention', group: 'Loyalty', unit: 'share', ...words.retention },
      definition: 'Of the users who were new on the day before, the share that was active on this day.',
      compute: ({ day, dayBefore }) => ({ numerator: day.retained, denominator: dayBefore.newUsers }),
    },
    {
      ...{ name: 'sticky', title: 'Sticky factor (DAU/MAU)', group: 'Loyalty', unit: 'share', ...words.dayOfMonth },
      definition: 'DAU divided by MAU: the share of the month’s users who were there on this day.',
      compute: ({ day, windows }) => ({ numerator: day.dau, denominator: windows.mau }),
    },
    {
      ...{ name: 'dru', title: 'Daily returning users (DRU)', group: 'Loyalty', unit: 'users', ...words.twoDays },
      definition: 'Users who were active on this day and on the day before.',
      compute: ({ day }) => ({ numerator: day.dru }),
    },
    {
      ...{ name: 'druOfWau', title: 'DRU/WAU', group: 'Loyalty', unit: 'share', ...words.dayOfWeek },
      definition: 'DRU divided by WAU: the share of the week’s users who came on both of its last two days.',
      compute: ({ day, windows }) => ({ numerator: day.dru, denominator: windows.wau }),
    },
    {
      ...{ name: 'fromRequests', title: 'Visits from requests', group: 'How they came', unit: 'share', ...words.day },
      definition: 'Share of the DAU who began a visit by answering a friend’s request, each user counted once.',
      compute: ({ day }) => ({ numerator: day.fromRequests, denominator: day.dau }),
    },
    {
      ...{ name: 'fromFeeds', title: 'Visits from feeds', group: 'How they came', unit: 'share', ...words.day },
      definition: 'Share of the DAU who began a visit from a story in the feed, each user counted once.',
      compute: ({ day }) => ({ numerator: day.fromFeeds, denominator: day.dau }),
    },
    {
      ...{ name: 'groupA', title: 'Countries of group A', group: 'How they came', unit: 'share', ...words.day },
      definition: `Share of the DAU who were seen in a country of group A: ${groupA.join(', ') || 'none'}.`,
      compute: ({ day }) => ({ numerator: day.groupA, denominator: day.dau }),
    },
  ];
  return [...counted, ...(currencies.length === 0 ? [''] : currencies).map((currency) => revenue(currency, words.day))];
}

function revenue(currency: string, window: Pick<FigureDefinition, 'window' | 'windowName'>): FigureDefinition {
  const sold = currency === '' ? 'all purchases that name no currency' : `all purchases in ${currency}`;
  return {
    name: currency === '' ? 'revenue' : `revenue${currency}`,
    title: currency === '' ? 'Revenue' : `Revenue in ${currency}`,
    ...{ group: 'Money', unit: 'money', currency, ...window },
    definition: `Sum of the prices of ${sold}, before fees and taxes. Currencies are not converted.`,
    compute: ({ day }) => ({ numerator: day.revenue.get(currency) ?? 0 }),
  };
}

/** The windows in words. A day has 23 or 25 hours where the clocks change: the words say so. */
function windowWords(days: readonly ReportDay[], zone: string) {
  const at = (back: number): ReportDay => days[lastDay - back]!;
  const [day, before] = [at(0), at(1)];
  const thisDay = `${day.date} (${weekdayOf(day)}), 00:00 to 24:00 in ${zone}: ${hoursOf(day)} hours`;
  const span = (count: number): string => {
    const hours = (day.endMs - at(count - 1).startMs) / 3_600_000;
    return `the ${count} days ${at(count - 1).date} to ${day.date} in ${zone}: ${hours} hours`;
  };
  return {
    day: { windowName: 'day', window: thisDay },
    week: { windowName: '7 days', window: span(7) },
    month: { windowName: '30 days', window: span(30) },
    retention: { windowName: 'day', window: `installed on ${before.date}, active on ${day.date}, both in ${zone}` },
    twoDays: { windowName: '2 days', window: `both ${before.date} and ${day.date}, in ${zone}` },
    dayOfWeek: { windowName: '2 days of 7', window: `${before.date} and ${day.date}, of ${span(7)}` },
    dayOfMonth: { windowName: 'day of 30', window: `${day.date}, of ${span(30)}` },
  };
}
