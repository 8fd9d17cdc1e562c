import { Command } from 'commander';
import { parseDuration } from '../arguments.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import type { ReconcileFlags } from '../online/run-reconcile.ts';

const details = `
Counters and positions are read in one step. Then the table's checkpoints are waited for until they have passed these positions, and the rows
that the positions cover are counted in the same way. So it can be asked at any time, while events are counted and loaded.

Examples:
  $ sluice reconcile --hour 2026-11-21T07 --table events --warehouse file:///data/warehouse --redis redis://127.0.0.1:6379
  $ sluice reconcile --hour 2026-11-21T07 --table events --keep --json

Exit codes: 0 equal; 1 failed; 2 bad input (an hour whose counters have expired); 4 the counters named differ; 5 the table is not yet so far.`;

/** `sluice reconcile`: do the counters and the warehouse say the same? */
export function reconcileCommand(): Command {
  const command = new Command('reconcile')
    .description("Compare the counters of an hour with the warehouse's rows.")
    .requiredOption('--hour <hour>', "like 2026-11-21T07 in the table's time zone, or 2026-11-21T07Z")
    .option('--redis <url>', 'redis://HOST:PORT/DB where the counters live', 'redis://127.0.0.1:6379')
    .option('--prefix <text>', 'keys of the counters begin with it', 'stats')
    .option('--keep', "let the hour's counters not expire any more, so that it can be compared later, too")
    .option('--timeout <duration>', 'wait so long for the table', parseDuration, 300_000)
    .option('--poll <duration>', 'time between two looks', parseDuration, 1000);
  return withWarehouseOptions(command)
    .addHelpText('after', details)
    .action(async (flags: ReconcileFlags) => {
      const { runReconcile } = await import('../online/run-reconcile.ts');
      process.exitCode = await runReconcile(flags);
    });
}
