import {
  type HourMark,
  type HourState,
  type LiveFile,
  listTopics,
  partitionKey,
  readLayout,
  TableChain,
  type TableRecordBody,
} from '../offsets/index.ts';
import { BadInputError, type Clock, faultPoint, type Logger, silentLogger, systemClock } from '../shared/index.ts';
import { TimeFolders, type TimePeriod, type WarehouseFiles } from '../warehouse/index.ts';
import { HourFiles } from './hour-files.ts';
import { digestOfFiles, type HourManifest, parseKeptManifest, summarize } from './hour-manifest.ts';
import { describeLags, isManifestTrue, laggingPartitions, viewHour } from './hour-view.ts';
import { type HourCluster, type LogMark, readMarks } from './log-marks.ts';
import { readSurveyCache, type SurveyCache, writeSurveyCache } from './survey-cache.ts';
import { byPath, rewriteMark, surveyTable, type TableSurvey } from './table-survey.ts';

/** How long after an hour's end records of it still count as being on time. */
export const defaultLatenessMs = 600_000;

export interface CloseHoursOptions {
  files: WarehouseFiles;
  table: string;
  cluster: HourCluster;
  /** Time between an hour's end and its closing. Default 10 minutes. */
  latenessMs?: number;
  /** Checked against the zone of the table, when given. */
  zone?: string;
  /** Hours to close although the table was not there yet at the time, or older ones are still open. They must be over. */
  hours?: readonly string[];
  /** The earlier of this clock and the warehouse's counts. */
  clock?: Clock;
  logger?: Logger;
  signal?: AbortSignal;
}

/** What one look of the closer came to. Keys of hours, oldest first. */
export interface CloseHoursReport {
  table: string;
  closed: string[];
  completed: string[];
  /** Hours that were complete and got a further manifest: later rows, or other files with the same rows. */
  revised: string[];
  /** Closed hours that are not complete yet, and why. */
  waiting: { hour: string; reason: string }[];
}

/**
 * One look of the closer: closes the hours that are over, completes those of which everything has landed, and gives a further
 * manifest to complete ones whose files have changed. Every step is a record of the table's chain, so any number of closers may
 * run at a time, and one that dies leaves nothing but work for the next. Nothing here depends on an event's time: an hour is
 * closed by the clock and completed by offsets.
 */
export async function closeHours(options: CloseHoursOptions): Promise<CloseHoursReport> {
  return await (await HourCloser.open(options)).run();
}

type HourBody = Extract<TableRecordBody, { kind: 'hour' }>;

class HourCloser {
  readonly #options: CloseHoursOptions;
  readonly #times: TimeFolders;
  readonly #chain: TableChain;
  readonly #contract: HourFiles;
  readonly #logger: Logger;
  readonly #call: { signal?: AbortSignal };
  readonly #report: CloseHoursReport;

  private constructor(options: CloseHoursOptions, times: TimeFolders, chain: TableChain) {
    const { files, table, signal, logger = silentLogger } = options;
    this.#options = options;
    this.#times = times;
    this.#chain = chain;
    this.#contract = new HourFiles(files, table, signal);
    this.#logger = logger.child({ table });
    this.#call = signal ? { signal } : {};
    this.#report = { table, closed: [], completed: [], revised: [], waiting: [] };
  }

  static async open(options: CloseHoursOptions): Promise<HourCloser> {
    const { files, table, signal, zone, clock = systemClock } = options;
    const layout = await readLayout(files, table, signal);
    if (zone !== undefined && zone !== layout.zone) {
      throw new BadInputError(`table ${table} has hours of ${layout.zone}, got zone ${zone}`);
    }
    const chain = await TableChain.open(files, table, { clock, ...(signal ? { signal } : {}) });
    return new HourCloser(options, new TimeFolders(layout), chain);
  }

