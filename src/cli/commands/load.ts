import { Command, InvalidArgumentError, Option } from 'commander';
import { type LoadOptions, type LoadProgress, type LoadReport, runLoad } from '../../loader/index.ts';
import { createLogger, type LogLevel } from '../../shared/index.ts';
import { readContractFile } from '../../warehouse/index.ts';
import { parseBrokers, parseBytes, parseDuration, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { addFormatOptions, type FormatFlags, formatOf } from '../load/format-options.ts';
import { addLayoutOptions, type LayoutFlags, layoutOptionsOf } from '../load/layout-options.ts';
import { dryRun } from '../operation/dry-run.ts';
import { startOperation } from '../operation/start-operation.ts';
import { exitCodes, formatBytes, formatCount, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { LoadProgressView } from './load-progress-view.ts';

interface LoadFlags extends LayoutFlags, FormatFlags {
  brokers: string[];
  commandConfig?: string;
  topics: string[];
  warehouse: string;
  user?: string;
  group?: string;
  instanceId?: string;
  workers: number;
  untilEnd?: boolean;
  timeField?: string;
  columns?: string;
  engine: 'duckdb' | 'parquetjs';
  codec?: 'zstd' | 'snappy' | 'gzip' | 'none';
  rowGroupRows?: number;
  memory: number;
  maxDeadLetters: number;
  skipBudget: number;
  onMissingOffsets: 'stop' | 'gap';
  onGap?: 'stop' | 'record';
  takeOver?: string;
  acceptRecreatedTopic?: boolean;
  sessionTimeout: number;
  scratch?: string;
  logLevel: LogLevel;
  http?: { host: string; port: number };
  stall?: number;
  dryRun?: boolean;
  json?: boolean;
}

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
    .requiredOption('--warehouse <url>', 'file:///DIR or webhdfs://NN1:PORT[,NN2:PORT]/PATH')
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
      process.exitCode = await load(flags);
    });
}

async function load(flags: LoadFlags): Promise<number> {
  const { signal } = stopSignal();
  const view = new LoadProgressView(flags.untilEnd ?? false);
  const contract = flags.columns === undefined ? null : await readContractFile(flags.columns);
  const all = contract?.all ?? null;
  const format = await formatOf(flags, all ? { section: all.format, path: all.source } : undefined);
  const options = withContract({ ...optionsOf(flags), contract, format, signal });
  if (flags.dryRun) return await dryRun(options, flags, signal);
  const operation = await startOperation(
    options,
    { http: flags.http, stallMs: flags.stall },
    flags.json ? process.stderr : process.stdout,
  );
  let report: LoadReport;
  try {
    const onProgress = (progress: LoadProgress): void => {
      view.show(progress);
      operation.apply(progress);
    };
    report = await runLoad({ ...options, onProgress });
  } finally {
    view.stop();
    await operation.close();
  }
  if (flags.json) printJson(report);
  else process.stdout.write(`${summaryLine(report)}\n`);
  for (const error of report.errors) process.stderr.write(`sluice: ${error}\n`);
  if (report.outcome === 'failed') return exitCodes.failed;
  return report.outcome === 'partial' ? exitCodes.partial : exitCodes.complete;
}

function optionsOf(flags: LoadFlags): LoadOptions {
  const { brokers, topics, user, group, instanceId, workers, timeField, engine, codec } = flags;
  const { maxDeadLetters, skipBudget, logLevel } = flags;
  return {
    brokers,
    clientConfig: clientConfigOf(flags),
    topics,
    warehouseUrl: flags.warehouse,
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
    ...(instanceId === undefined ? {} : { instanceId }),
    workers,
    untilEnd: flags.untilEnd ?? false,
    timeField: timeField ?? null,
    ...layoutOptionsOf(flags),
    engine,
    ...(codec === undefined ? {} : { codec }),
    ...(flags.rowGroupRows === undefined ? {} : { rowGroupRows: flags.rowGroupRows }),
    memoryBytes: flags.memory,
    maxDeadLetters,
    skipBudget,
    onGap: flags.onGap ?? (flags.onMissingOffsets === 'gap' ? 'record' : 'stop'),
    takeOver: flags.takeOver ?? null,
    acceptRecreatedTopic: flags.acceptRecreatedTopic ?? false,
    sessionTimeoutMs: flags.sessionTimeout,
    ...(flags.scratch === undefined ? {} : { scratchDirectory: flags.scratch }),
    logLevel,
    logger: createLogger(logLevel, { part: 'load' }),
  };
}

/** What the command line says of the event time and the folders counts more than the contract. */
function withContract(options: LoadOptions): LoadOptions {
  const { timeField, partitionBy } = options.contract?.all ?? {};
  const layout = partitionBy && !options.layout?.partitionBy ? { ...options.layout, partitionBy } : options.layout;
  return { ...options, timeField: options.timeField ?? timeField ?? null, ...(layout ? { layout } : {}) };
}

/** rows, dead letters, files, bytes, seconds, rows/s on one line. */
function summaryLine(report: LoadReport): string {
  const { rowCount, deadLetterCount, fileCount, fileBytes, elapsedMs, rowsPerSecond, outcome } = report;
  return (
    `${outcome}: ${formatCount(rowCount)} rows, ${formatCount(deadLetterCount)} dead letters, ` +
    `${formatCount(fileCount)} files, ${formatBytes(fileBytes)}, ${(elapsedMs / 1000).toFixed(1)} s, ` +
    `${formatCount(rowsPerSecond)} rows/s`
  );
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError(`expected a share from 0 to 1, got "${text}"`);
}
