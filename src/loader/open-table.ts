import { SchemaStore, settleLayout } from '../offsets/index.ts';
import type { Clock, Logger } from '../shared/index.ts';
import {
  type BatchFormat,
  type ContractFile,
  contractOf,
  inferBatchSchema,
  splitPartitionColumns,
  TablePaths,
  type TableSchema,
  TimeFolders,
  type WarehouseFiles,
} from '../warehouse/index.ts';
import { RecordCursor, readBatchHeader } from '../wire/index.ts';
import type { WorkerSettings } from './load-options.ts';
import type { TableContext } from './owner-context.ts';
import { TableDecoding } from './table-decoding.ts';
import { TableSchemas } from './table-schemas.ts';

/** How an engine reads record batches. */
export const batchFormat: BatchFormat = {
  readHeader: readBatchHeader,
  openCursor: (batch) => new RecordCursor(batch),
};

/** How records of a topic become rows of its table: by the columns and the folders that the table has, or that were declared. */
export async function openTable(
  files: WarehouseFiles,
  table: string,
  settings: Pick<WorkerSettings, 'schema' | 'layout' | 'format'> & { contract?: ContractFile | null | undefined },
  context: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<TableContext> {
  const { format } = settings;
  const contract = contractOf(settings.contract ?? null, table);
  const schema = contract?.schema ?? settings.schema;
  const { signal } = context;
  const layout = await settleLayout(files, table, settings.layout, signal);
  const decode = format === null ? undefined : new TableDecoding(format, { ...context, declared: schema });
  const infer = async (batch: Buffer, waiting: AbortSignal): Promise<TableSchema> => {
    const inferred = decode ? await decode.infer(batch, waiting) : inferBatchSchema(batchFormat, batch);
    return { ...inferred, columns: inferred.columns.filter((column) => !layout.partitionBy.includes(column.name)) };
  };
  const split = schema === null ? null : splitPartitionColumns(schema, layout.partitionBy);
  const schemas = new TableSchemas({ store: new SchemaStore(files, table), declared: split?.schema ?? null, infer });
  const places = { layout, times: new TimeFolders(layout), partitionColumns: split?.columns ?? [] };
  const rules = contract?.rules ?? undefined;
  return { table, paths: new TablePaths(table), schemas, decode, rules, writer: contract?.writer ?? {}, ...places };
}
