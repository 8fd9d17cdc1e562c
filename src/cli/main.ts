import { Command, CommanderError } from 'commander';
import { BadInputError, describeError, isAbortError } from '../shared/index.ts';
import { auditCommand } from './commands/audit.ts';
import { awaitCommand } from './commands/await.ts';
import { brokerCommand } from './commands/broker.ts';
import { compactCommand } from './commands/compact.ts';
import { configCommand } from './commands/config.ts';
import { consumeCommand } from './commands/consume.ts';
import { deadCommand } from './commands/dead.ts';
import { groupsCommand } from './commands/groups.ts';
import { hoursCommand } from './commands/hours.ts';
import { importCommand } from './commands/import.ts';
import { jobsCommand } from './commands/jobs.ts';
import { loadCommand } from './commands/load.ts';
import { offsetsCommand } from './commands/offsets.ts';
import { partitionsCommand } from './commands/partitions.ts';
import { produceCommand } from './commands/produce.ts';
import { registryCommand } from './commands/registry.ts';
import { backfillCommand, reloadCommand } from './commands/reload.ts';
import { rulesCommand } from './commands/rules.ts';
import { schemaCommand } from './commands/schema.ts';
import { selftestCommand } from './commands/selftest.ts';
import { topicsCommand } from './commands/topics.ts';
import { undoCommand } from './commands/undo.ts';
import { upCommand } from './commands/up.ts';
import { whereCommand } from './commands/where.ts';
import { whyCommand } from './commands/why.ts';
import { addHdfsConfigOption } from './hdfs-config-option.ts';
import { exitCodes } from './output.ts';
import { packageVersion } from './version.ts';

const program = new Command('sluice')
  .description(
    'One log with two outlets: a Kafka-protocol broker, and a loader that settles the same records exactly once as Parquet.',
  )
  .version(packageVersion)
  .configureHelp({ sortSubcommands: false })
  // Options behind a subcommand are its own, also when the command above it has some of the same name.
  .enablePositionalOptions()
  .addHelpText(
    'after',
    '\nStart here:\n  $ sluice up --demo          broker, loader and a simulated game on ./data\n  $ sluice load --help        from any Kafka cluster to Parquet on HDFS',
  );

const commands = [
  upCommand(),
  brokerCommand(),
  registryCommand(),
  selftestCommand(),
  loadCommand(),
  topicsCommand(),
  produceCommand(),
  consumeCommand(),
  groupsCommand(),
  offsetsCommand(),
  auditCommand(),
  schemaCommand(),
  hoursCommand(),
  awaitCommand(),
  compactCommand(),
  reloadCommand(),
  backfillCommand(),
  undoCommand(),
  deadCommand(),
  importCommand(),
  whereCommand(),
  whyCommand(),
  partitionsCommand(),
  jobsCommand(),
  configCommand(),
  rulesCommand(),
];
for (const command of commands) program.addCommand(command);
for (const command of withDescendants(program)) {
  addHdfsConfigOption(command);
  command
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`sluice: ${oneLine(text)} (see --help)\n`) });
}

// Whoever reads our output may stop reading: `sluice ... | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.complete);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function* withDescendants(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* withDescendants(child);
}

/** Prints one line for what went wrong, unless commander has done so already. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.complete : exitCodes.badInput;
  if (isAbortError(error)) return exitCodes.failed;
  process.stderr.write(`sluice: ${oneLine(describeError(error))}\n`);
  if (process.env['SLUICE_DEBUG']) process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
  return error instanceof BadInputError ? exitCodes.badInput : exitCodes.failed;
}

/** Without commander's own "error:" in front, and whatever follows on further lines joined. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ');
}
