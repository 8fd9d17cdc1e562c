import { type HourAnswer, type HourManifest, openHourBook } from '../../hours/index.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, formatBytes, formatCount, printJson, printTable } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface ListFlags extends WarehouseOptions {
  last: number;
}

interface ListedHour {
  answer: HourAnswer;
  manifest: HourManifest | null;
}

export async function listHours(table: string, flags: ListFlags): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(flags, 'read', async (files) => {
    const book = await openHourBook(files, table, { signal });
    const answers = await book.list(flags.last, signal);
    const listed = await Promise.all(
      answers.map(async (answer) => ({ answer, manifest: await book.manifest(answer.hour, signal) })),
    );
    if (flags.json) printJson(listed.map(toJson));
    else print(listed);
    return exitCodes.complete;
  });
}

/** An hour that is not complete is no error here: `sluice await` is for that. */
export async function showHour(table: string, hour: string, flags: WarehouseOptions): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(flags, 'read', async (files) => {
    const book = await openHourBook(files, table, { signal });
    const answer = await book.look(book.times.parse(hour), signal);
    const manifest = await book.manifest(answer.hour, signal);
    if (flags.json) printJson({ ...toJson({ answer, manifest }), manifestContent: manifest });
    else printHour(answer, manifest);
    return exitCodes.complete;
  });
}

function toJson({ answer, manifest }: ListedHour) {
  const { table, zone, hour, folder, status: state, revision, isReady, reason, lags, startMs, endMs, sinceMs } = answer;
  const { rowCount = null, byteCount = null, contentHash = null } = manifest ?? {};
  return {
    ...{ table, zone, hour, folder, state, isReady, revision, manifest: answer.manifest },
    ...{ from: iso(startMs), until: iso(endMs), since: sinceMs === null ? null : iso(sinceMs) },
    ...{ rowCount, fileCount: manifest?.files.length ?? null, byteCount, contentHash, reason, lags },
  };
}

function print(listed: readonly ListedHour[]): void {
  printTable(listed, [
    { header: 'HOUR', cell: ({ answer }) => answer.hour },
    { header: 'STATE', cell: ({ answer }) => answer.status.toUpperCase() },
    {
      header: 'REVISION',
      cell: ({ answer }) => (answer.revision === 0 ? '' : String(answer.revision)),
      align: 'right',
    },
    { header: 'ROWS', cell: ({ manifest }) => (manifest ? formatCount(manifest.rowCount) : ''), align: 'right' },
    { header: 'FILES', cell: ({ manifest }) => (manifest ? formatCount(manifest.files.length) : ''), align: 'right' },
    { header: 'SIZE', cell: ({ manifest }) => (manifest ? formatBytes(manifest.byteCount) : ''), align: 'right' },
    { header: 'SINCE', cell: ({ answer }) => (answer.sinceMs === null ? '' : iso(answer.sinceMs)) },
    { header: 'WAITS FOR', cell: ({ answer }) => answer.reason ?? '' },
  ]);
}

function printHour(answer: HourAnswer, manifest: HourManifest | null): void {
  const { table, hour, zone, startMs, endMs, status, revision, sinceMs, reason } = answer;
  const since = sinceMs === null ? '' : ` since ${iso(sinceMs)}`;
  const lines: [string, string][] = [
    ['state', `${status.toUpperCase()}${since}`],
    ['time', `${iso(startMs)} to ${iso(endMs)} (${(endMs - startMs) / 60_000} min in ${zone})`],
    ...(reason === null ? [] : [['waits for', reason] as [string, string]]),
    ...(manifest ? manifestLines(answer, manifest, revision) : []),
  ];
  const body = lines.map(([name, value]) => `  ${name.padEnd(12)}${value}\n`).join('');
  process.stdout.write(`${table} ${hour}\n${body}`);
  if (!manifest) return;
  printTable(manifest.files, [
    { header: 'FILE', cell: ({ path }) => path.slice(path.lastIndexOf('/') + 1) },
    { header: 'ROWS', cell: ({ rowCount }) => formatCount(rowCount), align: 'right' },
    { header: 'SIZE', cell: ({ size }) => formatBytes(size), align: 'right' },
  ]);
  printTable(manifest.marks, [
    { header: 'TOPIC', cell: ({ topic }) => topic },
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'END', cell: ({ end }) => String(end), align: 'right' },
    { header: 'CHECKPOINT', cell: ({ checkpoint }) => String(checkpoint), align: 'right' },
    { header: 'LEDGER RECORD', cell: ({ sequence }) => String(sequence), align: 'right' },
  ]);
}

function manifestLines(answer: HourAnswer, manifest: HourManifest, revision: number): [string, string][] {
  const { rowCount, byteCount, contentHash, files, closedAtMs } = manifest;
  return [
    ['manifest', `${answer.manifest} (revision ${revision})`],
    ['content', `${formatCount(rowCount)} rows in ${formatCount(files.length)} files, ${formatBytes(byteCount)}`],
    ['hash', contentHash],
    ['closed', iso(closedAtMs)],
  ];
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
