import { CommanderError } from 'commander';
import { BadInputError, describeError, isAbortError } from '../shared/index.ts';
import { exitCodes } from './output.ts';
import { createProgram, oneLine } from './program.ts';

// Whoever reads our output may stop reading: `sluice ... | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.complete);
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Prints one line for what went wrong, unless commander has done so already. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.complete : exitCodes.badInput;
  if (isAbortError(error)) return exitCodes.failed;
  process.stderr.write(`sluice: ${oneLine(describeError(error))}\n`);
  if (process.env['SLUICE_DEBUG']) process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
  return error instanceof BadInputError ? exitCodes.badInput : exitCodes.failed;
}
