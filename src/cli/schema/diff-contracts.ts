import { existsSync } from 'node:fs';
import { BadInputError } from '../../shared/index.ts';
import { diffSchemas, readContractFile, type TableSchema } from '../../warehouse/index.ts';
import type { WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { printDifferences } from './column-table.ts';
import { keptSchema } from './show-schema.ts';

export type DiffOptions = WarehouseOptions;

/** `sluice schema diff BEFORE AFTER`. */
export async function diffContracts(before: string, after: string, options: DiffOptions): Promise<number> {
  const differences = diffSchemas(await schemaOf(before, options), await schemaOf(after, options));
  const changed = differences.filter(({ change }) => change !== 'same');
  if (options.json) printJson({ same: changed.length === 0, differences: changed });
  else if (changed.length === 0) process.stdout.write(`the same ${formatCount(differences.length)} columns\n`);
  else printDifferences(changed);
  return changed.length === 0 ? exitCodes.complete : exitCodes.difference;
}

/** A file that exists is a contract; any other name is a table's, with `@` and a number that of an earlier schema. */
async function schemaOf(place: string, options: DiffOptions): Promise<TableSchema> {
  if (!existsSync(place)) {
    const [, table, id] = /^(.*?)(?:@(\d+))?$/.exec(place)!;
    return await keptSchema(table!, options, id === undefined ? undefined : Number(id));
  }
  const { all } = await readContractFile(place, { needsSalt: false });
  if (all?.schema) return all.schema;
  throw new BadInputError(`${place}: expected a contract of one table with columns`);
}
