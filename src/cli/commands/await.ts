import { Command } from 'commander';
import { parseDuration } from '../arguments.ts';
import type { AwaitFlags } from '../hours/run-await.ts';

/** `sluice await`: for schedulers, and for reports that must not be made from half an hour. */
export function awaitCommand(): Command {
  return new Command('await')
    .description(
      'Wait until an hour of a table is complete: every record of it has landed, and its manifest says which.',
    )
    .argument('<table>')
    .argument('<hour>', 'hour on the wall clock of the table, like 2026-11-20T23; 2026-11-20 for tables of days')
    .option('--timeout <duration>', 'give up after this long; 0s looks once', parseDuration, 7_200_000)
    .option('--poll <duration>', 'look this often', parseDuration, 5000)
    .option(
      '--warehouse <url>',
      'where the table lives: file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: loader.warehouse of the settings)',
    )
    .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)')
    .option('--json', 'print JSON')
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)')
    .addHelpText(
      'after',
      `
Example:
  $ sluice await events 2026-11-20T23 --timeout 2h --warehouse webhdfs://nn1:9870/warehouse && make-report

Exit codes: 0 complete or amended, 1 failed, 2 bad input, 5 not complete in time (the reason is on stderr).`,
    )
    .action(async (table: string, hour: string, flags: AwaitFlags) => {
      const { runAwait } = await import('../hours/run-await.ts');
      process.exitCode = await runAwait(table, hour, flags);
    });
}
