import { Command } from 'commander';
import { parseBytes, parseDuration, writeBytes, writeDuration } from './arguments.ts';
import { compareInHelp, groupOf } from './command-groups.ts';
import { auditCommand } from './commands/audit.ts';
import { awaitCommand } from './commands/await.ts';
import { brokerCommand } from './commands/broker.ts';
import { catalogCommand } from './commands/catalog.ts';
import { compactCommand } from './commands/compact.ts';
import { configCommand } from './commands/config.ts';
import { consoleCommand } from './commands/console.ts';
import { consumeCommand } from './commands/consume.ts';
import { deadCommand } from './commands/dead.ts';
import { expireCommand } from './commands/expire.ts';
import { groupsCommand } from './commands/groups.ts';
import { handleCommand } from './commands/handle.ts';
import { hoursCommand } from './commands/hours.ts';
import { importCommand } from './commands/import.ts';
import { ingestCommand } from './commands/ingest.ts';
import { jobsCommand } from './commands/jobs.ts';
import { loadCommand } from './commands/load.ts';
import { offsetsCommand } from './commands/offsets.ts';
import { partitionsCommand } from './commands/partitions.ts';
import { produceCommand } from './commands/produce.ts';
import { reconcileCommand } from './commands/reconcile.ts';
import { registryCommand } from './commands/registry.ts';
import { backfillCommand, reloadCommand } from './commands/reload.ts';
import { reportCommand } from './commands/report.ts';
import { rulesCommand } from './commands/rules.ts';
import { schemaCommand } from './commands/schema.ts';
import { selftestCommand } from './commands/selftest.ts';
import { statsCommand } from './commands/stats.ts';
import { tailCommand } from './commands/tail.ts';
import { topicsCommand } from './commands/topics.ts';
import { undoCommand } from './commands/undo.ts';
import { upCommand } from './commands/up.ts';
import { whereCommand } from './commands/where.ts';
import { whyCommand } from './commands/why.ts';
import { addHdfsConfigOption } from './hdfs-config-option.ts';
import { packageVersion } from './version.ts';
import { withDescendants } from './with-descendants.ts';

/** The whole command line: every command of `commands/`. */
export function createProgram(): Command {
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
    ingestCommand(),
    tailCommand(),
    groupsCommand(),
    offsetsCommand(),
    auditCommand(),
    schemaCommand(),
    hoursCommand(),
    awaitCommand(),
    catalogCommand(),
    compactCommand(),
    reloadCommand(),
    backfillCommand(),
    expireCommand(),
    undoCommand(),
    deadCommand(),
    importCommand(),
    whereCommand(),
    whyCommand(),
    partitionsCommand(),
    jobsCommand(),
    configCommand(),
    handleCommand(),
    rulesCommand(),
    statsCommand(),
    reconcileCommand(),
    reportCommand(),
    consoleCommand(),
  ];
  commands.sort((left, right) => compareInHelp(left.name(), right.name()));
  for (const command of commands) program.addCommand(command.helpGroup(groupOf(command.name())));
  program.addHelpCommand(helpCommand());
  for (const command of withDescendants(program)) {
    addHdfsConfigOption(command);
    sayDefaults(command);
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(`sluice: ${oneLine(text)} (see --help)\n`) });
  }
  return program;
}

/** Defaults as a user would write them: "10m", not 600000. */
function sayDefaults(command: Command): void {
  for (const option of command.options) {
    const { defaultValue, defaultValueDescription } = option;
    if (typeof defaultValue !== 'number' || defaultValueDescription !== undefined) continue;
    if (option.parseArg === parseDuration) option.default(defaultValue, writeDuration(defaultValue));
    if (option.parseArg === parseBytes) option.default(defaultValue, writeBytes(defaultValue));
  }
}

function helpCommand(): Command {
  return new Command('help')
    .argument('[command]')
    .description('Show the help of a command.')
    .helpGroup(groupOf('help'));
}

/** Without commander's own "error:" in front, and whatever follows on further lines joined. */
export function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ');
}
