import { Command, InvalidArgumentError } from 'commander';
import { parseBrokers, parseInteger } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import { addContractOptions } from '../rewrites/contract-options.ts';
import type { ReloadFlags } from '../rewrites/run-reload.ts';
import { withTableOptions } from '../rewrites/using-table.ts';

const reloadExample = `
Examples:
  $ sluice reload events --partition 3 --from 120000 --to 180000 --brokers 127.0.0.1:9092 --warehouse file:///data/warehouse
  $ sluice reload events --partition 3 --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z \\
      --brokers kafka1:9092 --warehouse webhdfs://namenode:9870/warehouse

Records become rows by the contract, the format and the time field of the table's newest load; an option that differs is said. The live
load goes on meanwhile. "sluice undo" takes it back.`;

const backfillExample = `
Example:
  $ sluice backfill events --partition 3 --from 0 --to 120000 --brokers 127.0.0.1:9092 --warehouse file:///data/warehouse

For offsets before the first one that the load has; those that are loaded already are "sluice reload"'s.`;

/** `sluice reload`: reads a range from the log again, in the place of what the table has of it. */
export function reloadCommand(): Command {
  const command = new Command('reload').description(
    'Read a range of offsets from the log again and put the rows in the place of those the table has of it, as one record.',
  );
  return withRange(command, 'reload', reloadExample);
}

/** `sluice backfill`: loads offsets before the first one of the load. */
export function backfillCommand(): Command {
  const command = new Command('backfill').description(
    'Load a bounded range of offsets that lies before the first one of the load, beside the live load, as one record.',
  );
  return withRange(command, 'backfill', backfillExample);
}

function withRange(command: Command, operation: 'reload' | 'backfill', example: string): Command {
  command
    .argument('<table>')
    .requiredOption('--brokers <list>', 'brokers of the cluster, HOST:PORT[,HOST:PORT]', parseBrokers)
    .addOption(commandConfigOption())
    .requiredOption('--partition <n>', 'partition of the topic', parseInteger(0))
    .requiredOption('--from <offset|time>', 'first offset, or a time like 2026-11-21T07:00:00Z', parsePlace)
    .requiredOption('--to <offset|time>', 'where to stop, exclusive', parsePlace)
    .option('--reason <text>', "why, for the table's chain", `sluice ${operation}`);
  return withTableOptions(addContractOptions(command))
    .addHelpText('after', example)
    .action(async (table: string, flags: ReloadFlags) => {
      const { runReload } = await import('../rewrites/run-reload.ts');
      process.exitCode = await runReload(operation, table, flags);
    });
}

/** An offset, or an instant with its zone. */
function parsePlace(text: string): bigint | Date {
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:?\d{2})$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    `expected an offset, or a time with its zone like 2026-11-21T07:00:00Z, got "${text}"`,
  );
}
