import { Command, Option } from 'commander';
import { parseBytes, parseDuration, parseList } from '../arguments.ts';
import type { CompactFlags } from '../rewrites/run-compact.ts';
import { withTableOptions } from '../rewrites/using-table.ts';

const example = `
Examples:
  $ sluice compact events --warehouse webhdfs://namenode:9870/warehouse --dry-run
  $ sluice compact events --warehouse file:///data/warehouse --hour 2026-11-21T07 --sort-by user_id

Rows and their content hash are the same before and after; every merge is one record of the table's chain, which
"sluice undo" can take back within the grace time. Exit codes: 0 complete, 1 a merge failed (the others are done), 2 bad input.`;

/** `sluice compact`: merges small files of hours that are over. */
export function compactCommand(): Command {
  const command = new Command('compact')
    .description('Merge small files of hours that are over, across partitions, into files of the target size.')
    .argument('[table]', 'left out: all tables')
    .option('--hour <hour>', 'only this hour of the table (2026-11-21T07), or a folder of it (dt=2026-11-21)')
    .addOption(
      new Option('--older-than <duration>', 'leave folders alone whose newest event is younger')
        .argParser(parseDuration)
        .default(7_200_000, '2h'),
    )
    .addOption(
      new Option('--target-size <size>', 'size of the new files').argParser(parseBytes).default(268_435_456, '256MB'),
    )
    .option('--sort-by <columns>', 'sort the rows of each new file', parseList)
    .option('--unique-by <columns>', 'of rows of a folder that agree in these columns leave only one', parseList)
    .addOption(
      new Option('--keep <which>', 'with --unique-by, by record timestamp').choices(['first', 'last']).default('first'),
    )
    .addOption(new Option('--codec <name>', 'compression').choices(['zstd', 'snappy', 'gzip', 'none']).default('zstd'))
    .addOption(
      new Option('--memory <size>', 'for merging and sorting')
        .argParser(parseBytes)
        .default(parseBytes('512MB'), '512MB'),
    )
    .addOption(
      new Option('--grace <duration>', 'keep replaced files this long, for "sluice undo" and running readers')
        .argParser(parseDuration)
        .default(86_400_000, '1d'),
    )
    .option('--scratch <dir>', 'local folder for copies of the files being merged')
    .option('--dry-run', 'only say what would be merged');
  return withTableOptions(command)
    .addHelpText('after', example)
    .action(async (table: string | undefined, flags: CompactFlags) => {
      const { runCompact } = await import('../rewrites/run-compact.ts');
      process.exitCode = await runCompact(table, flags);
    });
}
