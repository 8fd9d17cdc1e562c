import { allStatements, type CatalogTable, duckdbView, mendStatements, scriptOf } from '../../catalog/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { usingWarehouse } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { type DdlFlags, projectFor, readListingFiles } from './catalog-options.ts';

export async function printDdl(table: string, flags: DdlFlags): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(flags, 'read', async (files) => {
    const projected = await projectFor(files, table, flags, signal);
    const statements = await statementsOf(projected, flags);
    if (flags.json) printJson({ statements, leftOut: flags.dialect === 'duckdb' ? [] : projected.leftOut });
    else process.stdout.write(scriptOf(statements));
    return exitCodes.complete;
  });
}

async function statementsOf(table: CatalogTable, flags: DdlFlags): Promise<string[]> {
  const { dialect, partitions, describe } = flags;
  if (dialect === 'duckdb') {
    if (partitions === undefined && describe === undefined) return [duckdbView(table)];
    throw new BadInputError('a view of DuckDB is always printed whole: expected no --partitions and no --describe');
  }
  if (partitions === undefined) {
    if (describe === undefined) return allStatements(table, dialect);
    throw new BadInputError('expected --partitions together with --describe');
  }
  const files = describe === undefined ? { partitions } : { partitions, describe };
  return mendStatements(table, await readListingFiles(files, table.folders), dialect);
}
