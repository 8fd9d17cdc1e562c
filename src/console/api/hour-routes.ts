import { type HourBook, openHourBook } from '../../hours/index.ts';
import type { HourDetailAnswer, HoursAnswer } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import { type ConsoleRoute, numberOf } from '../route.ts';

const maxHours = 24 * 62;

/** The hours of a table as a calendar, and one of them in full. */
export function hourRoutes(context: ConsoleContext): ConsoleRoute[] {
  const open = async (table: string, signal: AbortSignal): Promise<HourBook> => {
    return await openHourBook(await context.warehouse('read'), table, { clock: context.clock, signal });
  };
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/tables\/([^/]+)\/hours$/,
      answer: async ({ params, query, signal }) => {
        const book = await open(params[0]!, signal);
        const hours = await book.list(numberOf(query, 'last', 1, maxHours, 24 * 14), signal);
        const { zone, unit } = book.times;
        const shown = hours.map(({ lags: _, table: __, ...hour }) => hour);
        const json: HoursAnswer = { table: book.table, zone: zone.name, unit, hours: shown };
        return { json };
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/tables\/([^/]+)\/hours\/([^/]+)$/,
      answer: async ({ params, signal }) => {
        const [table, hour] = params as [string, string];
        const book = await open(table, signal);
        const found = await book.look(book.times.parse(hour), signal);
        const manifest = await book.manifest(hour, signal);
        const sums = manifest && { files: manifest.files.length, rows: manifest.rowCount, bytes: manifest.byteCount };
        return { json: { ...found, manifestSums: sums } satisfies HourDetailAnswer };
      },
    },
  ];
}
