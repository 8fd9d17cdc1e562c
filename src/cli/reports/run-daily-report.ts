import { rename, writeFile } from 'node:fs/promises';
import {
  chooseTable,
  type DailyReport,
  DayCache,
  makeDailyReport,
  NumberFormat,
  ReportRefusedError,
  renderHtml,
  renderText,
  reportJson,
} from '../../reports/index.ts';
import { BadInputError, createLogger, stringifyJson } from '../../shared/index.ts';
import { readConfig } from '../config.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface DailyFlags extends WarehouseOptions {
  game: string;
  title?: string;
  date?: string;
  zone?: string;
  network: string;
  groupA?: string[];
  timeField: string;
  locale: string;
  format: 'table' | 'html' | 'json';
  out?: string;
  allowIncomplete?: boolean;
  cache?: string;
  cacheSize?: number;
}

export const defaultCacheBytes = 1024 ** 3;

/** `sluice report daily`. */
export async function runDailyReport(flags: DailyFlags): Promise<number> {
  const { signal } = stopSignal();
  const format = new NumberFormat(flags.locale);
  return await usingWarehouse(flags, 'read', async (files) => {
    const table = await chooseTable(files, flags.table, signal);
    const { game, title, date, zone, network, groupA, timeField, allowIncomplete } = flags;
    const bar = progressBar('report', 31, 'days');
    try {
      const report = await makeDailyReport({
        ...{ files, table, game, title, date, zone, network, groupA, timeField, allowIncomplete, signal },
        cache: await cacheOf(flags),
        onProgress: (done) => bar.update(done),
      });
      bar.stop();
      await print(rendered(report, format, flags.json ? 'json' : flags.format), flags.out);
      return exitCodes.complete;
    } catch (error) {
      if (!(error instanceof ReportRefusedError)) throw error;
      bar.stop();
      process.stderr.write(`sluice: ${error.message}; --allow-incomplete makes it from what has landed\n`);
      return exitCodes.notReady;
    } finally {
      bar.stop();
    }
  });
}

/** Null: neither the options nor the settings name a folder. */
async function cacheOf({ cache, cacheSize, config }: DailyFlags): Promise<DayCache | null> {
  const settings = readConfig(config ?? null).reports;
  const folder = cache ?? settings.cache;
  if (folder === undefined) return null;
  const maxBytes = cacheSize ?? settings.cacheSize ?? defaultCacheBytes;
  return await DayCache.open({ folder, maxBytes, logger: createLogger('warn', { part: 'report' }) });
}

function rendered(report: DailyReport, format: NumberFormat, as: DailyFlags['format']): string {
  if (as === 'html') return renderHtml(report, format, 'page');
  return as === 'json' ? `${stringifyJson(reportJson(report), 2)}\n` : renderText(report, format);
}

/** A file appears whole or not at all: somebody may be looking at the one of yesterday. */
async function print(text: string, out: string | undefined): Promise<void> {
  if (out === undefined) {
    process.stdout.write(text);
    return;
  }
  const temporary = `${out}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, out);
  } catch (error) {
    throw new BadInputError(`expected --out to be a file that can be written, got ${out}`, { cause: error });
  }
  process.stdout.write(`wrote ${out}\n`);
}
