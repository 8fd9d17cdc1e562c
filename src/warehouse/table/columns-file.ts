import { BadInputError } from '../../shared/index.ts';
import type { ContractFile } from './contract.ts';
import { parseContractFile, readContractFile } from './contract-file.ts';
import type { TableSchema } from './table-schema.ts';

/** The columns of a contract, for those who can do nothing with the rest of one. @throws BadInputError when there is more. */
export async function readColumnsFile(path: string): Promise<TableSchema> {
  return columnsOf(await readContractFile(path), path);
}

export function parseColumnsFile(text: string, source: string): TableSchema {
  return columnsOf(parseContractFile(text, source), source);
}

function columnsOf({ all }: ContractFile, source: string): TableSchema {
  if (all === null) throw new BadInputError(`${source}: expected the columns of one table, came a contract of several`);
  if (all.schema === null) throw new BadInputError(`${source}: expected a list "columns", found none`);
  const { rules, writer, format, layout, roll, retentionMs, timeField } = all;
  const isMore =
    rules !== null || Object.keys(writer).length > 0 || Boolean(format ?? layout ?? roll ?? retentionMs ?? timeField);
  if (isMore)
    throw new BadInputError(`${source}: expected columns only; use "sluice load --columns" for a whole contract`);
  return all.schema;
}
