import { Command } from 'commander';
import type { ForeignLoader } from '../../imports/index.ts';
import type { ImportFlags } from '../import/run-import.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';

const sources: Record<ForeignLoader, { description: string; from: string }> = {
  'kafka-connect-hdfs': {
    description: "Confluent's HDFS sink: by the names of its files, TOPIC+PARTITION+FIRST+LAST.EXT.",
    from: "its topics folder (topics.dir), or the topic's own",
  },
  camus: {
    description: 'Camus: by the offsets files of its last execution.',
    from: 'its history (etl.execution.history.path), or one execution',
  },
  gobblin: {
    description: 'Apache Gobblin: by the job states of its Kafka source.',
    from: "its state store (state.store.dir), or one job's folder",
  },
};

const help = `
Stop the other loader for good first: what it loads afterwards would be loaded twice.

Example:
  $ sluice import kafka-connect-hdfs --from webhdfs://nn1:9870/topics --table events \\
      --warehouse webhdfs://nn1:9870/warehouse --brokers kafka1:9092 --dry-run

Exit codes: 0 every partition begins where the other loader stopped, 2 bad input (nothing changed), 4 there are holes or
obstacles (nothing changed).`;

/** `sluice import`: goes on where another loader stopped. */
export function importCommand(): Command {
  const command = new Command('import').description(
    'Go on where another loader stopped: read its positions, and begin the ledger of a table there.',
  );
  for (const [loader, { description, from }] of Object.entries(sources) as [
    ForeignLoader,
    (typeof sources)['camus'],
  ][]) {
    command
      .command(loader)
      .description(description)
      .requiredOption('--from <url>', `${from}: file:///DIR or webhdfs://NN1:PORT[,NN2:PORT]/PATH`)
      .requiredOption('--table <name>', 'the topic, and the table of its name')
      .requiredOption(
        '--warehouse <url>',
        'where our table lives: file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH',
      )
      .addOption(brokersOption())
      .addOption(commandConfigOption())
      .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)')
      .option('--accept-holes', 'go on although offsets before the position are in none of its files')
      .option('--dry-run', 'show the positions, change nothing')
      .option('--json', 'print JSON')
      .addHelpText('after', help)
      .action(async (flags: ImportFlags) => {
        const { runImport } = await import('../import/run-import.ts');
        process.exitCode = await runImport(loader, flags);
      });
  }
  return command;
}
