import type { Command } from 'commander';
import type { RewriteContext } from '../../rewrites/index.ts';
import { createLogger, systemClock } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { checkTable, usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { stopSignal } from '../signals.ts';

/** Options of the commands that change the files of one table. */
export interface TableOptions extends WarehouseOptions {
  warehouse?: string;
}

export function withTableOptions(command: Command): Command {
  return command
    .option('--warehouse <url>', 'where the tables live (default: loader.warehouse of the settings)')
    .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)')
    .option('--json', 'print JSON')
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)');
}

/** Opens the chain of a table that exists, for `work`; a signal ends the work in good order. */
export async function usingTable<T>(
  options: TableOptions,
  table: string,
  work: (context: RewriteContext) => Promise<T>,
): Promise<T> {
  return await usingWarehouse(options, 'write', async (files) => {
    await checkTable(files, table);
    return await work(await openContext(files, table));
  });
}

/** What a rewrite of a table works with, in this process. */
export async function openContext(files: WarehouseFiles, table: string): Promise<RewriteContext> {
  const { TableChain } = await import('../../offsets/index.ts');
  const { signal } = stopSignal();
  const logger = createLogger('warn');
  const chain = await TableChain.open(files, table, { logger, signal });
  return { files, table, chain, clock: systemClock, logger, signal };
}
