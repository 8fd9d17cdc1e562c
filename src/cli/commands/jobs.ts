import { Command, Option } from 'commander';
import { parseBrokers, parseBytes, parseDuration, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import type { JobsOptions } from '../jobs/open-jobs.ts';
import type { RunJobOptions } from '../jobs/run-job.ts';
import type { LoadWindowFlags } from '../jobs/run-load-window.ts';
import type { WorkOptions } from '../jobs/work-on-jobs.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import { addFormatOptions } from '../load/format-options.ts';

export function jobsCommand(): Command {
  const jobs = new Command('jobs')
    .enablePositionalOptions()
    .description('Run jobs, by hand or by schedule: on BullMQ with --redis, in this process without.');
  for (const command of [runCommand(), workCommand(), listCommand(), ...pauseCommands(), logsCommand()]) {
    jobs.addCommand(command);
  }
  return jobs;
}

/** What names the place of schedules and runs. */
function withStore(command: Command): Command {
  return command
    .option(
      '--redis <url>',
      'the Redis that jobs are kept in, e.g. redis://127.0.0.1:6379 (default: jobs.redis of the settings)',
    )
    .option(
      '--state <dir>',
      'without a Redis: the local folder that jobs are kept in (default: jobs.state of the settings)',
    )
    .option('--config <file>', 'settings file with the schedules (default: sluice.yaml, if there is one)');
}

function runCommand(): Command {
  // What stands behind "load-window" is its own.
  const run = withStore(new Command('run'))
    .enablePositionalOptions()
    .description('Run one job, or the job of a schedule, to its end and print what it did.')
    .argument(
      '<name>',
      'a schedule, or load-window, catch-up, continuous-load, close-hours, compact-files, expire-warehouse, audit, sync-catalog, daily-report',
    )
    .option(
      '--warehouse <url>',
      'file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: loader.warehouse)',
    )
    .option('--brokers <list>', 'brokers of the cluster (default: jobs.brokers)', parseBrokers)
    .option('--topics <list>', 'topics to load (default: loader.topics)', parseList)
    .option('--tables <list>', 'tables to work on (default: all)', parseList)
    .option('--input <json>', "further keys of the job's input, as a JSON object")
    .option('--job-id <id>', 'the same id again joins the job that is there')
    .option('--workers <n>', 'children at the same time; 0 with --redis: only submit and wait', parseInteger(0, 256), 2)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice jobs run nightly\n  $ sluice jobs run compact-files --warehouse webhdfs://nn1:9870/warehouse --tables events\n\nExit codes: 0 complete, 1 failed, 2 bad input, 3 partial.',
    )
    .action(async (name: string, options: RunJobOptions) => {
      const { runJob } = await import('../jobs/run-job.ts');
      process.exitCode = await runJob(name, options);
    });
  return run.addCommand(loadWindowCommand());
}

/** What it is not told here, it takes from the settings file, as all jobs do. */
function loadWindowCommand(): Command {
  return withStore(addFormatOptions(new Command('load-window')))
    .description('A bounded load: every topic up to the end offsets taken when the job begins, one child a partition.')
    .option('--brokers <list>', 'brokers of the cluster, HOST:PORT[,HOST:PORT] (default: jobs.brokers)', parseBrokers)
    .addOption(commandConfigOption())
    .option('--topics <list>', 'topics to load, T[,U] (default: loader.topics)', parseList)
    .option(
      '--warehouse <url>',
      'file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: loader.warehouse)',
    )
    .option('--user <name>', 'user name towards HDFS (default: loader.user)')
    .option('--input <json>', "further keys of the job's input, as a JSON object")
    .option('--job-id <id>', 'the same id again joins the job that is there')
    .option('--workers <n>', 'children at the same time; 0 with --redis: only submit and wait', parseInteger(0, 256), 2)
    .option('--time-field <name>', "field with the event time (default: the contract's, loader.timeField)")
    .option('--columns <file>', 'contract of the tables, which every worker can read (default: loader.columns)')
    .option('--roll-bytes <size>', 'encoded bytes at which a file ends', parseBytes)
    .option('--max-dead-letters <n>', 'more dead letters than this: exit code 3 (default: 0)', parseInteger(0))
    .addOption(new Option('--engine <name>', 'Parquet engine').choices(['duckdb', 'parquetjs']))
    .addOption(new Option('--codec <name>', 'Parquet codec').choices(['zstd', 'snappy', 'gzip', 'none']))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice jobs run load-window\n  $ sluice jobs run load-window --brokers 127.0.0.1:9092 --topics events \\\n      --warehouse webhdfs://127.0.0.1:9870/warehouse --redis redis://127.0.0.1:6379\n\nWhat is not said comes from the settings file; "sluice config show jobs run load-window" shows what would be taken from where.',
    )
    .action(async (_options: LoadWindowFlags, command: Command) => {
      takeFromParent(command);
      const { runLoadWindow } = await import('../jobs/run-load-window.ts');
      process.exitCode = await runLoadWindow(command.opts<LoadWindowFlags>());
    });
}

