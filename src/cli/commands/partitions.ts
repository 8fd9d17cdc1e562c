import { Command } from 'commander';
import { parseInteger } from '../arguments.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import type { ControlOptions } from '../operation/control-partitions.ts';

const example = `
Examples:
  $ sluice partitions status events --warehouse webhdfs://nn1:9870/warehouse
  $ sluice partitions pause events 3 --reason "upstream sends wrong prices" --warehouse webhdfs://nn1:9870/warehouse
  $ sluice partitions resume events 3 --reason "prices are right again" --warehouse webhdfs://nn1:9870/warehouse

A pause is written into the warehouse, so it outlives every process. The partition's owner, wherever it runs, commits what it
holds and lets the partition go within seconds; nothing is lost, and loading goes on at the checkpoint when it is resumed.`;

/** `sluice partitions`: one partition alone can be held back, by whoever says why. */
export function partitionsCommand(): Command {
  const partitions = new Command('partitions')
    .description('Pause and resume the loading of single partitions, and see who did so and why.')
    .addHelpText('after', example);
  partitions.addCommand(statusCommand());
  partitions.addCommand(
    controlCommand('pause', 'Commit what is open and load no more of a partition until it is resumed.'),
  );
  partitions.addCommand(controlCommand('resume', 'Go on loading a paused partition at its checkpoint.'));
  return partitions;
}

function statusCommand(): Command {
  const status = new Command('status')
    .description('Checkpoint, owner and pause of each partition, with all that was ever said about it.')
    .argument('<table>', 'name of the table')
    .argument('[partition]', 'only this partition', parseInteger(0));
  return withWarehouseOptions(status, { table: false }).action(
    async (table: string, partition: number | undefined, options: ControlOptions) => {
      const { showPartitions } = await import('../operation/control-partitions.ts');
      process.exitCode = await showPartitions(table, partition, options);
    },
  );
}

function controlCommand(action: 'pause' | 'resume', description: string): Command {
  const control = new Command(action)
    .description(description)
    .argument('<table>', 'name of the table')
    .argument('<partition>', 'number of the partition', parseInteger(0))
    .requiredOption('--reason <text>', 'why, for whoever reads it later');
  return withWarehouseOptions(control, { table: false }).action(
    async (table: string, partition: number, options: ControlOptions & { reason: string }) => {
      const { controlPartitions } = await import('../operation/control-partitions.ts');
      process.exitCode = await controlPartitions(action, table, partition, options);
    },
  );
}
