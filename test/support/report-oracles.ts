import type { Lake } from './lake.ts';

// The figures of the daily report, computed twice more: in SQL over the table's files, and in JavaScript over the events as they
// were sent. Nothing here is shared with src/reports, nor with each other.

/** Figure to slice to value; revenue in cents, shares as the quotient; null: nothing to divide by. */
export type OracleFigures = Record<string, Record<'all' | 'network' | 'others', number | null>>;

export interface OracleQuestion {
  game: string;
  date: string;
  zone: string;
  network: string;
  groupA: readonly string[];
}

const slices = { all: 'true', network: 'net', others: 'NOT net' } as const;

/** In SQL, as an analyst would ask DuckDB. `glob`: the table's Parquet files. */
export async function figuresInSql(lake: Lake, glob: string, question: OracleQuestion): Promise<OracleFigures> {
  const { game, date, zone, network, groupA } = question;
  const figures: OracleFigures = {};
  const day = `DATE '${date}'`;
  await lake.rows(`CREATE OR REPLACE TEMP TABLE everything AS
    SELECT *, timezone('${zone}', ts)::DATE AS d, network IS NOT DISTINCT FROM '${network}' AS net
    FROM read_parquet('${glob}', hive_partitioning = false) WHERE game = '${game}'`);
  for (const [slice, condition] of Object.entries(slices)) {
    await lake.rows(`CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM everything WHERE ${condition}`);
    const active = (from: string, to = from): string =>
      `SELECT DISTINCT user_id FROM events WHERE d BETWEEN ${from} AND ${to}`;
    const kind = (type: string, on: string): string =>
      `SELECT DISTINCT user_id FROM events WHERE type = '${type}' AND d = ${on}`;
    const came = (source: string): string => `${kind('login', day)} AND source = '${source}'`;
    const count = (query: string): string => `(SELECT count(*) FROM (${query}))::DOUBLE`;
    const share = (part: string, whole: string): string => `${count(part)} / nullif(${count(whole)}, 0)`;
    const before = `${day} - 1`;
    const dru = `(${active(day)}) INTERSECT (${active(before)})`;
    const week = active(`${day} - 6`, day);
    const month = active(`${day} - 29`, day);
    const money = (currency: string): string =>
      `(SELECT coalesce(sum(price_cents), 0) FROM events WHERE type = 'purchase' AND d = ${day} AND currency = '${currency}')::DOUBLE`;
    const inGroupA = `${active(day)} AND country IN (${groupA.map((code) => `'${code}'`).join(', ')})`;
    const asked: Record<string, string> = {
      dau: count(active(day)),
      newUsers: count(kind('install', day)),
      returningUsers: count(`(${active(day)}) EXCEPT (${kind('install', day)})`),
      wau: count(week),
      mau: count(month),
      retention: share(`(${kind('install', before)}) INTERSECT (${active(day)})`, kind('install', before)),
      sticky: share(active(day), month),
      dru: count(dru),
      druOfWau: share(dru, week),
      fromRequests: share(came('request'), active(day)),
      fromFeeds: share(came('feed'), active(day)),
      groupA: share(inGroupA, active(day)),
      revenueEUR: money('EUR'),
      revenueUSD: money('USD'),
    };
    const [row] = await lake.rows(`SELECT ${Object.values(asked).join(', ')}`);
    for (const [i, name] of Object.keys(asked).entries()) {
      const value = row![i];
      figures[name] = { ...(figures[name] ?? { all: null, network: null, others: null }) };
      figures[name]![slice as 'all'] = value === null ? null : Number(value);
    }
  }
  return figures;
}

export interface OracleEvent {
  ts: string;
  /** `2026-11-20` */
  day: string;
  type: string;
  game: string;
  user: string;
  network: string;
  country: string;
  source?: string;
  price_cents?: number;
  currency?: string;
}

/** The JSON texts that were sent, those of one game, with the date that a calendar in the zone showed. */
export function eventsOf(values: readonly string[], game: string, zone: string): OracleEvent[] {
  const calendar = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });
  return values.flatMap((value) => {
    if (!value.includes(`"game":"${game}"`)) return [];
    const event = JSON.parse(value) as Omit<OracleEvent, 'user' | 'day'>;
    const user = /"user_id":(\d+)/.exec(value)![1]!;
    return [{ ...event, user, day: calendar.format(Date.parse(event.ts)) }];
  });
}

/** In JavaScript with sets, over the events that were sent. */
export function figuresOfEvents(
  events: readonly OracleEvent[],
  question: Pick<OracleQuestion, 'date' | 'network' | 'groupA'>,
): OracleFigures {
  const { date, network, groupA } = question;
  const dateBack = (days: number): string =>
    new Date(Date.parse(`${date}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10);
  const [today, yesterday] = [dateBack(0), dateBack(1)];
  const figures: OracleFigures = {};
  for (const slice of ['all', 'network', 'others'] as const) {
    const own = events.filter((event) => slice === 'all' || (event.network === network) === (slice === 'network'));
    const users = (is: (event: OracleEvent, day: string) => boolean): Set<string> =>
      new Set(own.filter((event) => is(event, event.day)).map(({ user }) => user));
    const both = (a: Set<string>, b: Set<string>): number => [...a].filter((user) => b.has(user)).length;
    const active = users((_, day) => day === today);
    const activeBefore = users((_, day) => day === yesterday);
    const fresh = users(({ type }, day) => type === 'install' && day === today);
    const freshBefore = users(({ type }, day) => type === 'install' && day === yesterday);
    const week = users((_, day) => day >= dateBack(6) && day <= today);
    const month = users((_, day) => day >= dateBack(29) && day <= today);
    const came = (from: string) => users((e, day) => e.type === 'login' && e.source === from && day === today);
    const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
    const money = (currency: string): number =>
      own
        .filter((event) => event.type === 'purchase' && event.currency === currency && event.day === today)
        .reduce((sum, event) => sum + event.price_cents!, 0);
    const found: Record<string, number | null> = {
      dau: active.size,
      newUsers: fresh.size,
      returningUsers: active.size - both(active, fresh),
      wau: week.size,
      mau: month.size,
      retention: share(both(freshBefore, active), freshBefore.size),
      sticky: share(active.size, month.size),
      dru: both(active, activeBefore),
      druOfWau: share(both(active, activeBefore), week.size),
      fromRequests: share(came('request').size, active.size),
      fromFeeds: share(came('feed').size, active.size),
      groupA: share(users((e, day) => day === today && groupA.includes(e.country)).size, active.size),
      revenueEUR: money('EUR'),
      revenueUSD: money('USD'),
    };
    for (const [name, value] of Object.entries(found)) {
      figures[name] = { ...(figures[name] ?? { all: null, network: null, others: null }), [slice]: value };
    }
  }
  return figures;
}
