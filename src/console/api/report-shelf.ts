import { join } from 'node:path';
import { readLayout } from '../../offsets/index.ts';
import { type DailyReport, DayCache, makeDailyReport } from '../../reports/index.ts';
import { anyOf, BadInputError, SluiceError } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import type { ConsoleContext } from '../console-context.ts';
import { Turns } from './turns.ts';

/** A report that was just made is shown again to whoever asks for the same. */
const freshMs = 60_000;
const kept = 20;
const timeLimitMs = 180_000;
const waitingMost = 20;
/** As one statement of somebody's SQL. */
const memoryLimit = '256MB';
const daysBytes = 256 * 1024 ** 2;

interface Made {
  report: DailyReport;
  /** Of the monotonic clock. */
  atMs: number;
}

/** Makes reports one at a time, in bounded time and memory, and keeps the last of them for their pages. */
export class ReportShelf {
  readonly #context: ConsoleContext;
  readonly #days: string;
  readonly #made = new Map<string, Made>();
  readonly #turns = new Turns(1, waitingMost);

  /** `scratch`: a local folder, where the days of the last reports are kept as long as the console lives. */
  constructor(context: ConsoleContext, scratch: string) {
    this.#context = context;
    this.#days = join(scratch, 'days');
  }

  /** As the hours are now. Throws ReportRefusedError when some are not complete, unless `preliminary=1` asks for it all the same. */
  async make(query: URLSearchParams, signal: AbortSignal): Promise<DailyReport> {
    return await this.#take(query, freshMs, signal);
  }

  /** One that was made before, if it is still here. */
  async get(query: URLSearchParams, signal: AbortSignal): Promise<DailyReport> {
    return await this.#take(query, Number.POSITIVE_INFINITY, signal);
  }

  async #take(query: URLSearchParams, maxAgeMs: number, signal: AbortSignal): Promise<DailyReport> {
    const wanted = wantedOf(query);
    const name = JSON.stringify(wanted);
    const known = this.#known(name, maxAgeMs);
    if (known) return known;
    return await this.#turns.take(signal, async () => {
      const meanwhile = this.#known(name, maxAgeMs); // whoever was before us may have asked for the same
      if (meanwhile) return meanwhile;
      const report = await this.#make(wanted, signal);
      this.#made.delete(name);
      this.#made.set(name, { report, atMs: this.#context.clock.monotonicMs() });
      for (const oldest of this.#made.keys()) if (this.#made.size > kept) this.#made.delete(oldest);
      return report;
    });
  }

  #known(name: string, maxAgeMs: number): DailyReport | null {
    const made = this.#made.get(name);
    return made && this.#context.clock.monotonicMs() - made.atMs <= maxAgeMs ? made.report : null;
  }

  async #make(wanted: Wanted, signal: AbortSignal): Promise<DailyReport> {
    const { clock, logger, warehouse } = this.#context;
    const limit = AbortSignal.timeout(timeLimitMs);
    const both = anyOf(signal, limit);
    try {
      const files = await warehouse('read');
      const timeField = await this.#timeFieldOf(files, wanted.table, both);
      const cache = await DayCache.open({ folder: this.#days, maxBytes: daysBytes, logger });
      return await makeDailyReport({ ...wanted, files, timeField, memoryLimit, cache, clock, signal: both });
    } catch (error) {
      if (!limit.aborted) throw error;
      const seconds = timeLimitMs / 1000;
      throw new SluiceError(
        'query-timeout',
        `expected a report within ${seconds} s: make it with "sluice report daily"`,
      );
    }
  }

  /** The table knows by which field it was loaded; one of before that goes by what the console was told. */
  async #timeFieldOf(files: WarehouseFiles, table: string, signal: AbortSignal): Promise<string> {
    const { timeField } = await readLayout(files, table, signal);
    return timeField === undefined ? this.#context.timeField : (timeField ?? '_timestamp');
  }
}

interface Wanted {
  table: string;
  game: string;
  date: string;
  allowIncomplete: boolean;
}

function wantedOf(query: URLSearchParams): Wanted {
  const text = (name: string): string => {
    const value = query.get(name) ?? '';
    if (value !== '' && value.length <= 300) return value;
    throw new BadInputError(`expected ${name} in the address, like table=events&game=hh&date=2026-11-20`);
  };
  const allowIncomplete = query.get('preliminary') === '1';
  return { table: text('table'), game: text('game'), date: text('date'), allowIncomplete };
}
