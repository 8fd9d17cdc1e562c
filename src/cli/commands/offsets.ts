import { Command } from 'commander';
import { parseBrokers, parseInteger } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import type { MoveOptions } from '../offsets/move-checkpoint.ts';
import type { RebuildFlags } from '../offsets/rebuild-offsets.ts';
import type { RepairOptions } from '../offsets/repair-offsets.ts';
import type { HistoryOptions } from '../offsets/show-history.ts';
import type { ShowOptions } from '../offsets/show-offsets.ts';
import { type WarehouseOptions, withWarehouseOptions } from '../offsets/warehouse-options.ts';
import { addContractOptions } from '../rewrites/contract-options.ts';
import { withTableOptions } from '../rewrites/using-table.ts';
import { parseOffset } from './dead.ts';

/** `sluice offsets`: what the ledger says about how far every partition has been loaded. */
export function offsetsCommand(): Command {
  const command = new Command('offsets').description(
    'Checkpoints of the loader: how far each partition is loaded, by whom, and what to do when the ledger is damaged.',
  );

  withWarehouseOptions(command.command('list'), { brokers: 'add log start, log end and lag from this cluster' })
    .description('One line per table and partition: checkpoint, log, lag, owner, last commit and why it rolled.')
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice offsets list --warehouse file:///data/warehouse --brokers 127.0.0.1:9092',
    )
    .action(async (options: WarehouseOptions) => {
      const { listOffsets } = await import('../offsets/list-offsets.ts');
      process.exitCode = await listOffsets(options);
    });

  withWarehouseOptions(command.command('show'))
    .description('Everything the ledger knows of a topic.')
    .argument('<topic>')
    .option('--partition <n>', 'only this partition', parseInteger(0))
    .action(async (topic: string, options: ShowOptions) => {
      const { showOffsets } = await import('../offsets/show-offsets.ts');
      process.exitCode = await showOffsets(topic, options);
    });

  withWarehouseOptions(command.command('history'))
    .description('The records of a topic in the ledger: claims, commits, releases, gaps.')
    .argument('<topic>')
    .option('--partition <n>', 'only this partition', parseInteger(0))
    .option('--limit <n>', 'records per partition, the newest', parseInteger(1), 50)
    .action(async (topic: string, options: HistoryOptions) => {
      const { showHistory } = await import('../offsets/show-history.ts');
      process.exitCode = await showHistory(topic, options);
    });

  withWarehouseOptions(command.command('repair'), {
    brokers: 'make sure that this cluster still has what is loaded again',
  })
    .description('Explain a damaged ledger; make a last record void that cannot be read, when no row is lost by it.')
    .option('--yes', 'do it without asking')
    .option('--reason <text>', 'why, for the ledger', 'sluice offsets repair')
    .action(async (options: RepairOptions) => {
      const { repairOffsets } = await import('../offsets/repair-offsets.ts');
      process.exitCode = await repairOffsets(options);
    });

  const rebuild = command
    .command('rebuild')
    .description(
      'Write a lost ledger anew from what the files say; what no file explains is read from the log again, or shown.',
    )
    .argument('[table]', 'left out: all tables')
    .option('--brokers <list>', 'read again from this cluster what no file explains', parseBrokers)
    .addOption(commandConfigOption())
    .option('--dry-run', 'only say what would be written')
    .option('--reason <text>', 'why, for the ledger', 'sluice offsets rebuild');
  withTableOptions(addContractOptions(rebuild))
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice offsets rebuild events --warehouse file:///data/warehouse --brokers 127.0.0.1:9092 --time-field ts\n\nExit code 4: offsets are left that nothing explains; the ledger has them as gaps.',
    )
    .action(async (table: string | undefined, options: RebuildFlags) => {
      const { rebuildOffsets } = await import('../offsets/rebuild-offsets.ts');
      process.exitCode = await rebuildOffsets(table, options);
    });

  withPlace(command.command('rewind'))
    .description(
      'Take the checkpoint of a partition back to where a commit began; what was loaded from there on is retracted.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice offsets rewind events --partition 3 --to 120000 --reason "wrong contract" --warehouse file:///data/warehouse',
    )
    .action(async (table: string, options: MoveOptions) => {
      const { rewindOffsets } = await import('../offsets/move-checkpoint.ts');
      process.exitCode = await rewindOffsets(table, options);
    });

  withPlace(command.command('skip'))
    .description('Declare that the offsets from the checkpoint up to another one are not to be loaded: a gap.')
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice offsets skip events --partition 3 --to 130000 --reason "test data" --warehouse file:///data/warehouse',
    )
    .action(async (table: string, options: MoveOptions) => {
      const { skipOffsetsTo } = await import('../offsets/move-checkpoint.ts');
      process.exitCode = await skipOffsetsTo(table, options);
    });

  return command;
}

/** The commands that move a checkpoint: which one, where to, and why. */
function withPlace(command: Command): Command {
  return withTableOptions(command)
    .argument('<table>')
    .requiredOption('--partition <n>', 'partition of the topic', parseInteger(0))
    .requiredOption('--to <offset>', 'the checkpoint from here on', parseOffset)
    .requiredOption('--reason <text>', 'why, for the ledger');
}
