import { Command, Option } from 'commander';
import { parseBrokers, parseBytes, parseInteger, parseList } from '../arguments.ts';
import type { JobsRunOptions } from '../jobs/run-load-window.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';

export function jobsCommand(): Command {
  const jobs = new Command('jobs').description('Run jobs: on BullMQ with --redis, in this process without.');
  jobs.addCommand(runCommand()).addCommand(workCommand());
  return jobs;
}

function runCommand(): Command {
  const run = new Command('run').description('Run one job to its end and print what it did.');
  const loadWindow = new Command('load-window')
    .description('A bounded load: every topic up to the end offsets taken when the job begins, one child a partition.')
    .requiredOption('--brokers <list>', 'brokers of the cluster, HOST:PORT[,HOST:PORT]', parseBrokers)
    .addOption(commandConfigOption())
    .requiredOption('--topics <list>', 'topics to load, T[,U]', parseList)
    .requiredOption('--warehouse <url>', 'file:///DIR or webhdfs://NN1:PORT[,NN2:PORT]/PATH')
    .option('--user <name>', 'user name towards HDFS')
    .option('--redis <url>', 'run on BullMQ with this Redis, e.g. redis://127.0.0.1:6379')
    .option('--job-id <id>', 'the same id again joins the job that is there')
    .option('--workers <n>', 'children at the same time; 0 with --redis: only submit and wait', parseInteger(0, 256), 2)
    .option('--time-field <name>', "field with the event time (left out: the record's timestamp)")
    .option('--columns <file>', 'a file that declares the columns (left out: inferred)')
    .option('--roll-bytes <size>', 'encoded bytes at which a file ends', parseBytes)
    .option('--max-dead-letters <n>', 'more dead letters than this: exit code 3', parseInteger(0), 0)
    .addOption(new Option('--engine <name>', 'Parquet engine').choices(['duckdb', 'parquetjs']))
    .addOption(new Option('--codec <name>', 'Parquet codec').choices(['zstd', 'snappy', 'gzip', 'none']))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice jobs run load-window --brokers 127.0.0.1:9092 --topics events \\\n      --warehouse webhdfs://127.0.0.1:9870/warehouse --redis redis://127.0.0.1:6379',
    )
    .action(async (options: JobsRunOptions) => {
      const { runLoadWindow } = await import('../jobs/run-load-window.ts');
      process.exitCode = await runLoadWindow(options);
    });
  return run.addCommand(loadWindow);
}

function workCommand(): Command {
  return new Command('work')
    .description('Work on the children of jobs that other processes submit, until SIGTERM.')
    .requiredOption('--redis <url>', 'the Redis of the queue, e.g. redis://127.0.0.1:6379')
    .option('--workers <n>', 'children at the same time', parseInteger(1, 256), 2)
    .addHelpText('after', '\nExample:\n  $ sluice jobs work --redis redis://127.0.0.1:6379 --workers 4')
    .action(async (options: { redis: string; workers: number }) => {
      const { workOnJobs } = await import('../jobs/run-load-window.ts');
      process.exitCode = await workOnJobs(options);
    });
}
