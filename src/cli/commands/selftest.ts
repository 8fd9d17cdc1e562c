import { Command } from 'commander';
import type { SelftestCommandOptions } from '../selftest/run-selftest.ts';

const text = `
Example:
  $ sluice selftest --warehouse webhdfs://nn1:9870,nn2:9870/warehouse --hdfs-config hdfs.yaml

Exit codes: 0 fit for loads (warnings included), 1 not fit or not reachable, 2 bad input.`;

/** `sluice selftest`: does this file system keep what exactly-once rests on? */
export function selftestCommand(): Command {
  return new Command('selftest')
    .description('Put a warehouse to the test before the first load: renames, uploads, rights, clock, login, speed.')
    .option('--warehouse <url>', 'where the tables live (default: loader.warehouse of the settings)')
    .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)')
    .option('--json', 'print the report as one JSON object')
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)')
    .addHelpText('after', text)
    .action(async (options: SelftestCommandOptions) => {
      const { runSelftestCommand } = await import('../selftest/run-selftest.ts');
      process.exitCode = await runSelftestCommand(options);
    });
}
