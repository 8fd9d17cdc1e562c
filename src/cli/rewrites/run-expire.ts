import { type ExpiredHour, type ExpireReport, expireHours } from '../../rewrites/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { contractOf, readContractFile } from '../../warehouse/index.ts';
import { usingWarehouse } from '../offsets/warehouse-options.ts';
import { exitCodes, formatBytes, formatCount, printJson, printTable, progressBar } from '../output.ts';
import { openContext, type TableOptions } from './using-table.ts';

export interface ExpireFlags extends TableOptions {
  olderThan?: number;
  columns?: string;
  grace: number;
  scratch?: string;
  reason?: string;
  dryRun?: boolean;
}

/** `sluice expire TABLE`: exit code 3 when an hour could not be taken out; the others are. */
export async function runExpire(table: string, flags: ExpireFlags): Promise<number> {
  const olderThanMs = await retentionOf(table, flags);
  return await usingWarehouse(flags, flags.dryRun ? 'read' : 'write', async (files) => {
    const { listTables } = await import('../../offsets/index.ts');
    const tables = await listTables(files);
    if (!tables.includes(table)) {
      throw new BadInputError(`expected a table of ${files.url} (${tables.join(', ') || 'none'}), got "${table}"`);
    }
    const progress = progressBar('expire', 0, 'hours');
    let done = 0;
    let report: ExpireReport;
    try {
      report = await expireHours(await openContext(files, table), {
        olderThanMs,
        dryRun: flags.dryRun ?? false,
        tidy: { graceMs: flags.grace },
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
        ...(flags.scratch === undefined ? {} : { scratchDirectory: flags.scratch }),
        onHour: ({ hour }) => progress.update(++done, hour),
      });
    } finally {
      progress.stop();
    }
    if (flags.json) printJson({ ...report, before: new Date(report.beforeMs).toISOString() });
    else print(report, flags.dryRun ?? false);
    return report.failed > 0 ? exitCodes.partial : exitCodes.complete;
  });
}

/** The command line counts more than the contract, the contract more than the settings. */
async function retentionOf(table: string, flags: ExpireFlags): Promise<number> {
  if (flags.olderThan !== undefined) return flags.olderThan;
  const { readConfig } = await import('../config.ts');
  const { loader } = readConfig(flags.config ?? null);
  const path = flags.columns ?? loader.columns;
  const contract = path === undefined ? null : await readContractFile(path, { needsSalt: false });
  const found = contractOf(contract, table)?.retentionMs ?? loader.retention;
  if (found !== undefined) return found;
  throw new BadInputError(
    `expected --older-than 90d, "retention: 90d" in the contract of ${table} (--columns), or loader.retention in the settings`,
  );
}

function print(report: ExpireReport, isDryRun: boolean): void {
  const { hours, table, beforeMs, sequences } = report;
  printTable(hours, [
    { header: 'HOUR', cell: ({ hour }) => hour },
    { header: 'FOLDER', cell: ({ folder }) => folder },
    { header: 'FILES', cell: ({ files }) => formatCount(files), align: 'right' },
    { header: 'ROWS', cell: ({ rows }) => formatCount(rows), align: 'right' },
    { header: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), align: 'right' },
    { header: 'RECORD', cell: ({ sequence }) => (sequence === null ? '' : String(sequence)), align: 'right' },
    { header: 'NOT DONE', cell: ({ skipped }) => skipped ?? '' },
  ]);
  const gone = hours.filter(({ skipped }) => skipped === null);
  const sum = (pick: (hour: ExpiredHour) => number): number => gone.reduce((total, hour) => total + pick(hour), 0);
  const verb = isDryRun ? 'would leave' : 'have left';
  process.stdout.write(
    `${formatCount(gone.length)} hours of before ${new Date(beforeMs).toISOString()} ${verb} ${table}: ` +
      `${formatCount(sum(({ rows }) => rows))} rows in ${formatCount(sum(({ files }) => files))} files, ${formatBytes(sum(({ bytes }) => bytes))}\n`,
  );
  for (const sequence of sequences) {
    process.stdout.write(
      `record ${sequence} of the table's chain; within the grace time take it back with: sluice undo ${table} --sequence ${sequence}\n`,
    );
  }
}
