import { Command } from 'commander';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import { type AskedPlace, parsePlace } from '../operation/asked-place.ts';
import type { WhereOptions } from '../operation/show-where.ts';

const example = `
Examples:
  $ sluice where events/3@1048576 --warehouse webhdfs://nn1:9870/warehouse
  $ sluice where events/3@1048576 --warehouse webhdfs://nn1:9870/warehouse --brokers kafka1:9092 --http http://127.0.0.1:8080

Exit codes: 0 the offset is explained, 4 the ledger says that it landed and no file has it.`;

/** `sluice where TOPIC/P@OFFSET`: one record, wherever it is. */
export function whereCommand(): Command {
  const where = new Command('where')
    .description('Say where one record is: in the log, read, in which file and row, a dead letter, filtered, in a gap.')
    .argument('<topic/partition@offset>', 'e.g. events/3@1048576', parsePlace)
    .option('--http <url>', 'the address of a load that answers --http, to see what it holds in memory');
  return withWarehouseOptions(where, { brokers: 'look into the log as well, HOST:PORT[,HOST:PORT]' })
    .addHelpText('after', example)
    .action(async (place: AskedPlace, options: WhereOptions) => {
      const { showWhere } = await import('../operation/show-where.ts');
      process.exitCode = await showWhere(place, options);
    });
}
