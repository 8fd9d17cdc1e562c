import { Command, InvalidArgumentError, Option } from 'commander';
import { parseBrokers, parseBytes, parseDuration, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import { addFormatOptions } from '../load/format-options.ts';
import { addLayoutOptions } from '../load/layout-options.ts';
import type { LoadFlags } from '../load/run-load-command.ts';

const example = `
Examples:
  $ sluice load --brokers 127.0.0.1:9092 --topics events --warehouse file:///tmp/warehouse --until-end
  $ sluice load --brokers kafka1:9092,kafka2:9092 --topics logins,purchases \\
      --warehouse webhdfs://nn1:9870,nn2:9870/warehouse --user etl --workers 4 --time-field ts
  $ sluice load --brokers kafka1:9092 --topics orders --warehouse file:///tmp/warehouse \\
      --format avro --registry http://127.0.0.1:8081
  $ sluice load --brokers kafka1:9092 --topics buys --warehouse file:///tmp/warehouse --columns buys.yaml

Exit codes: 0 complete, 1 failed, 2 bad input (nothing changed), 3 more dead letters than --max-dead-letters.`;

/** `sluice load`: topics of a Kafka cluster into Parquet tables, exactly once. */
export function loadCommand(): Command {
  const command = new Command('load')
    .description('Load topics into Parquet tables on HDFS or a local disk, exactly once.')
    .requiredOption('--brokers <list>', 'brokers to begin with, HOST:PORT[,HOST:PORT]', parseBrokers)
    .addOption(commandConfigOption())
    .requiredOption('--topics <list>', 'topics, each into the table of its name', parseList)
    .requiredOption('--warehouse <url>', 'file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH')
    .option('--user <name>', 'user name towards HDFS')
    .option('--group <name>', 'consumer group that shares out the partitions (default: sluice-loader)')
    .option('--instance-id <id>', 'keep the partitions over a restart (static membership); one worker only')
    .option('--workers <n>', 'workers, each a thread and a member of the group', parseInteger(1, 256), 1)
    .option('--until-end', 'stop at the end that the partitions have now, instead of going on')
    .option('--time-field <field>', "field with the event time (default: the record's timestamp)")
    .option(
      '--columns <file>',
      'contract of the tables: a YAML file with columns, filter and more (default: inferred)',
    );
  return addLayoutOptions(addFormatOptions(command))
    .addOption(new Option('--engine <name>', 'writer of Parquet').choices(['duckdb', 'parquetjs']).default('duckdb'))
    .addOption(
      new Option('--codec <name>', 'compression (default: zstd; snappy with the engine parquetjs)').choices([
        'zstd',
        'snappy',
        'gzip',
        'none',
      ]),
    )
    .option('--row-group-rows <n>', 'rows of a row group (default: 122880)', parseInteger(1, 10_000_000))
    .addOption(
      new Option('--memory <size>', 'memory for records being loaded, all workers together')
        .argParser(parseBytes)
        .default(parseBytes('1GB'), '1GB'),
    )
    .option('--max-dead-letters <n>', 'more than this many: exit code 3', parseInteger(0), 0)
    .option('--skip-budget <share>', 'stop a partition when more than this share of a roll is refused', parseShare, 1)
    .addOption(
      new Option('--on-missing-offsets <what>', 'when the log has expired past the checkpoint: stop, or record the gap')
        .choices(['stop', 'gap'])
        .default('stop'),
    )
    .addOption(new Option('--on-gap <what>', 'as --on-missing-offsets').choices(['stop', 'record']).hideHelp())
    .option('--take-over <reason>', 'claim partitions that another group or job holds')
    .option('--accept-recreated-topic', 'go on in the same table although the topic was created anew')
    .addOption(
      new Option('--session-timeout <duration>', 'how long a silent worker keeps its partitions')
        .argParser(parseDuration)
        .default(15_000, '15s'),
    )
    .option('--scratch <dir>', 'local folder for files being written')
    .addOption(
      new Option('--log-level <level>', 'on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .option('--http <host:port>', 'answer /health, /metrics and /v1/partitions there (port 0: any)', parseHostPort)
    .option(
      '--stall <duration>',
      'health fails when checkpoints stand still so long (default: 2 x roll age + 60s)',
      parseDuration,
    )
    .option('--dry-run', 'say what would be loaded where, and change nothing')
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', example)
    .action(async (flags: LoadFlags) => {
      const { runLoadCommand } = await import('../load/run-load-command.ts');
      process.exitCode = await runLoadCommand(flags);
    });
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError(`expected a share from 0 to 1, got "${text}"`);
}
