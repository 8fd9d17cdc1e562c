import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type HourBook, type HourManifest, openHourBook } from '../hours/index.ts';
import { type LiveFile, listTables, liveFiles, mapBounded, type TableFile } from '../offsets/index.ts';
import { BadInputError, type Clock, SluiceError } from '../shared/index.ts';
import { localPathOf, TablePaths, type TimePeriod, type WarehouseFiles } from '../warehouse/index.ts';
import { isOrAre } from './is-or-are.ts';
import type { ReportDay } from './report-days.ts';

/** The hours that a report is made of are not all complete; the message says which one, and what it waits for. */
export class ReportRefusedError extends SluiceError {
  constructor(message: string) {
    super('report-refused', message);
  }
}

/** An hour that the windows need and that is neither complete nor amended. */
export interface MissingHour {
  /** On the wall clock of the table, `2026-11-20T23`. */
  hour: string;
  reason: string;
}

/** What the hours of all windows came to. */
export interface ReportHours {
  /** What the table's folders are; `hour` stands for both below. */
  unit: 'hour' | 'day';
  neededCount: number;
  amendedCount: number;
  /** Oldest first; empty unless the report may be incomplete. */
  missing: MissingHour[];
}

interface NeededHour {
  period: TimePeriod;
  /** Of its manifest; null: look at the live files (the hour is not complete, or its files have moved). */
  files: readonly TableFile[] | null;
  /** What tells its rows from those that it had or will have: of its manifest. Null: nothing does. */
  proof: readonly unknown[] | null;
}

/** The rows of some hours, ready to be queried. */
export interface LocalRows {
  paths: string[];
  /** Event times as the table's folders know them, epoch ms; null without files. */
  minTimeMs: number | null;
  maxTimeMs: number | null;
}

const parallelReads = 8;
const shownReasons = 3;

/** A table as reports read it: the files of complete hours by their manifests, which are proven, and nothing else. */
export class ReportTable {
  readonly #files: WarehouseFiles;
  readonly #book: HourBook;
  readonly #signal: AbortSignal;
  readonly #root: string;
  readonly #hours = new Map<string, NeededHour>();

  private constructor(files: WarehouseFiles, book: HourBook, signal: AbortSignal) {
    this.#files = files;
    this.#book = book;
    this.#signal = signal;
    this.#root = new TablePaths(book.table).root;
  }

  /** Throws BadInputError when there is no such table. */
  static async open(
    files: WarehouseFiles,
    table: string,
    options: { clock: Clock; signal: AbortSignal },
  ): Promise<ReportTable> {
    return new ReportTable(files, await openHourBook(files, table, options), options.signal);
  }

  get zone(): string {
    return this.#book.times.zone.name;
  }

