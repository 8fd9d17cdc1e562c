import { Command, Option } from 'commander';
import type { CheckFlags, DdlFlags, PlaceFlags, SyncFlags } from '../catalog/catalog-options.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';

/** `sluice catalog`: tables in a Hive metastore, and in whatever speaks its DDL, as the ledger has them. */
export function catalogCommand(): Command {
  const command = new Command('catalog').description(
    'Tables in a Hive metastore (Hive, Spark) or in DuckDB, as the ledger has them: statements, comparison, both at once.',
  );

  placed(command.command('ddl'), ['hive', 'spark', 'duckdb'])
    .description('Print the statements that make a catalog say what the ledger says: all, or only what differs.')
    .option('--partitions <file>', 'what SHOW PARTITIONS has printed (- for standard input): print only what differs')
    .option('--describe <file>', 'what DESCRIBE FORMATTED has printed, unless it stands in the same file')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice catalog ddl events --warehouse file:///data/warehouse --database lake > events.sql
  $ sluice catalog ddl events --dialect duckdb --warehouse file:///data/warehouse --complete-only
  $ spark-sql -e 'DESCRIBE FORMATTED lake.events; SHOW PARTITIONS lake.events' |
      sluice catalog ddl events --database lake --dialect spark --partitions - --warehouse webhdfs://namenode:9870/warehouse

The statements can be repeated. Only where types change in Spark, or a column is too many, is the table of the catalog made
anew; no statement touches a file. With --json: {"statements": [...], "leftOut": [...]}.`,
    )
    .action(async (table: string, flags: DdlFlags) => {
      const { printDdl } = await import('../catalog/print-ddl.ts');
      process.exitCode = await printDdl(table, flags);
    });

  placed(command.command('check'), ['hive', 'spark'])
    .description('Compare what a catalog says with the ledger: partitions missing and extra, columns that differ.')
    .requiredOption('--partitions <file>', 'what SHOW PARTITIONS has printed; - for standard input')
    .option('--describe <file>', 'what DESCRIBE FORMATTED has printed, unless it stands in the same file')
    .addHelpText(
      'after',
      `
Example:
  $ spark-sql -e 'DESCRIBE FORMATTED lake.events; SHOW PARTITIONS lake.events' |
      sluice catalog check events --database lake --dialect spark --partitions - --warehouse file:///data/warehouse

Exit codes: 0 the same, 4 a difference, 2 bad input, 1 failed. Without the output of DESCRIBE columns are not compared.`,
    )
    .action(async (table: string, flags: CheckFlags) => {
      const { checkCatalog } = await import('../catalog/check-catalog.ts');
      process.exitCode = await checkCatalog(table, flags);
    });

  placed(command.command('sync'), ['hive', 'spark'])
    .description('Ask a catalog through its own client, run the statements that mend a difference, and ask again.')
    .requiredOption('--run <command>', 'client that is given the path of a file of statements as last argument')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice catalog sync events --database lake --dialect spark --run 'spark-sql -f' --location hdfs://nameservice/warehouse
  $ sluice catalog sync events --database lake --location hdfs://nameservice/warehouse \\
      --run 'beeline -u jdbc:hive2://hive:10000 --outputformat=tsv2 --showHeader=false --silent=true -f'

No shell reads the command: blanks separate, quotes keep together. Exit codes: 0 the catalog is right, 4 it still differs,
1 the client failed (run it again), 2 bad input, or the catalog's table is not ours to alter (nothing was changed).`,
    )
    .action(async (table: string, flags: SyncFlags) => {
      const { runSync } = await import('../catalog/run-sync.ts');
      process.exitCode = await runSync(table, flags);
    });

  return command;
}

function placed(command: Command, dialects: readonly (PlaceFlags['dialect'] & string)[]): Command {
  return withWarehouseOptions(command, { table: false })
    .argument('<table>')
    .addOption(new Option('--dialect <name>', 'whose SQL').choices(dialects).default('hive'))
    .option('--database <name>', 'database of the catalog (default: that of the session)')
    .option('--name <name>', 'name in the catalog (default: that of the table)')
    .option(
      '--location <url>',
      'the warehouse as the readers call it (default: --warehouse, where Hadoop knows such a URL)',
    )
    .option('--complete-only', 'only hours that are complete or amended');
}
