import { Command, InvalidArgumentError } from 'commander';
import { parseInteger } from '../arguments.ts';
import { addContractOptions } from '../rewrites/contract-options.ts';
import type { DeadFlags, ReplayFlags, ShowDeadFlags } from '../rewrites/run-dead.ts';
import { withTableOptions } from '../rewrites/using-table.ts';

const listExample = `
Example:
  $ sluice dead list events --warehouse file:///data/warehouse`;
const showExample = `
Example:
  $ sluice dead show events --warehouse file:///data/warehouse --partition 3 --offset 1234`;
const replayExample = `
Examples:
  $ sluice dead replay events --warehouse file:///data/warehouse
  $ sluice dead replay events --warehouse file:///data/warehouse --code not-json --repair './repair.py'

Without --repair they are tried as they are, because the contract accepts them now. A repair command reads one JSON object a line
(as "dead show" prints them) and writes {"partition","offset","text"} or {"partition","offset","value": base64} for those it can
repair. However often it is called, a dead letter becomes a row once. Exit code 3: some are dead letters still.`;

/** `sluice dead`: what could not become rows, and making rows of it later. */
export function deadCommand(): Command {
  const dead = new Command('dead').description('Dead letters of a table: list them, show them, make rows of them.');
  common(dead.command('list'), 'Dead letters by partition and reason.', listExample).action(
    async (table: string, flags: DeadFlags) => {
      const { listDead } = await import('../rewrites/run-dead.ts');
      process.exitCode = await listDead(table, flags);
    },
  );
  common(dead.command('show'), 'The records, one JSON object a line.', showExample)
    .option('--offset <n>', 'only this one', parseOffset)
    .option('--limit <n>', 'at most so many', parseInteger(1), 20)
    .action(async (table: string, flags: ShowDeadFlags) => {
      const { showDead } = await import('../rewrites/run-dead.ts');
      process.exitCode = await showDead(table, flags);
    });
  const replay = common(dead.command('replay'), 'Make rows of them, each in its own hour, once.', replayExample)
    .option('--repair <command>', 'a shell command that repairs them')
    .option('--reason <text>', "why, for the table's chain", 'sluice dead replay');
  addContractOptions(replay).action(async (table: string, flags: ReplayFlags) => {
    const { replayDead } = await import('../rewrites/run-dead.ts');
    process.exitCode = await replayDead(table, flags);
  });
  return dead;
}

function common(command: Command, description: string, example: string): Command {
  return withTableOptions(command)
    .description(description)
    .argument('<table>')
    .option('--partition <n>', 'only of this partition', parseInteger(0))
    .option('--code <code>', 'only refused for this reason, e.g. not-json')
    .addHelpText('after', example);
}

export function parseOffset(text: string): bigint {
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError(`expected an offset, got "${text}"`);
}