  /**
   * Looks at all hours of the days. Hours from before the table's first load that have no files, and that nobody has closed, are
   * empty ones: nothing was ever loaded for them.
   *
   * @throws ReportRefusedError unless all of them are complete or amended, or `allowIncomplete`.
   */
  async require(days: readonly ReportDay[], allowIncomplete: boolean): Promise<ReportHours> {
    const periods = [...this.#book.times.between(days[0]!.startMs, days.at(-1)!.endMs)];
    const empty = await this.#emptyHours(periods);
    const found = await mapBounded(periods, parallelReads, (period) => this.#look(period, empty));
    const missing = await this.#missing(periods.filter((_, i) => found[i] === 'missing'));
    const amendedCount = found.filter((state) => state === 'amended').length;
    const hours = { unit: this.#book.times.unit, neededCount: periods.length, amendedCount, missing };
    if (missing.length > 0 && !allowIncomplete) throw refused(days.at(-1)!.date, hours);
    return hours;
  }

  async #look(period: TimePeriod, empty: ReadonlySet<string>): Promise<'empty' | 'complete' | 'amended' | 'missing'> {
    if (empty.has(period.key)) {
      this.#hours.set(period.key, { period, files: [], proof: [period.key, 0] });
      return 'empty';
    }
    const isComplete = this.#book.state(period.key)?.state === 'complete';
    const manifest = isComplete ? await this.#book.manifest(period.key, this.#signal) : null;
    this.#hours.set(period.key, { period, files: manifest?.files ?? null, proof: manifest && proofOf(manifest) });
    return manifest?.state ?? 'missing';
  }

  async #emptyHours(periods: readonly TimePeriod[]): Promise<Set<string>> {
    const { bornMs, times } = this.#book;
    const old = periods.filter(
      ({ key, endMs }) => endMs <= bornMs && !this.#book.state(key) && !this.#book.hasExpired(key),
    );
    const empty = new Set(old.map(({ key }) => key));
    if (empty.size === 0) return empty;
    // Events older than the table may have come since the closer looked.
    for await (const { path } of liveFiles(this.#files, this.#book.table, { signal: this.#signal })) {
      empty.delete(times.keyOf(path) ?? '');
    }
    return empty;
  }

  /** Reasons cost looks at the ledger: the first ones are enough for a person. */
  async #missing(periods: readonly TimePeriod[]): Promise<MissingHour[]> {
    const missing: MissingHour[] = [];
    for (const [i, period] of periods.entries()) {
      const answer = i < shownReasons ? await this.#book.look(period, this.#signal) : null;
      missing.push({ hour: period.key, reason: answer?.reason ?? 'it is not complete' });
    }
    return missing;
  }

  /** What tells the rows of the hours that overlap a day from any others: the revisions and files of their manifests. Null: an hour is not complete. */
  proofOf({ startMs, endMs }: ReportDay): readonly unknown[] | null {
    const proofs = [...this.#book.times.between(startMs, endMs)].map(({ key }) => this.#hours.get(key)!.proof);
    return proofs.includes(null) ? null : [this.#book.table, ...proofs];
  }

  /** The rows of the hours that overlap a day, copied to `scratch` where they lie elsewhere. Rows of other days may be among them. */
  async rowsOf({ startMs, endMs }: ReportDay, scratch: string): Promise<LocalRows> {
    await rm(scratch, { recursive: true, force: true });
    const local: { path: string; file: TableFile }[] = [];
    for (const { key } of this.#book.times.between(startMs, endMs)) {
      local.push(...(await this.#localFiles(this.#hours.get(key)!, join(scratch, key.replaceAll(':', '-')))));
    }
    const files = local.map(({ file }) => file);
    return {
      paths: local.map(({ path }) => path),
      minTimeMs: files.length === 0 ? null : Math.min(...files.map((file) => Number(file.minTimeMs))),
      maxTimeMs: files.length === 0 ? null : Math.max(...files.map((file) => Number(file.maxTimeMs))),
    };
  }

  async #localFiles(hour: NeededHour, scratch: string): Promise<{ path: string; file: TableFile }[]> {
    if (hour.files !== null) {
      try {
        return await this.#fetch(hour.files, scratch);
      } catch (error) {
        // A compaction has replaced them since the manifest was written: the rows are the same in the files that are live now.
        if (!(error instanceof SluiceError && error.code === 'wrong-size' && error.isRetriable)) throw error;
      }
    }
    return await this.#fetch(await this.#liveFiles(hour.period), `${scratch}-live`);
  }

  async #liveFiles({ folder }: TimePeriod): Promise<LiveFile[]> {
    const found: LiveFile[] = [];
    const options = { hour: folder, signal: this.#signal };
    for await (const file of liveFiles(this.#files, this.#book.table, options)) found.push(file);
    return found;
  }

  async #fetch(list: readonly (TableFile | LiveFile)[], scratch: string): Promise<{ path: string; file: TableFile }[]> {
    return await mapBounded(list, parallelReads, async (file, i) => {
      const staged = 'staged' in file && file.staged !== null ? [`${this.#root}/${file.staged}`] : [];
      const places = [`${this.#root}/${file.path}`, ...staged];
      const path = await localPathOf(this.#files, places, join(scratch, `${i}.parquet`), file.size, this.#signal);
      return { path, file };
    });
  }
}

function proofOf({ hour, revision, contentHash, rowCount, files }: HourManifest): readonly unknown[] {
  return [hour, revision, contentHash, String(rowCount), files.map(({ path, size }) => [path, size])];
}

function refused(date: string, { unit, neededCount, missing }: ReportHours): ReportRefusedError {
  const shown = missing.slice(0, shownReasons).map(({ hour, reason }) => `${hour}: ${reason}`);
  const more = missing.length > shown.length ? `; and ${missing.length - shown.length} more` : '';
  const count = `${missing.length} ${isOrAre(missing.length)}`;
  return new ReportRefusedError(
    `the report of ${date} needs ${neededCount} ${unit}s of the table, of which ${count} not complete: ${shown.join('; ')}${more}`,
  );
}

/** The table to report on: the one that was named, or the only one there is. Throws BadInputError that lists them. */
export async function chooseTable(
  files: WarehouseFiles,
  table: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const found = await listTables(files, signal);
  if (table !== undefined ? found.includes(table) : found.length === 1) return table ?? found[0]!;
  const expected = table === undefined ? 'expected --table: which one has the events' : `expected a table "${table}"`;
  throw new BadInputError(`${expected}; the warehouse has ${found.join(', ') || 'none'}`);
}