  async run(): Promise<CloseHoursReport> {
    const { files, table, cluster, signal } = this.#options;
    await this.#showRecent();
    // The ends are taken after the clock was looked at, and before the files are: they hold for all hours that are over.
    const untilMs = (await this.#nowMs()) - (this.#options.latenessMs ?? defaultLatenessMs);
    const marks = await readMarks(files, table, cluster, signal);
    await this.#close(await this.#hoursDue(untilMs), marks);
    const cache = await readSurveyCache(files, table, signal);
    const survey = await surveyTable(files, this.#times, this.#chain.state, cache, signal);
    await this.#close(this.#hoursWithFiles(survey, untilMs), marks);
    for (const state of this.#hoursInOrder()) {
      signal?.throwIfAborted();
      if (this.#chain.state.expired.has(state.hour)) continue; // its rows went because of its age: that amends nothing
      if (state.state === 'closed') await this.#completeIfProven(state, survey);
      else if (!isAhead(state, survey) && !(await this.#isTrue(state, survey))) await this.#write(state, survey);
    }
    await this.#keepSurvey(survey, cache);
    return this.#report;
  }

  /** A host whose clock is ahead would close hours that are not over. */
  async #nowMs(): Promise<number> {
    const { files, clock = systemClock } = this.#options;
    return Math.min(clock.nowMs(), await files.nowMs(this.#call));
  }

  /** Hours since the table began, quiet ones too, and those that were asked for. */
  async #hoursDue(untilMs: number): Promise<TimePeriod[]> {
    const { files, table, signal, hours = [] } = this.#options;
    const topics = await listTopics(files, table, signal);
    const bornMs = Math.min(...topics.map(({ acceptedAtMs }) => acceptedAtMs));
    const due = hours.map((hour) => this.#times.parse(hour));
    const early = due.find(({ endMs }) => endMs > untilMs);
    if (early) throw new BadInputError(`expected an hour that is over, got ${early.key}: it can be closed later`);
    for (let at = bornMs; at < untilMs; ) {
      const segment = this.#times.at(at);
      if (!this.#isKnown(segment.key)) {
        const period = this.#times.period(segment.key)!;
        if (period.endMs <= untilMs) due.push(period);
      }
      at = segment.endMs;
    }
    return due;
  }

  /** Hours of events from before the table, or with times ahead of their own. */
  #hoursWithFiles(survey: TableSurvey, untilMs: number): TimePeriod[] {
    const open = [...survey.files.keys()].filter((hour) => !this.#isKnown(hour));
    return open.map((hour) => this.#times.period(hour)!).filter(({ endMs }) => endMs <= untilMs);
  }

  /** An hour that has expired is nothing to close, though late records may have come since. */
  #isKnown(hour: string): boolean {
    const { hours, expired } = this.#chain.state;
    return hours.has(hour) || expired.has(hour);
  }

  async #close(due: readonly TimePeriod[], marks: readonly LogMark[]): Promise<void> {
    const ends = marks.map(({ topicId, partition, end }) => ({ topicId, partition, end, sequence: 0 }));
    const ordered = [...due].sort((a, b) => a.startMs - b.startMs);
    for (const { key: hour } of ordered) {
      const record = await this.#append((state) => {
        if (state.hours.has(hour) || state.expired.has(hour)) return null;
        return { kind: 'hour', hour, state: 'closed', marks: ends, revision: 0, manifest: null };
      });
      faultPoint('hours.closed');
      if (!record) continue;
      this.#report.closed.push(hour);
      this.#logger.info({ hour }, 'HourClosed');
    }
  }

  async #completeIfProven(state: HourState, survey: TableSurvey): Promise<void> {
    const lags = laggingPartitions(state.marks, survey.partitions);
    const reason = lags.length > 0 ? describeLags(lags) : await this.#missingFiles(survey.files.get(state.hour) ?? []);
    if (reason === null) await this.#write(state, survey);
    else this.#report.waiting.push({ hour: state.hour, reason });
  }

  async #missingFiles(live: readonly LiveFile[]): Promise<string | null> {
    const missing = await this.#contract.missing(live);
    if (missing.length === 0) return null;
    return `${missing.length} files are committed but not visible yet, first ${missing[0]}`;
  }

  /** The files of an hour as they are now. */
  async #liveFiles(state: HourState, survey: TableSurvey): Promise<readonly LiveFile[]> {
    const found = survey.files.get(state.hour) ?? [];
    if (survey.isWhole || state.manifest === null) return found;
    // Nothing was replaced since the survey before, so the hour has the files of its manifest and those that came.
    const manifest = await this.#contract.read(state.manifest);
    const came = new Set(found.map(({ path }) => path));
    const before = manifest.files.filter(({ path }) => !came.has(path));
    return [...found, ...before.map((file): LiveFile => ({ ...file, sequence: null, staged: null }))].sort(byPath);
  }

