import { Command } from 'commander';
import { parseInteger } from '../arguments.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import type { WhyOptions } from '../operation/show-why.ts';

const example = `
Examples:
  $ sluice why events --warehouse webhdfs://nn1:9870/warehouse
  $ sluice why events --partition 3 --limit 50 --http http://127.0.0.1:8080 --warehouse webhdfs://nn1:9870/warehouse`;

/** `sluice why TABLE`: each roll's cause and each wait, in words. */
export function whyCommand(): Command {
  const why = new Command('why')
    .description('Say why each file ended where it did, and what the table waits for.')
    .argument('<table>', 'name of the table')
    .option('--partition <n>', 'only this partition', parseInteger(0))
    .option('--limit <n>', 'records of each partition, the newest last', parseInteger(1, 100_000), 10)
    .option('--http <url>', 'the address of a load that answers --http, to say what it does at this moment');
  return withWarehouseOptions(why, { table: false })
    .addHelpText('after', example)
    .action(async (table: string, options: WhyOptions) => {
      const { showWhy } = await import('../operation/show-why.ts');
      process.exitCode = await showWhy(table, options);
    });
}
