// Promises: every figure of the daily report of a simulated month is what SQL over the files and a count over the events themselves
// say, to the last digit, also on a day of 25 hours and the day after it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DailyReport, defaultGroupA, makeDailyReport } from '../../../src/reports/index.ts';
import { GameWarehouse, playGame } from '../../support/game-warehouse.ts';
import { type Lake, openLake } from '../../support/lake.ts';
import {
  eventsOf,
  figuresInSql,
  figuresOfEvents,
  type OracleEvent,
  type OracleFigures,
} from '../../support/report-oracles.ts';

const zone = 'Europe/Berlin';
const seed = 20_251_026;
const question = { game: 'hh', zone, network: 'facebook', groupA: defaultGroupA };
const { signal } = new AbortController();

let warehouse: GameWarehouse;
let lake: Lake;
let events: OracleEvent[];

beforeAll(async () => {
  const fromMs = Date.parse('2025-09-24T12:00:00Z');
  const untilMs = Date.parse('2025-10-29T06:00:00Z');
  const values = playGame({ seed, eventsPerSecond: 0.05, players: 2000, fromMs, untilMs, games: ['hh', 'bi'] });
  events = eventsOf(values, 'hh', zone);
  warehouse = await GameWarehouse.create({ zone, pathFormat: 'dt=yyyy-MM-dd' });
  // Late events of the first part lie in commits of their own, as in life.
  const cut = Math.floor(values.length * 0.7);
  await warehouse.land(values.slice(0, cut));
  await warehouse.land(values.slice(cut));
  await warehouse.closeHours();
  lake = await openLake();
}, 180_000);

afterAll(async () => {
  await lake?.close();
  await warehouse?.close();
});

async function report(date: string): Promise<DailyReport> {
  const { files, table } = warehouse;
  return await makeDailyReport({ files, table, date, zone, game: 'hh', signal });
}

function numbersOf({ figures }: DailyReport, pick: 'value' | 'previous'): OracleFigures {
  return Object.fromEntries(
    figures.map(({ name, values: { all, network, others } }) => [
      name,
      { all: all[pick], network: network[pick], others: others[pick] },
    ]),
  );
}

describe(`the daily report of a simulated month (seed ${seed})`, () => {
  it.each([
    { date: '2025-10-26', before: '2025-10-25', hours: 25 },
    { date: '2025-10-27', before: '2025-10-26', hours: 24 },
  ])(
    'is what SQL and a count over the events say of $date and of the day before',
    { timeout: 180_000 },
    async ({ date, before, hours }) => {
      const made = await report(date);
      expect(made.dayHours).toBe(hours);
      const glob = `${warehouse.directory}/warehouse/events/dt=*/*.parquet`;
      const found = numbersOf(made, 'value');
      expect(found).toEqual(await figuresInSql(lake, glob, { ...question, date }));
      expect(found).toEqual(figuresOfEvents(events, { ...question, date }));
      expect(numbersOf(made, 'previous')).toEqual(figuresOfEvents(events, { ...question, date: before }));
      // A month in which players come back, so that every figure says something.
      const empty = Object.entries(found).filter(([, { all }]) => !all);
      expect(empty).toEqual([]);
      expect(found['mau']!.all).toBeGreaterThan(2 * found['dau']!.all!);
      expect(made.trend.map((day) => day.date)).toEqual([...new Set(made.trend.map((day) => day.date))]);
      expect(made.trend).toHaveLength(30);
      for (const day of made.trend.slice(-2)) {
        const { dau, newUsers, retention } = figuresOfEvents(events, { ...question, date: day.date });
        expect([day.dau, day.newUsers, day.retention]).toEqual([dau, newUsers!.all, retention!.all]);
      }
    },
  );
});
