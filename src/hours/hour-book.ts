import { type HourState, listTopics, readLayout, TableChain } from '../offsets/index.ts';
import { BadInputError, type Clock, systemClock } from '../shared/index.ts';
import { TimeFolders, type TimePeriod, type WarehouseFiles } from '../warehouse/index.ts';
import { HourFiles } from './hour-files.ts';
import type { HourManifest } from './hour-manifest.ts';
import { describeLags, type HourView, laggingPartitions, type PartitionLag, viewHour } from './hour-view.ts';
import { surveyPartitions } from './table-survey.ts';

/** What can be said of an hour without changing anything. */
export interface HourAnswer extends HourView {
  table: string;
  zone: string;
  /** Complete or amended, and the manifest is where readers look for it. */
  isReady: boolean;
  /** One line for people: what the hour waits for; null when it is ready. */
  reason: string | null;
  /** Partitions behind the ends that were noted when the hour was closed. */
  lags: PartitionLag[];
}

/** The hours of one table, for those who only read. */
export class HourBook {
  readonly table: string;
  readonly times: TimeFolders;
  readonly bornMs: number;
  readonly #files: WarehouseFiles;
  readonly #chain: TableChain;
  readonly #clock: Clock;

  private constructor(files: WarehouseFiles, chain: TableChain, times: TimeFolders, bornMs: number, clock: Clock) {
    this.table = chain.table;
    this.times = times;
    this.bornMs = bornMs;
    this.#files = files;
    this.#chain = chain;
    this.#clock = clock;
  }

  /** Null: nothing was ever loaded into such a table. */
  static async open(
    files: WarehouseFiles,
    table: string,
    options: { clock?: Clock; signal?: AbortSignal } = {},
  ): Promise<HourBook | null> {
    const { clock = systemClock, signal } = options;
    const topics = await listTopics(files, table, signal);
    if (topics.length === 0) return null;
    const times = new TimeFolders(await readLayout(files, table, signal));
    const chain = await TableChain.open(files, table, signal ? { signal } : {});
    return new HourBook(files, chain, times, Math.min(...topics.map(({ acceptedAtMs }) => acceptedAtMs)), clock);
  }

  /** The state of one hour now. */
  async look(period: TimePeriod, signal?: AbortSignal): Promise<HourAnswer> {
    const { hours, expired } = await this.#chain.refresh(signal ? { signal } : {});
    const state = hours.get(period.key);
    const isWaiting = state?.state === 'closed' && !expired.has(period.key);
    const lags = isWaiting ? await this.#lags([state], signal) : [];
    return await this.#answer(period, state, lags, signal);
  }

  /** The newest `count` hours that have begun, oldest first, and those of before that have a state. */
  async list(count: number, signal?: AbortSignal): Promise<HourAnswer[]> {
    const { hours, expired } = await this.#chain.refresh(signal ? { signal } : {});
    const nowMs = this.#clock.nowMs();
    const keys = new Set([...hours.keys(), ...expired.keys()]);
    for (let at = Math.max(this.bornMs, nowMs - count * 25 * 3_600_000); at <= nowMs; ) {
      const segment = this.times.at(at);
      keys.add(segment.key);
      at = segment.endMs;
    }
    const newest = [...keys].sort().slice(-count);
    const closed = newest.flatMap((key) => hours.get(key) ?? []).filter(({ state }) => state === 'closed');
    const partitions = closed.length > 0 ? await surveyPartitions(this.#files, this.table, signal) : new Map();
    return await Promise.all(
      newest.map((key) => {
        const state = hours.get(key);
        const isWaiting = state?.state === 'closed' && !expired.has(key);
        const lags = isWaiting ? laggingPartitions(state.marks, partitions) : [];
        return this.#answer(this.times.period(key)!, state, lags, signal);
      }),
    );
  }

  /** The newest manifest; null: the hour has none yet, or has expired. */
  async manifest(hour: string, signal?: AbortSignal): Promise<HourManifest | null> {
    const { hours, expired } = this.#chain.state;
    const manifest = expired.has(hour) ? null : (hours.get(hour)?.manifest ?? null);
    return manifest === null ? null : await new HourFiles(this.#files, this.table, signal).read(manifest);
  }

  /** Whether the hour's rows were taken out because of their age. */
  hasExpired(hour: string): boolean {
    return this.#chain.state.expired.has(hour);
  }

  /** How far an hour was covered when the state was written. */
  state(hour: string): HourState | undefined {
    return this.#chain.state.hours.get(hour);
  }

  async #answer(
    period: TimePeriod,
    state: HourState | undefined,
    lags: PartitionLag[],
    signal: AbortSignal | undefined,
  ): Promise<HourAnswer> {
    const view = viewHour(period, state, this.#chain.state.expired.get(period.key));
    const kept = view.status === 'expired' ? null : (state?.manifest ?? null);
    const isReady = kept !== null && (await new HourFiles(this.#files, this.table, signal).isShown(view.folder, kept));
    const reason = isReady ? null : this.#reason(view, lags);
    return { table: this.table, zone: this.times.zone.name, ...view, isReady, reason, lags };
  }

  #reason({ status, endMs, expiredBy }: HourView, lags: readonly PartitionLag[]): string {
    if (status === 'expired') return `it has expired: record ${expiredBy} of the table's chain took its rows out`;
    const nowMs = this.#clock.nowMs();
    if (status === 'open' && nowMs < endMs) return `it is not over: it ends at ${new Date(endMs).toISOString()}`;
    if (status === 'open') {
      const minutes = Math.floor((nowMs - endMs) / 60_000);
      return `it is over since ${minutes} min and nobody has closed it yet: "sluice hours close", or the job close-hours, does so when the lateness is over`;
    }
    if (status === 'closed' && lags.length > 0) return describeLags(lags);
    if (status === 'closed') return 'everything up to its ends has landed: the next look of the closer completes it';
    return 'its manifest is recorded, but not visible yet: the next look of the closer shows it';
  }

  async #lags(states: readonly HourState[], signal: AbortSignal | undefined): Promise<PartitionLag[]> {
    const partitions = await surveyPartitions(this.#files, this.table, signal);
    return states.flatMap(({ marks }) => laggingPartitions(marks, partitions));
  }
}

/** @throws BadInputError when nothing was ever loaded into such a table. */
export async function openHourBook(
  files: WarehouseFiles,
  table: string,
  options: { clock?: Clock; signal?: AbortSignal } = {},
): Promise<HourBook> {
  const book = await HourBook.open(files, table, options);
  if (book) return book;
  throw new BadInputError(`expected a table that has been loaded, got "${table}"`);
}
