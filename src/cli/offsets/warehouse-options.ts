import type { Command } from 'commander';
import { BadInputError } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { parseBrokers } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';

/** Options of the commands that look into a warehouse. */
export interface WarehouseOptions {
  warehouse?: string;
  user?: string;
  table?: string;
  brokers?: string[];
  commandConfig?: string;
  json?: boolean;
  config?: string;
}

export function withWarehouseOptions(command: Command, options: { brokers?: string; table?: boolean } = {}): Command {
  command
    .option(
      '--warehouse <url>',
      'where the tables live: file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: loader.warehouse of the settings)',
    )
    .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)');
  if (options.table ?? true) command.option('--table <name>', 'only this table');
  if (options.brokers) {
    command.option('--brokers <list>', options.brokers, parseBrokers).addOption(commandConfigOption());
  }
  return command
    .option('--json', 'print JSON')
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)');
}

/** @throws BadInputError when a table was named that is not there: nothing was found is no answer to a wrong name. */
export async function checkTable(files: WarehouseFiles, table: string | undefined): Promise<void> {
  if (table === undefined) return;
  const { listTables } = await import('../../offsets/index.ts');
  const tables = await listTables(files);
  if (tables.includes(table)) return;
  const known = tables.length === 0 ? 'none' : tables.join(', ');
  throw new BadInputError(`expected a table of ${files.url} (${known}), got "${table}"`);
}

/** Opens the warehouse for `work` and closes it behind it. */
export async function usingWarehouse<T>(
  options: WarehouseOptions,
  access: 'read' | 'write',
  work: (files: WarehouseFiles) => Promise<T>,
): Promise<T> {
  const { readConfig } = await import('../config.ts');
  const { openWarehouse } = await import('../../warehouse/index.ts');
  const config = readConfig(options.config ?? null).loader;
  const url = options.warehouse ?? config.warehouse;
  if (url === undefined) throw new BadInputError('expected --warehouse URL, or loader.warehouse in the settings file');
  const files = await openWarehouse(url, { access, user: options.user ?? config.user });
  try {
    return await work(files);
  } finally {
    await files.close();
  }
}
