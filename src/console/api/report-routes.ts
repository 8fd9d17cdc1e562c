import { openHourBook } from '../../hours/index.ts';
import { NumberFormat, renderHtml, reportDays, reportJson, yesterdayIn } from '../../reports/index.ts';
import { querySandboxed } from '../../warehouse/index.ts';
import type { ReportDayLine, ReportMadeAnswer, ReportsAnswer } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import type { ConsoleRoute } from '../route.ts';
import { askLimits } from './ask-routes.ts';
import { ReportShelf } from './report-shelf.ts';
import type { TableFiles } from './table-files.ts';
import type { Turns } from './turns.ts';

const dayMs = 86_400_000;
const sampledFiles = 3;
const maxGames = 100;

interface Surroundings {
  files: TableFiles;
  turns: Turns;
  /** A local folder that is removed when the console closes. */
  scratch: string;
  /** Games that the log has told of lately. */
  liveGames: () => readonly string[];
}

/** The daily reports, made when somebody asks: which can be, one of them, and its page. */
export function reportRoutes(context: ConsoleContext, surroundings: Surroundings): ConsoleRoute[] {
  const shelf = new ReportShelf(context, surroundings.scratch);
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/reports$/,
      answer: async ({ query, signal }) => {
        return { json: await listReports(context, surroundings, query.get('table'), signal) };
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/reports\/daily$/,
      answer: async ({ query, signal }) => {
        const { game, date, isComplete, notes, madeAtMs } = await shelf.make(query, signal);
        return { json: { game, date, isComplete, notes, madeAtMs } satisfies ReportMadeAnswer };
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/reports\/daily\.json$/,
      answer: async ({ query, signal }) => ({ json: reportJson(await shelf.get(query, signal)) }),
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/reports\/daily\.html$/,
      answer: async ({ query, signal }) => {
        const format = new NumberFormat(query.get('locale') || 'en');
        return { page: renderHtml(await shelf.get(query, signal), format, 'page') };
      },
    },
  ];
}

async function listReports(
  context: ConsoleContext,
  { files, turns, liveGames }: Surroundings,
  wanted: string | null,
  signal: AbortSignal,
): Promise<ReportsAnswer> {
  const tables = await files.tables(signal);
  const table = wanted ?? tables[0] ?? null;
  if (table === null) return { table, tables, zone: 'UTC', games: [...liveGames()].sort(), days: [] };
  const { zone, days } = await reportableDays(context, table, signal);
  const stored = await turns.take(signal, () => storedGames(files, table, signal));
  const games = [...new Set([...stored, ...liveGames()])].sort();
  return { table, tables, zone, games, days };
}

/** Today and the thirty days before it, as far as the table knows of them; newest first. */
async function reportableDays({ warehouse, clock }: ConsoleContext, table: string, signal: AbortSignal) {
  const book = await openHourBook(await warehouse('read'), table, { clock, signal });
  const zone = book.times.zone.name;
  const nowMs = clock.nowMs();
  const days: ReportDayLine[] = [];
  for (const { date, startMs, endMs } of reportDays(yesterdayIn(zone, nowMs + dayMs), zone)) {
    // Hours of before the table's first load are empty ones unless somebody has closed them.
    const begun = [...book.times.between(startMs, endMs)].filter((hour) => {
      return hour.startMs <= nowMs && (hour.endMs > book.bornMs || book.state(hour.key) !== undefined);
    });
    const completeCount = begun.filter(({ key }) => book.state(key)?.state === 'complete').length;
    if (completeCount > 0 || endMs > book.bornMs) days.push({ date, completeCount, hourCount: begun.length });
  }
  return { zone, days: days.reverse() };
}

/** Games with rows in the newest files; none where the table is about something else. */
async function storedGames(files: TableFiles, table: string, signal: AbortSignal): Promise<string[]> {
  const newest = (await files.files(table, signal)).slice(0, sampledFiles);
  if (newest.length === 0) return [];
  const paths = await files.local(table, newest, signal);
  const sql = `SELECT DISTINCT game FROM rows WHERE game IS NOT NULL LIMIT ${maxGames}`;
  try {
    const { rows } = await querySandboxed(sql, [{ name: 'rows', paths }], askLimits, signal);
    return rows.flatMap(([game]) => (typeof game === 'string' ? [game] : []));
  } catch {
    signal.throwIfAborted();
    return [];
  }
}
