import {
  LedgerError,
  type LiveFile,
  liveFiles,
  maxRunsPerCommit,
  type PartitionRuns,
  type RewriteRecord,
  readLayout,
  type TableFile,
  type TableState,
} from '../offsets/index.ts';
import { describeError, faultPoint, SluiceError } from '../shared/index.ts';
import { TimeFolders, type TimePeriod } from '../warehouse/index.ts';
import { ExpiredRuns, joinPartitions } from './expired-runs.ts';
import { onlyVisible } from './plan-compaction.ts';
import type { RewriteContext } from './rewrite-context.ts';
import { RewriteSession } from './rewrite-session.ts';
import { type TidyOptions, tidyTable } from './tidy-table.ts';

export interface ExpireOptions {
  /** Hours that ended longer ago are past the retention. By the earlier of our clock and the warehouse's. */
  olderThanMs: number;
  reason?: string;
  /** Only say what would leave the table. */
  dryRun?: boolean;
  /** For columns that have to be read. The system's folder when left out. */
  scratchDirectory?: string;
  tidy?: Partial<TidyOptions>;
  onHour?: (hour: ExpiredHour) => void;
}

/** An hour past the retention, taken out or (in a dry run) to be taken out. */
export interface ExpiredHour {
  hour: string;
  /** Relative to the table. */
  folder: string;
  files: number;
  rows: number;
  bytes: number;
  /** Of the record in the table's chain; null: not done. */
  sequence: number | null;
  /** Why it was not done; null: it was, or it was only looked at. */
  skipped: string | null;
}

export interface ExpireReport {
  table: string;
  /** Epoch ms: hours that ended before that are past the retention. */
  beforeMs: number;
  /** Oldest first. */
  hours: ExpiredHour[];
  /** Records of the table's chain: what `undo` takes. */
  sequences: number[];
  /** Hours that could not be taken out. */
  failed: number;
}

/** Files named by one record: with what is said of each that is about 8 MiB of its 32. */
const maxFilesPerRecord = 8000;
const maxAttempts = 3;

/**
 * Takes the hours out of a table that are past its retention, wholly, as one record of the table's chain (several when there is more
 * than a record can hold). The record names every offset, so the account of the log stays exact; `undo` takes it back
 * within the grace time, then the janitor deletes the files. What is late for an hour that has expired goes with the next run.
 */
export async function expireHours(context: RewriteContext, options: ExpireOptions): Promise<ExpireReport> {
  const { chain, files, clock, signal, table } = context;
  if (!options.dryRun) await tidyTable(context, options.tidy);
  const beforeMs = Math.min(clock.nowMs(), await files.nowMs({ signal })) - options.olderThanMs;
  const report: ExpireReport = { table, beforeMs, hours: [], sequences: [], failed: 0 };
  await chain.refresh({ signal });
  const due = await hoursPast(context, beforeMs);
  if (options.dryRun) {
    for (const hour of due) tell(report, options, describe(hour));
    return report;
  }
  for (let at = 0; at < due.length; ) {
    let end = at;
    for (
      let count = 0;
      end < due.length && (end === at || count + due[end]!.files.length <= maxFilesPerRecord);
      end++
    ) {
      count += due[end]!.files.length;
    }
    await retireAll(context, options, report, due.slice(at, end));
    at = end;
  }
  return report;
}

interface DueHour {
  period: TimePeriod;
  files: TableFile[];
}

/** What one hour's files hold. */
interface KnownHour extends DueHour {
  expired: PartitionRuns[];
}

/** Hours that are over for long enough and have files, or a state and no record that took them out. Oldest first. */
async function hoursPast({ files, table, chain, signal }: RewriteContext, beforeMs: number): Promise<DueHour[]> {
  const times = new TimeFolders(await readLayout(files, table, signal));
  const { state } = chain;
  const periods = new Map<string, TimePeriod | null>();
  const periodOf = (hour: string): TimePeriod | null => {
    if (!periods.has(hour)) periods.set(hour, times.period(hour));
    const period = periods.get(hour) ?? null;
    return period !== null && period.endMs <= beforeMs ? period : null;
  };
  const due = new Map<string, { period: TimePeriod; files: LiveFile[] }>();
  for (const hour of state.hours.keys()) {
    const period = state.expired.has(hour) ? null : periodOf(hour);
    if (period) due.set(hour, { period, files: [] });
  }
  for await (const file of liveFiles(files, table, { state, signal })) {
    const hour = times.keyOf(file.path);
    const period = hour === null ? null : periodOf(hour);
    if (!period) continue;
    const known = due.get(period.key);
    if (known) known.files.push(file);
    else due.set(period.key, { period, files: [file] });
  }
  const found: DueHour[] = [];
  for (const { period, files: live } of [...due.values()].sort((a, b) => a.period.startMs - b.period.startMs)) {
    // A file that still lies in staging is its owner's to move: it goes with the next run.
    const visible = await onlyVisible(files, table, live, signal);
    if (live.length > 0 && visible.length === 0) continue;
    found.push({ period, files: visible.map(({ sequence: _sequence, staged: _staged, ...file }) => file) });
  }
  return found;
}

