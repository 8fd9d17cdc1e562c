import { describeOffsets, readLayout } from '../../offsets/index.ts';
import { BadInputError, type Clock } from '../../shared/index.ts';
import { TimeFolders, type WarehouseFiles } from '../../warehouse/index.ts';
import { TableHistory } from '../history/table-history.ts';
import { minuteMs, minuteName, type StatsFields } from '../stats/minute-counts.ts';
import {
  isAlive,
  type LeftOut,
  type MinuteRange,
  type MinuteRow,
  type StatsPosition,
  type StatsSnapshot,
  type StatsStore,
} from '../stats/stats-store.ts';
import { countTable } from './count-table.ts';

export interface ReconcileOptions {
  store: StatsStore;
  files: WarehouseFiles;
  /** Name of the table. */
  table: string;
  /** `2026-11-21T07` in the time zone of the table, or an instant with a zone. */
  hour: string;
  /** Let the hour's counters not expire any more. */
  keep: boolean;
  /** How long to wait for the checkpoints of the table. */
  timeoutMs: number;
  pollMs: number;
  onWait?: (lags: readonly CheckpointLag[]) => void;
  clock: Clock;
  signal: AbortSignal;
}

/** A partition of which the table has not landed yet what the counters hold. */
export interface CheckpointLag {
  topic: string;
  partition: number;
  /** Of the counters, exclusive. */
  position: bigint;
  /** Null: the table has nothing of the partition. */
  checkpoint: bigint | null;
}

/** One counter that is not what the rows say. 0: it is not there. */
export interface CounterDifference {
  /** As in the key: `<game>:<YYYY_MMDD_HHMM>`. */
  key: string;
  call: string;
  counter: number;
  rows: number;
}

export interface ReconcileReport {
  hour: string;
  /** Epoch ms, [fromMs, toMs). */
  fromMs: number;
  toMs: number;
  /** Null: the checkpoints did not come so far in time; `lags` says which. */
  isEqual: boolean | null;
  /** Events in the counters of the hour. */
  events: number;
  counters: number;
  differences: CounterDifference[];
  positions: StatsPosition[];
  lags: CheckpointLag[];
  /** Of all hours: events that are in no counter. */
  leftOut: LeftOut;
}

/**
 * Compares the counters of one hour with the table's rows: counters and positions are read in one step, and the rows that count are those which
 * these positions cover, so that both sides speak of the same records whatever is counted and landed meanwhile. Throws BadInputError
 * when the hour's counters have expired.
 */
export async function reconcileHour(options: ReconcileOptions): Promise<ReconcileReport> {
  const { store, files, table, keep, signal } = options;
  const settings = await store.settings();
  if (settings === null) throw new BadInputError('expected counters, found none: does "sluice stats" run?');
  const { zone } = await readLayout(files, table, signal);
  const period = new TimeFolders({ zone }).parse(options.hour);
  const range = { fromMs: period.startMs, toMs: period.endMs };
  if (keep && !(await store.keep(range))) throw expired(options.hour, settings.expiryMs);
  const snapshot = await store.snapshot(range);
  if (!isAlive(snapshot, range, settings.expiryMs)) throw expired(options.hour, settings.expiryMs);
  const { positions, leftOut } = snapshot;
  const report = { ...{ hour: period.key, ...range, positions, leftOut }, ...sizeOf(snapshot) };
  const lags = await untilLanded(options, positions);
  if (lags.length > 0) return { ...report, isEqual: null, differences: [], lags };
  const rows = await countRows(options, settings.fields, positions, range);
  const differences = compareCounts(snapshot.rows, rows);
  return { ...report, isEqual: differences.length === 0, differences, lags: [] };
}

function expired(hour: string, expiryMs: number): BadInputError {
  const hours = expiryMs / 3_600_000;
  return new BadInputError(
    `expected an hour whose counters are still there, got ${hour}: they live for ${hours} h; reconcile it earlier with --keep, or let "sluice stats" keep them longer with --expiry`,
  );
}

function sizeOf({ rows }: StatsSnapshot): { events: number; counters: number } {
  const counts = rows.flatMap((row) => Object.values(row.counts));
  return { events: counts.reduce((sum, count) => sum + count, 0), counters: counts.length };
}

/** Waits until the table's checkpoints have passed the positions; resolves to those that have not when the time is over. */
async function untilLanded(
  { files, table, timeoutMs, pollMs, onWait, clock, signal }: ReconcileOptions,
  positions: readonly StatsPosition[],
): Promise<CheckpointLag[]> {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const chains = await describeOffsets(files, { table, signal });
    const lags = positions
      .map(({ topic, topicId, partition, next }): CheckpointLag => {
        const chain = chains.find(
          (one) => one.topic === topic && one.topicId === topicId && one.partition === partition,
        );
        return { topic, partition, position: next, checkpoint: chain?.state?.next ?? null };
      })
      .filter(({ position, checkpoint }) => (checkpoint ?? 0n) < position);
    if (lags.length === 0 || clock.monotonicMs() >= deadlineMs) return lags;
    onWait?.(lags);
    await clock.sleep(pollMs, signal);
  }
}

async function countRows(
  { files, table, signal }: ReconcileOptions,
  fields: StatsFields,
  positions: readonly StatsPosition[],
  range: MinuteRange,
): Promise<MinuteRow[]> {
  const near = await TableHistory.open({ files, table, ...range, signal });
  try {
    // Files tell the range of their rows' times. If it is this very time, those of other hours need not be read.
    if (await near.hasTimesOf(fields.time ?? '_timestamp')) return await countTable(near, fields, positions, range);
  } finally {
    await near.close();
  }
  const all = await TableHistory.open({ files, table, signal });
  try {
    all.requireColumns(table, fields.time === null ? [] : [fields.time]);
    return await countTable(all, fields, positions, range);
  } finally {
    await all.close();
  }
}

/** What is not the same on both sides, by key and call. */
export function compareCounts(counters: readonly MinuteRow[], rows: readonly MinuteRow[]): CounterDifference[] {
  const [left, right] = [flatten(counters), flatten(rows)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort()
    .map((name): CounterDifference => {
      const { key, call } = (left.get(name) ?? right.get(name))!;
      return { key, call, counter: left.get(name)?.count ?? 0, rows: right.get(name)?.count ?? 0 };
    })
    .filter(({ counter, rows: count }) => counter !== count);
}

function flatten(rows: readonly MinuteRow[]): Map<string, { key: string; call: string; count: number }> {
  const found = new Map<string, { key: string; call: string; count: number }>();
  for (const { game, minuteMs: startMs, counts } of rows) {
    const key = `${game}:${minuteName(startMs - (startMs % minuteMs))}`;
    for (const [call, count] of Object.entries(counts)) found.set(`${key}\u0000${call}`, { key, call, count });
  }
  return found;
}