/** Options may stand before the name of the job as well as behind it. */
function takeFromParent(command: Command): void {
  for (const option of command.parent?.options ?? []) {
    const key = option.attributeName();
    if (command.parent?.getOptionValueSource(key) !== 'cli' || command.getOptionValueSource(key) === 'cli') continue;
    command.setOptionValueWithSource(key, command.parent.getOptionValue(key), 'cli');
  }
}

function workCommand(): Command {
  return withStore(new Command('work'))
    .description('Start what is due by the schedules, and work on jobs that other processes submit, until SIGTERM.')
    .option('--workers <n>', 'children at the same time', parseInteger(1, 256), 2)
    .option('--lock <duration>', 'a worker silent for so long loses its work to another (default: 30s)', parseDuration)
    .option('--http <host:port>', 'show schedules and runs there: a page at /jobs, JSON at /v1/jobs', parseHostPort)
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice jobs work --redis redis://127.0.0.1:6379 --workers 4 --http 127.0.0.1:8081',
    )
    .action(async (options: WorkOptions) => {
      const { workOnJobs } = await import('../jobs/work-on-jobs.ts');
      process.exitCode = await workOnJobs(options);
    });
}

function listCommand(): Command {
  return withStore(new Command('list'))
    .description('Show the schedules, when they are due, and the newest runs.')
    .option('--limit <n>', 'runs', parseInteger(1, 1000), 20)
    .option('--json', 'print JSON')
    .action(async (options: JobsOptions & { limit: number }) => {
      const { listJobs } = await import('../jobs/show-jobs.ts');
      process.exitCode = await listJobs(options);
    });
}

function pauseCommands(): Command[] {
  const pause = withStore(new Command('pause'))
    .description('Begin no more runs of a schedule; one that has begun goes on.')
    .argument('<schedule>', 'name in the settings file')
    .requiredOption('--reason <text>', 'why, for whoever reads it later')
    .action(async (name: string, options: JobsOptions & { reason: string }) => {
      const { pauseJob } = await import('../jobs/show-jobs.ts');
      process.exitCode = await pauseJob(name, options);
    });
  const resume = withStore(new Command('resume'))
    .description('Let a schedule go on; what it missed is made up for as its "missed" says.')
    .argument('<schedule>', 'name in the settings file')
    .action(async (name: string, options: JobsOptions) => {
      const { pauseJob } = await import('../jobs/show-jobs.ts');
      process.exitCode = await pauseJob(name, { ...options, reason: null });
    });
  return [pause, resume];
}

function logsCommand(): Command {
  return withStore(new Command('logs'))
    .description('Print the log of a run, one line of JSON an event.')
    .argument('<run>', 'id of the run, as "sluice jobs list" shows it')
    .option('--json', 'print one JSON list')
    .action(async (runId: string, options: JobsOptions) => {
      const { showLogs } = await import('../jobs/show-jobs.ts');
      process.exitCode = await showLogs(runId, options);
    });
}
