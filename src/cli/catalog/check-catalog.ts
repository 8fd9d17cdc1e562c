import {
  type CatalogDrift,
  type CatalogTable,
  type ColumnDrift,
  compareCatalog,
  hasDrift,
} from '../../catalog/index.ts';
import { usingWarehouse } from '../offsets/warehouse-options.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { type CheckFlags, projectFor, readListingFiles } from './catalog-options.ts';

export async function checkCatalog(table: string, flags: CheckFlags): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(flags, 'read', async (files) => {
    const projected = await projectFor(files, table, flags, signal);
    const listing = await readListingFiles(flags, projected.folders);
    const drift = compareCatalog(projected, listing);
    const isCompared = listing.columns !== null;
    if (flags.json) printJson({ ...driftJson(projected, drift), areColumnsCompared: isCompared });
    else process.stdout.write(`${[...driftLines(drift), summary(projected, drift, isCompared)].join('\n')}\n`);
    return hasDrift(drift) ? exitCodes.difference : exitCodes.complete;
  });
}

export function driftJson({ name, partitions }: CatalogTable, drift: CatalogDrift) {
  return {
    ...{ table: name, isEqual: !hasDrift(drift), partitionCount: partitions.length },
    missing: drift.missing.map(({ folder }) => folder),
    extra: drift.extra.map(({ folder }) => folder),
    ...{ columns: drift.columns, partitionColumns: drift.partitionColumns, foreign: drift.foreign },
  };
}

/** A line for each difference. */
export function driftLines(drift: CatalogDrift): string[] {
  return [
    ...drift.foreign.map(({ what, expected, found }) => `${what}: expected ${expected}, the catalog has ${found}`),
    ...drift.partitionColumns.map((column) => columnLine('partition column', column)),
    ...drift.columns.map((column) => columnLine('column', column)),
    ...drift.missing.map(({ folder }) => `missing partition ${folder}`),
    ...drift.extra.map(({ folder }) => `extra partition ${folder}`),
  ];
}

function columnLine(what: string, { name, expected, found }: ColumnDrift): string {
  if (found === null) return `missing ${what} ${name} ${expected}`;
  if (expected === null) return `extra ${what} ${name} ${found}`;
  return `${what} ${name}: expected ${expected}, the catalog has ${found}`;
}

function summary({ name, partitions }: CatalogTable, drift: CatalogDrift, areColumnsCompared: boolean): string {
  const columns = areColumnsCompared ? '' : ' (columns were not compared: no output of DESCRIBE)';
  const count = formatCount(partitions.length);
  if (!hasDrift(drift)) return `${name}: the catalog is right, ${count} partitions${columns}`;
  return `${name}: the catalog differs from the ledger, which has ${count} partitions${columns}`;
}