/** As one record; when somebody else has rewritten a file meanwhile, the plan of these hours is made anew. */
async function retireAll(
  context: RewriteContext,
  options: ExpireOptions,
  report: ExpireReport,
  planned: readonly DueHour[],
): Promise<void> {
  let due = planned;
  for (let attempt = 1; ; attempt++) {
    const known = await readRuns(context, options, report, due);
    try {
      await retire(context, options, report, known);
      return;
    } catch (error) {
      const isOvertaken = error instanceof LedgerError && error.code === 'conflict';
      if (!isOvertaken || attempt === maxAttempts) throw error;
      context.logger.warn({ attempt, reason: describeError(error) }, 'ExpiryOvertaken');
      await context.chain.refresh({ signal: context.signal });
      const keys = new Set(known.map(({ period }) => period.key));
      due = (await hoursPast(context, report.beforeMs)).filter(({ period }) => keys.has(period.key));
    }
  }
}

/** The offsets of each hour. One whose files are not what they should be stays, and is told. */
async function readRuns(
  context: RewriteContext,
  options: ExpireOptions,
  report: ExpireReport,
  due: readonly DueHour[],
): Promise<KnownHour[]> {
  const reader = new ExpiredRuns(context, options.scratchDirectory);
  const known: KnownHour[] = [];
  try {
    for (const hour of due) {
      try {
        const found: PartitionRuns[] = [];
        for (const file of hour.files) found.push(...(await reader.of(file)));
        known.push({ ...hour, expired: found });
      } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof SluiceError)) throw error;
        skip(report, options, hour, describeError(error));
      }
    }
    return known;
  } finally {
    await reader.close();
  }
}

/** Rows of many hours may lie mixed in the log: then these have more runs than a record can hold, and are halved. */
async function retire(
  context: RewriteContext,
  options: ExpireOptions,
  report: ExpireReport,
  hours: readonly KnownHour[],
): Promise<void> {
  if (hours.length === 0) return;
  const expired = joinPartitions(hours.flatMap((hour) => hour.expired));
  const runCount = expired.reduce((sum, { runs }) => sum + runs.length, 0);
  if (runCount <= maxRunsPerCommit) return await commit(context, options, report, hours, expired);
  if (hours.length === 1) {
    const why = `its rows are ${runCount} separate stretches of the log, a record holds ${maxRunsPerCommit}: it can go together with the hours it is mixed with`;
    return skip(report, options, hours[0]!, why);
  }
  const middle = Math.ceil(hours.length / 2);
  await retire(context, options, report, hours.slice(0, middle));
  await retire(context, options, report, hours.slice(middle));
}

async function commit(
  context: RewriteContext,
  options: ExpireOptions,
  report: ExpireReport,
  hours: readonly KnownHour[],
  expired: PartitionRuns[],
): Promise<void> {
  const [first, last] = [hours[0]!.period.key, hours.at(-1)!.period.key];
  const what = first === last ? first : `${hours.length} hours, ${first} to ${last}`;
  const reason = options.reason ?? `retention: ${what}`;
  const session = await RewriteSession.begin(context, { operation: 'retire', scope: null, reason });
  await session.run(async () => {
    faultPoint('expire-begun');
    const record: RewriteRecord = await session.commit((state) => ({
      replaced: hours.flatMap(({ files }) => files),
      added: [],
      deduplicated: [],
      replayed: [],
      accounts: [],
      expired,
      hours: newlyExpired(hours, state),
    }));
    report.sequences.push(record.sequence);
    for (const hour of hours) tell(report, options, { ...describe(hour), sequence: record.sequence });
    context.logger.info({ sequence: record.sequence, hours: hours.length, first, last }, 'HoursExpired');
  });
}

/** An hour that expired before, and got late rows since, is named by the record of that time. */
function newlyExpired(hours: readonly KnownHour[], state: TableState): RewriteRecord['hours'] {
  return hours.flatMap(({ period: { key: hour, folder } }) => {
    return state.expired.has(hour) ? [] : [{ hour, folder, revision: state.hours.get(hour)?.revision ?? 0 }];
  });
}

function describe({ period, files }: DueHour): ExpiredHour {
  return {
    hour: period.key,
    folder: period.folder,
    files: files.length,
    rows: files.reduce((sum, file) => sum + file.rowCount, 0),
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    sequence: null,
    skipped: null,
  };
}

function skip(report: ExpireReport, options: ExpireOptions, hour: DueHour, why: string): void {
  report.failed++;
  tell(report, options, { ...describe(hour), skipped: why });
}

function tell(report: ExpireReport, options: ExpireOptions, hour: ExpiredHour): void {
  report.hours.push(hour);
  options.onHour?.(hour);
}
