import { join } from 'node:path';
import { BadInputError } from '../shared/index.ts';
import {
  epochMsExpression,
  parquetSource,
  type QueryColumn,
  sqlIdentifier,
  sqlLiteral,
  TableQuery,
} from '../warehouse/index.ts';
import { lastDay, type ReportDay } from './report-days.ts';
import type { LocalRows } from './report-table.ts';

/** The part of the players that a column of the report is about. */
export const sliceNames = ['all', 'network', 'others'] as const;
export type SliceName = (typeof sliceNames)[number];

/** What is counted of one slice on one day. */
export interface DayCounts {
  dau: number;
  newUsers: number;
  /** Active on the day before as well. */
  dru: number;
  /** Installed on the day before and active on this day. */
  retained: number;
  fromRequests: number;
  fromFeeds: number;
  groupA: number;
  /** Currency (empty text: none was named) to cents. */
  revenue: Map<string, number>;
}

/** Users of the 7 and 30 days that end with a day. */
export interface WindowCounts {
  wau: number;
  mau: number;
}

export interface ActivityOptions {
  game: string;
  /** The network that has a column of its own. */
  network: string;
  /** ISO codes. */
  groupA: readonly string[];
  /** Column with the event time: that by which the table was loaded. */
  timeField: string;
  /** Of DuckDB, as in `1GB`; beyond that it spills. */
  memoryLimit: string;
}

const noCounts = { dau: 0, newUsers: 0, dru: 0, retained: 0, fromRequests: 0, fromFeeds: 0, groupA: 0 };

/**
 * Who was active on which day, and what was sold: all that the figures need. Days are added one at a time, so only the rows of one day
 * lie on the disk; what is kept is one row a user, day and network.
 */
export class ActivityStore {
  readonly #options: ActivityOptions;
  readonly #query: TableQuery;
  readonly #signal: AbortSignal;
  #isOpen = false;

  constructor(options: ActivityOptions, signal: AbortSignal) {
    this.#options = options;
    this.#query = new TableQuery({ memoryLimit: options.memoryLimit });
    this.#signal = signal;
  }

  /** What the rows of a day depend on besides the table and the day. */
  get identity(): readonly string[] {
    const { game, network, groupA, timeField } = this.#options;
    return [game, network, [...groupA].sort().join(' '), timeField];
  }

