import { SchemaStore } from '../../offsets/index.ts';
import { BadInputError } from '../../shared/index.ts';
import {
  contractOf,
  diffSchemas,
  mergeSchemas,
  parquetProblem,
  readContractFile,
  SchemaConflictError,
  type TableContract,
  type TableSchema,
} from '../../warehouse/index.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { printDifferences } from './column-table.ts';

export interface CheckOptions extends WarehouseOptions {
  engine: 'duckdb' | 'parquetjs';
  codec?: 'zstd' | 'snappy' | 'gzip' | 'none';
}

/** `sluice schema check FILE`: would a load with this contract start? */
export async function checkContract(path: string, options: CheckOptions): Promise<number> {
  const file = await readContractFile(path, { needsSalt: false });
  const named: [string | null, TableContract][] = file.all ? [[null, file.all]] : Object.entries(file.topics);
  for (const [topic, contract] of named) checkEngine(topic, contract, options);
  const { table } = options;
  if (table === undefined) {
    if (options.json) printJson({ ok: true, contracts: named.map(([topic, contract]) => describe(topic, contract)) });
    else for (const [topic, contract] of named) process.stdout.write(`${summary(topic ?? path, contract)}\n`);
    return exitCodes.complete;
  }
  const contract = contractOf(file, table);
  if (contract === null) throw new BadInputError(`${path}: expected a contract for the table ${table}, found none`);
  const kept = await usingWarehouse(options, 'read', (files) => new SchemaStore(files, table).current());
  return report(table, contract, kept, options.json ?? false);
}

function checkEngine(topic: string | null, { schema, writer, source }: TableContract, options: CheckOptions): void {
  const codec = writer.codec ?? options.codec ?? (options.engine === 'parquetjs' ? 'snappy' : 'zstd');
  const problem = parquetProblem(options.engine, schema, { codec, writer });
  if (problem !== null) throw new BadInputError(`${source}${topic === null ? '' : `: topics.${topic}`}: ${problem}`);
}

function report(table: string, contract: TableContract, kept: TableSchema | null, isJson: boolean): number {
  const { schema } = contract;
  const problem = kept && schema ? conflictOf(kept, schema) : null;
  const differences = kept && schema ? diffSchemas(kept, schema) : [];
  if (isJson) {
    printJson({ ok: problem === null, table, schemaId: kept?.id ?? null, problem, differences });
  } else if (kept === null) process.stdout.write(`${summary(table, contract)}; the table is new\n`);
  else if (schema === null) process.stdout.write(`${summary(table, contract)}\n`);
  else {
    printDifferences(differences.filter(({ change }) => change !== 'same'));
    process.stdout.write(`${summary(table, contract)}; compared with schema ${kept.id} of the table\n`);
  }
  if (problem === null) return exitCodes.complete;
  process.stderr.write(`sluice: table ${table}: ${problem}\n`);
  return exitCodes.difference;
}

function conflictOf(kept: TableSchema, schema: TableSchema): string | null {
  try {
    mergeSchemas(kept, schema);
    return null;
  } catch (error) {
    if (error instanceof SchemaConflictError) return error.message;
    throw error;
  }
}

function summary(name: string, contract: TableContract): string {
  const { columns, filter, personal } = describe(null, contract);
  const parts = [columns === null ? 'columns inferred' : `${formatCount(columns)} columns`];
  if (filter !== null) parts.push(`filter ${filter}`);
  if (personal > 0) parts.push(`${personal} personal fields`);
  return `${name}: ${parts.join(', ')}`;
}

function describe(topic: string | null, { schema, rules, writer }: TableContract) {
  const personal = rules?.personal.length ?? 0;
  return { topic, columns: schema?.columns.length ?? null, filter: rules?.filter ?? null, personal, parquet: writer };
}
