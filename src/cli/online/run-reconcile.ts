import { type CheckpointLag, type ReconcileReport, RedisStatsStore, reconcileHour } from '../../online/index.ts';
import { BadInputError, createLogger, systemClock } from '../../shared/index.ts';
import { checkTable, usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, formatCount, printJson, printTable } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface ReconcileFlags extends WarehouseOptions {
  hour: string;
  redis: string;
  prefix: string;
  keep?: boolean;
  timeout: number;
  poll: number;
}

export async function runReconcile(flags: ReconcileFlags): Promise<number> {
  const { table, redis: url, prefix, hour } = flags;
  if (table === undefined) throw new BadInputError('expected --table NAME');
  const { signal } = stopSignal();
  const logger = createLogger('warn', { part: 'reconcile' });
  const store = await RedisStatsStore.open({ url, prefix, settings: null, logger });
  try {
    const report = await usingWarehouse(flags, 'read', async (files) => {
      await checkTable(files, table);
      return await reconcileHour({
        ...{ store, files, table, hour, signal, clock: systemClock },
        ...{ keep: flags.keep ?? false, timeoutMs: flags.timeout, pollMs: flags.poll },
        onWait: sayNowAndThen((lags) => `sluice: waiting for ${wordsOf(lags)}\n`),
      });
    });
    if (flags.json) printJson(toJson(table, report));
    else printReport(table, report);
    if (report.isEqual === null) return exitCodes.notReady;
    return report.isEqual ? exitCodes.complete : exitCodes.difference;
  } finally {
    await store.close();
  }
}

/** Says on stderr what is waited for: at once, then every ten seconds. */
function sayNowAndThen(wordsFor: (lags: readonly CheckpointLag[]) => string): (lags: readonly CheckpointLag[]) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (lags) => {
    if (systemClock.monotonicMs() - lastMs < 10_000) return;
    lastMs = systemClock.monotonicMs();
    process.stderr.write(wordsFor(lags));
  };
}

function toJson(table: string, { fromMs, toMs, ...report }: ReconcileReport) {
  return { table, from: iso(fromMs), until: iso(toMs), ...report };
}

function printReport(table: string, report: ReconcileReport): void {
  const { hour, events, counters, differences, lags, positions } = report;
  const what = `${table} ${hour}: ${formatCount(events)} events in ${formatCount(counters)} counters`;
  if (report.isEqual === null) {
    process.stdout.write(`${what}; not compared: ${wordsOf(lags)}\n`);
    return;
  }
  process.stdout.write(
    `${what}, ${report.isEqual ? 'equal' : `${differences.length} of them ${differences.length === 1 ? 'differs' : 'differ'}`}\n`,
  );
  if (differences.length > 0) {
    printTable(differences, [
      { header: 'KEY', cell: ({ key }) => key },
      { header: 'CALL', cell: ({ call }) => call },
      { header: 'COUNTER', cell: ({ counter }) => formatCount(counter), align: 'right' },
      { header: 'ROWS', cell: ({ rows }) => formatCount(rows), align: 'right' },
    ]);
  }
  const covered = positions.map(({ topic, partition, first, next }) => `${topic}-${partition} ${first}..${next}`);
  process.stdout.write(`offsets covered, end exclusive: ${covered.join(', ') || 'none'}\n`);
}

function wordsOf(lags: readonly CheckpointLag[]): string {
  return lags
    .map(
      ({ topic, partition, position, checkpoint }) =>
        `${topic}-${partition} at ${checkpoint ?? 'nothing'}, ${position} wanted`,
    )
    .join('; ');
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
