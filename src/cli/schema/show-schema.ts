import { SchemaStore } from '../../offsets/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { isWarehouseError, type TableSchema } from '../../warehouse/index.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';
import { contractText, printColumns } from './column-table.ts';

export interface ShowSchemaOptions extends WarehouseOptions {
  id?: number;
  yaml?: boolean;
}

/** `sluice schema show TABLE`. */
export async function showSchema(table: string, options: ShowSchemaOptions): Promise<number> {
  const schema = await keptSchema(table, options, options.id);
  if (options.json) printJson(schema);
  else if (options.yaml) process.stdout.write(contractText(schema));
  else {
    printColumns(schema);
    process.stdout.write(`schema ${schema.id}, ${schema.mode}, keys ${schema.keyType}\n`);
  }
  return exitCodes.complete;
}

/** A schema that the table keeps, the newest when no id is given. @throws BadInputError when there is none. */
export async function keptSchema(table: string, options: WarehouseOptions, id?: number): Promise<TableSchema> {
  return await usingWarehouse(options, 'read', async (files) => {
    const store = new SchemaStore(files, table);
    const newest = await store.current();
    if (newest === null) throw new BadInputError(`expected a table "${table}" in the warehouse, found no schema of it`);
    if (id === undefined) return newest;
    try {
      return await store.read(id);
    } catch (error) {
      if (!isWarehouseError(error, 'not-found')) throw error;
      throw new BadInputError(`expected a schema of table ${table} from 1 to ${newest.id}, got ${id}`, {
        cause: error,
      });
    }
  });
}