  /** A folder of its own for files to be read. */
  get scratch(): string {
    return join(this.#query.scratch, 'rows');
  }

  /** Takes in the rows of a day; others among them are passed over. False: there was no row of the game. */
  async add(index: number, day: ReportDay, { paths, minTimeMs, maxTimeMs }: LocalRows): Promise<boolean> {
    await this.#open();
    if (paths.length === 0) return false;
    const columns = await this.#query.columns(paths, this.#signal);
    const fields = new RowFields(columns, this.#options.timeField);
    const source = parquetSource(paths);
    await this.#checkTimes(day, `SELECT min(${fields.time}), max(${fields.time}) FROM ${source}`, minTimeMs, maxTimeMs);
    const { game, network, groupA } = this.#options;
    const rows = `${source} WHERE ${fields.game} = ${sqlLiteral(game)} AND ${fields.time} >= ${day.startMs} AND ${fields.time} < ${day.endMs}`;
    const isNetwork = `coalesce(${fields.network} = ${sqlLiteral(network)}, false)`;
    const any = (condition: string): string => `coalesce(bool_or(${condition}), false)`;
    const isVisit = (from: string): string => `${fields.type} = 'login' AND ${fields.source} = '${from}'`;
    const countries = groupA.map(sqlLiteral).join(', ');
    await this.#run(`INSERT INTO activity SELECT ${index}, CAST(${fields.user} AS VARCHAR), ${isNetwork},
      ${any(`${fields.type} = 'install'`)}, ${any(isVisit('request'))}, ${any(isVisit('feed'))},
      ${countries === '' ? 'false' : any(`${fields.country} IN (${countries})`)}
      FROM ${rows} AND ${fields.user} IS NOT NULL GROUP BY 2, 3`);
    await this.#run(`INSERT INTO sales SELECT ${index}, ${isNetwork}, coalesce(${fields.currency}, ''),
      sum(CAST(${fields.priceCents} AS BIGINT)) FROM ${rows} AND ${fields.type} = 'purchase' AND ${fields.priceCents} IS NOT NULL GROUP BY 2, 3`);
    return await this.#hasRows(index);
  }

  async #hasRows(index: number): Promise<boolean> {
    const [counted] = await this.#all(`SELECT count(*) FROM activity WHERE day = ${index}`);
    return Number(counted![0]) > 0;
  }

  /** Writes what is known of a day to a file. Cents as decimals: DuckDB would write wide integers as floating point. */
  async keep(index: number, path: string): Promise<void> {
    await this.#run(`COPY (
        SELECT user_id, is_network, is_new, from_request, from_feed, in_group_a, NULL AS currency, NULL AS cents FROM activity WHERE day = ${index}
        UNION ALL BY NAME SELECT is_network, currency, CAST(cents AS DECIMAL(38, 0)) AS cents FROM sales WHERE day = ${index}
      ) TO ${sqlLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
  }

  /** Takes in what `keep` wrote, all of it or nothing. The same answer as that of `add`. */
  async restore(index: number, path: string): Promise<boolean> {
    await this.#open();
    const source = parquetSource([path]);
    try {
      await this.#run(`INSERT INTO activity SELECT ${index}, user_id, is_network, is_new, from_request, from_feed, in_group_a
        FROM ${source} WHERE user_id IS NOT NULL`);
      await this.#run(
        `INSERT INTO sales SELECT ${index}, is_network, currency, cents FROM ${source} WHERE user_id IS NULL`,
      );
      return await this.#hasRows(index);
    } catch (error) {
      for (const table of ['activity', 'sales']) await this.#run(`DELETE FROM ${table} WHERE day = ${index}`);
      throw error;
    }
  }

  /** Of every day that was added, by its index. */
  async days(slice: SliceName): Promise<DayCounts[]> {
    const days = Array.from({ length: lastDay + 1 }, (): DayCounts => ({ ...noCounts, revenue: new Map() }));
    const rows = await this.#all(`WITH seen AS (
        SELECT day, user_id, bool_or(is_new) AS is_new, bool_or(from_request) AS from_request,
          bool_or(from_feed) AS from_feed, bool_or(in_group_a) AS in_group_a
        FROM activity WHERE ${conditionOf(slice)} GROUP BY day, user_id)
      SELECT today.day, count(*), count(*) FILTER (today.is_new), count(yesterday.user_id), count(*) FILTER (yesterday.is_new),
        count(*) FILTER (today.from_request), count(*) FILTER (today.from_feed), count(*) FILTER (today.in_group_a)
      FROM seen AS today LEFT JOIN seen AS yesterday ON yesterday.user_id = today.user_id AND yesterday.day = today.day - 1
      GROUP BY today.day`);
    for (const row of rows) {
      const [day, dau, newUsers, dru, retained, fromRequests, fromFeeds, groupA] = row.map(Number) as Octet;
      Object.assign(days[day]!, { dau, newUsers, dru, retained, fromRequests, fromFeeds, groupA });
    }
    const sales = await this.#all(
      `SELECT day, currency, sum(cents) FROM sales WHERE ${conditionOf(slice)} GROUP BY day, currency`,
    );
    for (const [day, currency, cents] of sales) days[Number(day)]!.revenue.set(String(currency), Number(cents));
    return days;
  }

  /** Of the windows that end with a day. */
  async windows(slice: SliceName, index: number): Promise<WindowCounts> {
    const users = 'count(DISTINCT user_id)';
    const [row] = await this.#all(`SELECT ${users} FILTER (day > ${index - 7}), ${users} FROM activity
      WHERE day > ${index - 30} AND day <= ${index} AND ${conditionOf(slice)}`);
    return { wau: Number(row![0]), mau: Number(row![1]) };
  }

  close(): Promise<void> {
    return this.#query.close();
  }

  async #open(): Promise<void> {
    if (this.#isOpen) return;
    await this.#run(
      'CREATE TABLE activity (day INTEGER, user_id VARCHAR, is_network BOOLEAN, is_new BOOLEAN, from_request BOOLEAN, from_feed BOOLEAN, in_group_a BOOLEAN)',
    );
    await this.#run('CREATE TABLE sales (day INTEGER, is_network BOOLEAN, currency VARCHAR, cents HUGEINT)');
    this.#isOpen = true;
  }

  /** The wrong column would put rows of one day into the files of another, and they would be missed without a word. */
  async #checkTimes(
    day: ReportDay,
    statement: string,
    minTimeMs: number | null,
    maxTimeMs: number | null,
  ): Promise<void> {
    const [row] = await this.#all(statement);
    const [min, max] = row!.map((value) => (value === null ? null : Number(value)));
    if (min === minTimeMs && max === maxTimeMs) return;
    const { timeField } = this.#options;
    throw new BadInputError(
      `${timeField} is not the time that the table was loaded by: on ${day.date} it goes from ${iso(min)} to ${iso(max)}, and the rows of these files from ${iso(minTimeMs)} to ${iso(maxTimeMs)}; name the right one with --time-field (_timestamp: the records' own)`,
    );
  }

  async #run(statement: string): Promise<void> {
    for await (const _ of this.#query.rows(statement, this.#signal));
  }

  async #all(statement: string): Promise<unknown[][]> {
    const found: unknown[][] = [];
    for await (const rows of this.#query.rows(statement, this.#signal)) found.push(...rows);
    return found;
  }
}

type Octet = [number, number, number, number, number, number, number, number];

/** Where an event says what. Columns that no event had yet are NULL; without those that name the game, the user and the time there is no report. */
class RowFields {
  readonly time: string;
  readonly game: string;
  readonly user: string;
  readonly type: string;
  readonly network: string;
  readonly source: string;
  readonly country: string;
  readonly currency: string;
  readonly priceCents: string;

  constructor(columns: readonly QueryColumn[], timeField: string) {
    const find = (name: string): QueryColumn | undefined => columns.find((column) => column.name === name);
    const required = (name: string): QueryColumn => {
      const found = find(name);
      if (found) return found;
      throw new BadInputError(`expected a column ${name}, found ${columns.map((column) => column.name).join(', ')}`);
    };
    const optional = (name: string): string => (find(name) ? sqlIdentifier(name) : 'CAST(NULL AS VARCHAR)');
    this.time = epochMsExpression(required(timeField));
    this.game = sqlIdentifier(required('game').name);
    this.user = sqlIdentifier(required('user_id').name);
    this.type = sqlIdentifier(required('type').name);
    this.network = optional('network');
    this.source = optional('source');
    this.country = optional('country');
    this.currency = optional('currency');
    this.priceCents = optional('price_cents');
  }
}

function conditionOf(slice: SliceName): string {
  return { all: 'true', network: 'is_network', others: 'NOT is_network' }[slice];
}

function iso(timeMs: number | null | undefined): string {
  return timeMs === null || timeMs === undefined ? 'nothing' : new Date(timeMs).toISOString();
}
