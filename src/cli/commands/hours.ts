import { Command } from 'commander';
import { parseDuration, parseInteger } from '../arguments.ts';
import type { CloseFlags } from '../hours/run-hours-close.ts';
import type { ListFlags } from '../hours/show-hours.ts';
import { type WarehouseOptions, withWarehouseOptions } from '../offsets/warehouse-options.ts';

/** `sluice hours`: which hours of a table are open, closed, complete or amended, and the closer itself. */
export function hoursCommand(): Command {
  const command = new Command('hours').description(
    'Hours of a table: open, closed, complete or amended, what they hold, and what they wait for.',
  );

  withWarehouseOptions(command.command('list'), { table: false })
    .description('The newest hours of a table with their states.')
    .argument('<table>')
    .option('--last <n>', 'so many hours', parseInteger(1, 10_000), 24)
    .addHelpText('after', '\nExample:\n  $ sluice hours list events --last 12 --warehouse file:///data/warehouse')
    .action(async (table: string, flags: ListFlags) => {
      const { listHours } = await import('../hours/show-hours.ts');
      process.exitCode = await listHours(table, flags);
    });

  withWarehouseOptions(command.command('show'), { table: false })
    .description('Everything that is known of one hour: its manifest, the proof, or what it waits for.')
    .argument('<table>')
    .argument('<hour>', 'like 2026-11-20T23; 2026-11-20 for tables of days')
    .addHelpText('after', '\nExample:\n  $ sluice hours show events 2026-11-20T23 --warehouse file:///data/warehouse')
    .action(async (table: string, hour: string, flags: WarehouseOptions) => {
      const { showHour } = await import('../hours/show-hours.ts');
      process.exitCode = await showHour(table, hour, flags);
    });

  withWarehouseOptions(command.command('close'), { brokers: 'cluster that the table is loaded from', table: false })
    .description('Close the hours that are over, and complete those of which everything has landed. Safe to repeat.')
    .argument('<table>')
    .option('--lateness <duration>', 'records may be so late and still be on time', parseDuration, 600_000)
    .option('--hour <hour...>', 'also these hours; exit code 5 unless they are complete then')
    .option('--zone <name>', 'refuse unless the table has hours of this time zone')
    .addHelpText(
      'after',
      `
Example:
  $ sluice hours close events --brokers 127.0.0.1:9092 --warehouse file:///data/warehouse

Exit codes: 0 done, 1 failed, 2 bad input, 5 an hour of --hour is not complete.`,
    )
    .action(async (table: string, flags: CloseFlags) => {
      const { runHoursClose } = await import('../hours/run-hours-close.ts');
      process.exitCode = await runHoursClose(table, flags);
    });

  return command;
}
