import { Command } from 'commander';
import { parseInteger } from '../arguments.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';
import type { GroupsFlags, ResetFlags } from '../kafka/groups.ts';
import { offsetPositionHelp, parseOffsetPosition } from '../kafka/offset-position.ts';

/** `sluice groups`: consumer groups and the offsets they committed. */
export function groupsCommand(): Command {
  const command = new Command('groups').description('Consumer groups: list, describe, delete, reset offsets.');

  command
    .command('list')
    .description('One line per group.')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--json', 'print an array of {groupId, protocolType, state}')
    .action(async (flags: GroupsFlags) => {
      const { listGroups } = await import('../kafka/groups.ts');
      process.exitCode = await listGroups(flags);
    });

  command
    .command('describe')
    .description('Committed offset, end of the log, lag and owner per partition.')
    .argument('<group>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option(
      '--json',
      'print {groupId, state, assignor, members, partitions: [{topic, partition, committed, end, lag, member}]}',
    )
    .action(async (group: string, flags: GroupsFlags) => {
      const { describeGroup } = await import('../kafka/groups.ts');
      process.exitCode = await describeGroup(group, flags);
    });

  command
    .command('delete')
    .description('Delete a group with its committed offsets. It must not have members.')
    .argument('<group>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .action(async (group: string, flags: GroupsFlags) => {
      const { deleteGroup } = await import('../kafka/groups.ts');
      process.exitCode = await deleteGroup(group, flags);
    });

  command
    .command('reset-offsets')
    .description('Commit other offsets for a group without members: where it begins when it comes back.')
    .argument('<group>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .requiredOption('--topic <topic>', 'whose partitions')
    .option('--partition <n>', 'only this partition', parseInteger(0))
    .requiredOption('--to <position>', offsetPositionHelp, parseOffsetPosition)
    .option('--force', 'also where the group is what keeps records past retention (topic setting sluice.pin.group)')
    .option('--dry-run', 'show the offsets, commit nothing')
    .option('--json', 'print an array of {topic, partition, before, after}')
    .addHelpText('after', '\nExample:\n  $ sluice groups reset-offsets dashboards --topic events --to 2h')
    .action(async (group: string, flags: ResetFlags) => {
      const { resetOffsets } = await import('../kafka/groups.ts');
      process.exitCode = await resetOffsets(group, flags);
    });

  return command;
}