  /** Whether a complete hour still is what its manifest says. */
  async #isTrue(state: HourState, survey: TableSurvey): Promise<boolean> {
    if (!survey.isWhole && !survey.files.has(state.hour)) return true;
    return isManifestTrue(state, await this.#liveFiles(state, survey));
  }

  /** Saves the next closer from reading what this one has read, unless something of it is not dealt with. */
  async #keepSurvey(survey: TableSurvey, before: SurveyCache | null): Promise<void> {
    const { files, table, signal } = this.#options;
    const state = await this.#chain.refresh(this.#call);
    if (rewriteMark(state) !== survey.rewrites) return;
    const complete = [...state.hours.values()].filter(
      (one) => one.state === 'complete' && !state.expired.has(one.hour),
    );
    for (const hour of complete) if (isAhead(hour, survey) || !(await this.#isTrue(hour, survey))) return;
    const isDone = new Set([...complete.map(({ hour }) => hour), ...state.expired.keys()]);
    const kept = [...survey.files].filter(([hour]) => !isDone.has(hour)).flatMap(([, list]) => list);
    const partitions = [...survey.partitions];
    const isNew =
      partitions.some(([key, { sequence }]) => before?.sequences.get(key) !== sequence) ||
      kept.length !== before?.files.length ||
      before.rewrites !== survey.rewrites;
    if (!isNew) return;
    const cache: SurveyCache = {
      rewrites: survey.rewrites,
      sequences: new Map(partitions.map(([key, { sequence }]) => [key, sequence])),
      retractions: new Map(partitions.map(([key, { retractions }]) => [key, retractions])),
      files: kept,
    };
    await writeSurveyCache(files, table, cache, signal);
  }

  /** The next revision: manifest to where it is kept, record, manifest to where readers see it. */
  async #write(before: HourState, survey: TableSurvey): Promise<void> {
    const { hour, revision } = before;
    const live = await this.#liveFiles(before, survey);
    const missing = revision === 0 ? null : await this.#missingFiles(live);
    if (missing !== null) {
      this.#report.waiting.push({ hour, reason: missing });
      return;
    }
    const manifest = await this.#manifest(before, live, survey);
    const kept = await this.#contract.keep(manifest, digestOfFiles(live.map(({ path }) => path)));
    faultPoint('hours.kept');
    const marks = manifest.marks.map(({ topicId, partition, end, sequence }) => ({
      topicId,
      partition,
      end,
      sequence,
    }));
    const record = await this.#append((state) => {
      const isSame = state.hours.get(hour)?.sequence === before.sequence && rewriteMark(state) === survey.rewrites;
      return isSame && !state.expired.has(hour)
        ? { kind: 'hour', hour, state: 'complete', marks, revision: revision + 1, manifest: kept }
        : null;
    });
    faultPoint('hours.recorded');
    if (!record) {
      // Another closer's manifest may have the very same bytes, and so the same name.
      if (this.#chain.state.hours.get(hour)?.manifest !== kept) await this.#contract.forget(kept);
      return;
    }
    if (!(await this.#chain.refresh(this.#call)).expired.has(hour)) await this.#contract.show(manifest.folder, kept);
    (revision === 0 ? this.#report.completed : this.#report.revised).push(hour);
    this.#logger.info({ hour, revision: revision + 1, rowCount: manifest.rowCount }, 'HourComplete');
  }

  async #manifest(before: HourState, live: readonly LiveFile[], survey: TableSurvey): Promise<HourManifest> {
    const period = this.#times.period(before.hour)!;
    const earlier = before.manifest === null ? null : await this.#contract.read(before.manifest);
    const sums = summarize(live);
    const isSame = earlier?.contentHash === sums.contentHash && earlier.rowCount === sums.rowCount;
    return {
      table: this.#options.table,
      hour: before.hour,
      zone: this.#times.zone.name,
      folder: period.folder,
      startMs: period.startMs,
      endMs: period.endMs,
      revision: before.revision + 1,
      state: earlier === null || (isSame && earlier.state === 'complete') ? 'complete' : 'amended',
      closedAtMs: earlier?.closedAtMs ?? before.writtenAtMs,
      writtenAtMs: Math.round(await this.#options.files.nowMs(this.#call)),
      ...sums,
      files: live.map(({ sequence: _, staged: __, ...file }) => file),
      marks: marksOf(before.marks, survey),
    };
  }

  /** What a closer that died left undone: the record is there, the manifest is not. And what an undo has brought back. */
  async #showRecent(): Promise<void> {
    const { hours, expired, rewrites } = this.#chain.state;
    const complete = [...hours.values()].filter(({ state, hour }) => state === 'complete' && !expired.has(hour));
    const recent = complete.sort((a, b) => b.sequence - a.sequence).slice(0, recentHours);
    const taken = [...rewrites.values()].filter(({ isActive }) => !isActive);
    const undone = new Map(taken.flatMap(({ hours: keys, sequence }) => keys.map((key) => [key, sequence] as const)));
    const back = complete.filter((state) => undone.has(state.hour) && !recent.includes(state));
    for (const { hour, manifest, sequence } of [...recent, ...back]) {
      // The files that came back have other names: only the next revision knows them.
      const isOld = sequence < (undone.get(hour) ?? 0) && manifest !== null && !isManifestOfNothing(manifest);
      if (isOld) continue;
      const { folder } = viewHour(this.#times.period(hour)!, undefined);
      if (manifest && (await this.#contract.show(folder, manifest))) this.#logger.info({ hour }, 'ManifestShown');
    }
  }

  #hoursInOrder(): HourState[] {
    return [...this.#chain.state.hours.values()].sort((a, b) => (a.hour < b.hour ? -1 : 1));
  }

  async #append(build: (state: TableChain['state']) => HourBody | null) {
    return await this.#chain.append(build, this.#call);
  }
}

/** Manifests of so many of the newest records are looked for. */
const recentHours = 32;

function isManifestOfNothing(kept: string): boolean {
  return parseKeptManifest(kept)?.filesDigest === digestOfFiles([]);
}

/** Whether another closer has seen more than this survey when it wrote the hour's record. */
function isAhead(state: HourState, survey: TableSurvey): boolean {
  return state.marks.some((mark) => mark.sequence > (survey.partitions.get(partitionKey(mark))?.sequence ?? 0));
}

/** The ends as they were closed, with how far each chain is covered; partitions that came later are covered as well. */
function marksOf(closed: readonly HourMark[], survey: TableSurvey): HourManifest['marks'] {
  const ends = new Map(closed.map((mark) => [partitionKey(mark), mark.end]));
  const known = [...survey.partitions.values()].map(({ topic, topicId, partition, checkpoint, sequence }) => {
    const end = ends.get(partitionKey({ topicId, partition })) ?? 0n;
    return { topic, topicId, partition, end, sequence, checkpoint: checkpoint ?? 0n };
  });
  const empty = closed.filter((mark) => !survey.partitions.has(partitionKey(mark)));
  const marks = [...known, ...empty.map((mark) => ({ ...mark, topic: '', checkpoint: 0n }))];
  return marks.sort((a, b) => (a.topicId === b.topicId ? a.partition - b.partition : a.topicId < b.topicId ? -1 : 1));
}
