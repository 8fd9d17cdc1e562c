import { Command, Option } from 'commander';
import { parseBrokers, parseInteger } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import type { CheckOptions } from '../schema/check-contract.ts';
import type { DiffOptions } from '../schema/diff-contracts.ts';
import type { InferOptions } from '../schema/infer-contract.ts';
import type { ShowSchemaOptions } from '../schema/show-schema.ts';

/** `sluice schema`: contracts of tables before they are used, and what tables have. */
export function schemaCommand(): Command {
  const command = new Command('schema').description(
    'Columns of tables: check a contract, show what a table has, infer a contract from records, compare two.',
  );

  withWarehouseOptions(command.command('check'))
    .description(
      'Check a contract: its text, whether an engine can write it, and, with --warehouse and --table, whether the table can take it.',
    )
    .argument('<file>')
    .addOption(new Option('--engine <name>', 'writer of Parquet').choices(['duckdb', 'parquetjs']).default('duckdb'))
    .addOption(
      new Option('--codec <name>', 'compression, where the contract says nothing').choices([
        'zstd',
        'snappy',
        'gzip',
        'none',
      ]),
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice schema check buys.yaml --warehouse file:///data/warehouse --table buys\n\nExit codes: 0 as it should be, 2 not a contract or beyond the engine, 4 the table cannot take it.',
    )
    .action(async (file: string, options: CheckOptions) => {
      const { checkContract } = await import('../schema/check-contract.ts');
      process.exitCode = await checkContract(file, options);
    });

  withWarehouseOptions(command.command('show'), { table: false })
    .description('The columns of a table as it keeps them: types, required, Parquet field ids.')
    .argument('<table>')
    .option('--id <n>', 'an earlier schema (default: the newest)', parseInteger(1))
    .option('--yaml', 'print a contract that can be edited and given to load --columns')
    .addHelpText('after', '\nExample:\n  $ sluice schema show buys --warehouse file:///data/warehouse')
    .action(async (table: string, options: ShowSchemaOptions) => {
      const { showSchema } = await import('../schema/show-schema.ts');
      process.exitCode = await showSchema(table, options);
    });

  command
    .command('infer')
    .description('Look at the records of a file or a topic and print the contract that fits them.')
    .argument('<file-or-topic>')
    .option('--brokers <list>', 'look at the first records of the topic of this cluster', parseBrokers)
    .addOption(commandConfigOption())
    .option('--records <n>', 'how many records to look at', parseInteger(1, 10_000_000), 10_000)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice schema infer events.ndjson > events.yaml\n  $ sluice schema infer events --brokers 127.0.0.1:9092 --records 100000',
    )
    .action(async (place: string, options: InferOptions) => {
      const { inferContract } = await import('../schema/infer-contract.ts');
      process.exitCode = await inferContract(place, options);
    });

  withWarehouseOptions(command.command('diff'), { table: false })
    .description('Compare two contracts, or a table with a contract: what was added, widened, or cannot be one table.')
    .argument('<before>', 'a contract file, or with --warehouse the name of a table')
    .argument('<after>', 'the same')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice schema diff old.yaml new.yaml\n  $ sluice schema diff buys new.yaml --warehouse file:///data/warehouse\n\nExit codes: 0 the same, 4 different.',
    )
    .action(async (before: string, after: string, options: DiffOptions) => {
      const { diffContracts } = await import('../schema/diff-contracts.ts');
      process.exitCode = await diffContracts(before, after, options);
    });

  return command;
}
