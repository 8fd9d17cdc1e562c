import { listTables, readLayout } from '../../offsets/index.ts';
import { type CompactOptions, type CompactReport, compactTable } from '../../rewrites/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { type ParquetCodec, TimeFolders, type WarehouseFiles } from '../../warehouse/index.ts';
import { usingWarehouse } from '../offsets/warehouse-options.ts';
import { exitCodes, formatBytes, formatCount, printJson, printTable, progressBar } from '../output.ts';
import { openContext, type TableOptions } from './using-table.ts';

export interface CompactFlags extends TableOptions {
  hour?: string;
  olderThan: number;
  targetSize: number;
  sortBy?: string[];
  uniqueBy?: string[];
  keep: 'first' | 'last';
  codec: ParquetCodec;
  memory: number;
  scratch?: string;
  grace: number;
  dryRun?: boolean;
}

/** `sluice compact [TABLE]`: exit code 1 when a merge failed; what was merged stays merged. */
export async function runCompact(table: string | undefined, flags: CompactFlags): Promise<number> {
  return await usingWarehouse(flags, flags.dryRun ? 'read' : 'write', async (files) => {
    const tables = await listTables(files);
    if (table !== undefined && !tables.includes(table)) {
      const known = tables.length === 0 ? 'none' : tables.join(', ');
      throw new BadInputError(`expected a table of ${files.url} (${known}), got "${table}"`);
    }
    const reports: CompactReport[] = [];
    const progress = progressBar('compact', 0, 'merges');
    try {
      let done = 0;
      for (const name of table === undefined ? tables : [table]) {
        const folder = flags.hour === undefined ? null : await folderOf(files, name, flags.hour);
        const options: CompactOptions = { ...optionsOf(flags), folder, onGroup: () => progress.update(++done, name) };
        reports.push(await compactTable(await openContext(files, name), options));
      }
    } finally {
      progress.stop();
    }
    if (flags.json) printJson(reports);
    else print(reports, flags.dryRun ?? false);
    return reports.some(({ failed }) => failed > 0) ? exitCodes.failed : exitCodes.complete;
  });
}

function optionsOf(flags: CompactFlags): CompactOptions {
  return {
    targetBytes: flags.targetSize,
    olderThanMs: flags.olderThan,
    sortBy: flags.sortBy ?? [],
    unique: flags.uniqueBy ? { columns: flags.uniqueBy, keep: flags.keep } : null,
    codec: flags.codec,
    dryRun: flags.dryRun ?? false,
    memoryLimit: `${Math.max(64, Math.floor(flags.memory / 1_000_000))}MB`,
    tidy: { graceMs: flags.grace },
    ...(flags.scratch === undefined ? {} : { scratchDirectory: flags.scratch }),
  };
}

/** `2026-11-21T07` -> the folder that the table's layout gives it; a folder of the table is taken as it is. */
async function folderOf(files: WarehouseFiles, table: string, hour: string): Promise<string> {
  if (hour.includes('=')) return hour.replace(/^\/+|\/+$/g, '');
  const times = new TimeFolders(await readLayout(files, table));
  return times.parse(hour).folder;
}

function print(reports: readonly CompactReport[], isDryRun: boolean): void {
  const rows = reports.flatMap(({ table, groups }) => groups.map((group) => ({ table, ...group })));
  printTable(rows, [
    { header: 'TABLE', cell: ({ table }) => table },
    { header: 'FOLDER', cell: ({ folder }) => folder },
    { header: 'FILES', cell: ({ files }) => String(files), align: 'right' },
    { header: 'ROWS', cell: ({ rows: count }) => formatCount(count), align: 'right' },
    { header: 'BEFORE', cell: ({ bytesBefore }) => formatBytes(bytesBefore), align: 'right' },
    {
      header: 'AFTER',
      cell: ({ bytesAfter }) => (bytesAfter === null ? '' : formatBytes(bytesAfter)),
      align: 'right',
    },
    { header: 'DOUBLES', cell: ({ deduplicated }) => formatCount(deduplicated), align: 'right' },
    { header: 'RECORD', cell: ({ sequence }) => (sequence === null ? '' : String(sequence)), align: 'right' },
    { header: 'NOT DONE', cell: ({ skipped }) => skipped ?? '' },
  ]);
  const merged = rows.filter(({ skipped }) => skipped === null);
  const files = merged.reduce((sum, group) => sum + group.files, 0);
  const verb = isDryRun ? 'would become' : 'have become';
  process.stdout.write(`${formatCount(files)} files ${verb} ${formatCount(merged.length)}\n`);
}
