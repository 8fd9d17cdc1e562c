import { Command, Option } from 'commander';
import { parseDuration } from '../arguments.ts';
import type { ExpireFlags } from '../rewrites/run-expire.ts';
import { withTableOptions } from '../rewrites/using-table.ts';

const example = `
Examples:
  $ sluice expire events --warehouse webhdfs://namenode:9870/warehouse --older-than 90d --dry-run
  $ sluice expire events --warehouse file:///data/warehouse --columns events.yaml        "retention: 90d" in the contract

Whole hours (or days) leave the table as one record of the table's chain that names every offset, so "sluice audit" still accounts for
the whole log. "sluice undo" takes it back within the grace time; a later expire or compact then deletes the files.
Exit codes: 0 complete, 1 failed, 2 bad input, 3 an hour could not be taken out (the others are).`;

/** `sluice expire`: the retention of the warehouse. */
export function expireCommand(): Command {
  const command = new Command('expire')
    .description('Take hours that are past the retention out of a table.')
    .argument('<table>')
    .option(
      '--older-than <duration>',
      'hours that ended longer ago (default: retention of the contract)',
      parseDuration,
    )
    .option('--columns <file>', 'contract of the table, with "retention" (default: loader.columns of the settings)')
    .addOption(
      new Option('--grace <duration>', 'keep the files this long, for "sluice undo" and running readers')
        .argParser(parseDuration)
        .default(86_400_000, '1d'),
    )
    .option('--reason <text>', "why, for the table's chain (default: retention, and which hours)")
    .option('--scratch <dir>', 'local folder for columns that have to be read')
    .option('--dry-run', 'only say what would leave the table');
  return withTableOptions(command)
    .addHelpText('after', example)
    .action(async (table: string, flags: ExpireFlags) => {
      const { runExpire } = await import('../rewrites/run-expire.ts');
      process.exitCode = await runExpire(table, flags);
    });
}
