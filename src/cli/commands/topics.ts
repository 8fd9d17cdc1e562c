import { Command, InvalidArgumentError } from 'commander';
import { parseInteger } from '../arguments.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';
import type { CreateTopicFlags, TopicsFlags } from '../kafka/topics.ts';

/** `sluice topics`: list, create, delete, describe. */
export function topicsCommand(): Command {
  const command = new Command('topics').description('Topics of a cluster: list, create, delete, describe.');

  command
    .command('list')
    .description('One line per topic: partitions, records, topic id.')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--internal', 'show internal topics too')
    .option('--json', 'print an array of {topic, topicId, isInternal, partitions, records}')
    .action(async (flags: TopicsFlags) => {
      const { listTopics } = await import('../kafka/topics.ts');
      process.exitCode = await listTopics(flags);
    });

  command
    .command('create')
    .description('Create a topic.')
    .argument('<topic>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--partitions <n>', "number of partitions (default: the broker's)", parseInteger(1, 100_000))
    .option('--replication-factor <n>', "copies of each partition (default: the broker's)", parseInteger(1, 32_767))
    .option('--config <name=value>', 'setting of the topic, e.g. retention.ms=3600000; repeatable', parseConfig, {})
    .option('--if-not-exists', 'do nothing when there is one already')
    .addHelpText('after', '\nExample:\n  $ sluice topics create events --partitions 8 --config retention.ms=86400000')
    .action(async (topic: string, flags: CreateTopicFlags) => {
      const { createTopic } = await import('../kafka/topics.ts');
      process.exitCode = await createTopic(topic, flags);
    });

  command
    .command('delete')
    .description('Delete topics and all their records.')
    .argument('<topics...>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .action(async (topics: string[], flags: TopicsFlags) => {
      const { deleteTopics } = await import('../kafka/topics.ts');
      process.exitCode = await deleteTopics(topics, flags);
    });

  command
    .command('describe')
    .description('Partitions of a topic with leader and offsets, and the settings that differ from the default.')
    .argument('<topic>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option(
      '--json',
      'print {topic, topicId, partitions: [{partition, leader, leaderEpoch, start, end, records}], configs}',
    )
    .action(async (topic: string, flags: TopicsFlags) => {
      const { describeTopic } = await import('../kafka/topics.ts');
      process.exitCode = await describeTopic(topic, flags);
    });

  return command;
}

function parseConfig(text: string, previous: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([\w.-]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError(`expected name=value, got "${text}"`);
  return { ...previous, [name]: value! };
}
