import { Command, Option } from 'commander';
import { parseBytes, parseDuration, parseHostPort } from '../arguments.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import type { BacktestFlags, CheckFlags, RunFlags } from '../rules/rules-commands.ts';

const runDetails = `
An event is a JSON object; the field "type" names its kind: Person.Clothes is field Clothes of an event of type Person.
With --json one line for each match (and action, where a rule has several):
  {"rule", "action", "key", "at", "events": [{"topic", "partition", "offset"}], "parameters"}
  at is event time as RFC 3339; offsets are decimal strings; "parameters" only where the action has some.

With --state the program goes on where it ended, also after a kill: DIR/matches.ndjson then holds every match once. Actions
TO TOPIC, HTTP or REDIS are sent at least once, with an "id" that is the same when a match is sent again. Who watches the
dashboard sees what is found while he watches, and the newest of what was found before.

Examples:
  $ sluice rules run wedding.rules --topics events --until-end --json
  $ sluice rules run fraud.rules --topics logins,payments --time-field ts --state data/rules
  $ sluice rules run unrest.rules --topics messages --dashboard 127.0.0.1:8070

Exit codes: 0 reached the end, or stopped by Ctrl-C; 1 failed; 2 bad input.`;

const checkExample = `
Examples:
  $ sluice rules check wedding.rules
  $ echo 'WHEN Login FOLLOWED-BY Purchase WITHIN 1 hour ACTION Buyer' | sluice rules check -

Exit codes: 0 all rules can be used; 2 not: the place, what was expected and what was found.`;

/** `sluice rules`: event patterns. */
export function rulesCommand(): Command {
  const rules = new Command('rules').description(
    'Find patterns of events: WHEN ... FOLLOWED-BY ... WITHIN ... ACTION ...',
  );
  rules.addCommand(checkCommand());
  rules.addCommand(explainCommand());
  rules.addCommand(formatCommand());
  rules.addCommand(runCommand());
  rules.addCommand(backtestCommand());
  return rules;
}

const programArgument = 'file with the rules; - for the standard input';

function checkCommand(): Command {
  return new Command('check')
    .description('Say whether the rules of a file can be used.')
    .argument('<file>', programArgument)
    .option('--json', 'print the verdict as JSON')
    .addHelpText('after', checkExample)
    .action(async (file: string, flags: CheckFlags) => {
      const { checkRules } = await import('../rules/rules-commands.ts');
      process.exitCode = await checkRules(file, flags);
    });
}

function explainCommand(): Command {
  return new Command('explain')
    .description('Say in words what the rules of a file look for.')
    .argument('<file>', programArgument)
    .addHelpText('after', '\nExample:\n  $ sluice rules explain wedding.rules')
    .action(async (file: string) => {
      const { explainRules } = await import('../rules/rules-commands.ts');
      process.exitCode = await explainRules(file);
    });
}

function formatCommand(): Command {
  return new Command('format')
    .description('Print the rules of a file as they are usually written. Comments are not kept.')
    .argument('<file>', programArgument)
    .addHelpText('after', '\nExample:\n  $ sluice rules format wedding.rules')
    .action(async (file: string) => {
      const { printFormatted } = await import('../rules/rules-commands.ts');
      process.exitCode = await printFormatted(file);
    });
}

const maxStateOption = (): Option =>
  new Option(
    '--max-state <size>',
    'what the rules may remember, about, each the same share; beyond it the oldest beginnings are given up, and counted',
  )
    .argParser(parseBytes)
    .default(2 ** 30, '1GB');

function runCommand(): Command {
  return new Command('run')
    .description('Run the rules of a file over topics, up to their end or for as long as nobody stops it.')
    .argument('<file>', programArgument)
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .requiredOption('--topics <names>', 'topics with events, separated by commas', (text) =>
      text.split(',').filter(Boolean),
    )
    .option('--type-field <name>', 'field that names the kind of an event', 'type')
    .option('--time-field <name>', "field with the event time (RFC 3339 text or epoch ms); else the record's timestamp")
    .option('--from-end', 'begin with what comes from now on, not with the beginning of the topics')
    .option('--until-end', 'stop at the end that the topics have now')
    .option(
      '--history <url>',
      'warehouse whose rows come before the log; the log goes on at the exact offset where they end',
    )
    .option('--table <name>', 'table of --history, if it is not called as the topic')
    .option('--user <name>', 'user for HDFS')
    .option(
      '--idle <duration>',
      'a partition that was quiet for so long does not hold up the others',
      parseDuration,
      10_000,
    )
    .option('--state <dir>', 'folder for checkpoint and matches')
    .option('--checkpoint-every <duration>', 'time between two checkpoints', parseDuration, 1000)
    .addOption(maxStateOption())
    .option('--redis <url>', 'redis://HOST:PORT for actions TO REDIS')
    .option(
      '--dashboard <host:port>',
      'show actions TO DASHBOARD there, on this machine: a page, and server-sent events at /matches (port 0: any)',
      parseHostPort,
    )
    .option('--json', 'print one JSON object for each match')
    .addHelpText('after', runDetails)
    .action(async (file: string, flags: RunFlags) => {
      const { runRulesCommand } = await import('../rules/rules-commands.ts');
      process.exitCode = await runRulesCommand(file, flags);
    });
}

const backtestDetails = `
Actions are not carried out. Rows are those of the table's live files, each partition in the order of its offsets: what is found is
what \`rules run\` finds in the same records. A field whose value was null counts as missing.

Examples:
  $ sluice rules backtest wedding.rules events --warehouse file:///data/warehouse --time-field ts
  $ sluice rules backtest wedding.rules events --warehouse webhdfs://nn1:9870/warehouse --json

Exit codes: 0 all rows were seen; 1 failed; 2 bad input.`;

function backtestCommand(): Command {
  const command = new Command('backtest')
    .description('Say what the rules of a file would have found in a table.')
    .argument('<file>', programArgument)
    .argument('<table>')
    .option('--type-field <name>', 'column that names the kind of an event', 'type')
    .option('--time-field <name>', "column with the event time; else the record's timestamp")
    .addOption(maxStateOption());
  return withWarehouseOptions(command, { table: false })
    .addHelpText('after', backtestDetails)
    .action(async (file: string, table: string, flags: BacktestFlags) => {
      const { backtestCommandOf } = await import('../rules/rules-commands.ts');
      process.exitCode = await backtestCommandOf(file, table, flags);
    });
}
