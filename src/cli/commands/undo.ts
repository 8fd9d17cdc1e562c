import { Command } from 'commander';
import { parseInteger } from '../arguments.ts';
import type { UndoFlags } from '../rewrites/run-undo.ts';
import { withTableOptions } from '../rewrites/using-table.ts';

const example = `
Examples:
  $ sluice undo events --warehouse file:///data/warehouse                  what has been rewritten, and can be undone
  $ sluice undo events --warehouse file:///data/warehouse --sequence 17`;

/** `sluice undo`: takes a compaction, reload, backfill, replay, expiry or undo back. */
export function undoCommand(): Command {
  const command = new Command('undo')
    .description("Take a rewrite of a table back, as one more record of the table's chain; within the grace time.")
    .argument('<table>')
    .option('--sequence <n>', 'the rewrite; left out: list them', parseInteger(1))
    .option('--reason <text>', "why, for the table's chain", 'sluice undo');
  return withTableOptions(command)
    .addHelpText('after', example)
    .action(async (table: string, flags: UndoFlags) => {
      const { runUndo } = await import('../rewrites/run-undo.ts');
      process.exitCode = await runUndo(table, flags);
    });
}
