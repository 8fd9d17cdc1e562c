import { Command, Option } from 'commander';
import { parseBytes, parseList } from '../arguments.ts';
import type { DailyFlags } from '../reports/run-daily-report.ts';

/** `sluice report`: what the warehouse says of a game, for people who run it. */
export function reportCommand(): Command {
  return new Command('report')
    .description('Reports from the warehouse.')
    .enablePositionalOptions()
    .addCommand(dailyCommand());
}

function dailyCommand(): Command {
  return new Command('daily')
    .description(
      'How a game did on one day, against the day before: users, loyalty, how they came, money; what each figure means is said in it.',
    )
    .requiredOption('--game <name>', 'as the field "game" of the events has it, like hh')
    .option('--title <text>', 'how people call the game (default: as --game)')
    .option('--date <date>', 'the day, like 2026-11-20 (default: yesterday in the zone)')
    .option(
      '--warehouse <url>',
      'where the table lives: file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: loader.warehouse of the settings)',
    )
    .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)')
    .option('--table <name>', 'table with the events (default: the only one of the warehouse)')
    .option(
      '--zone <name>',
      'a day is from midnight to midnight there, like Europe/Berlin (default: the zone of the table)',
    )
    .option('--network <name>', 'network with a column of its own, beside all and the others', 'facebook')
    .option('--group-a <list>', 'countries of group A, ISO codes (default: where games earn most a user)', parseList)
    .option('--time-field <name>', "column with the event time, that of the load; _timestamp: the records' own", 'ts')
    .option('--locale <name>', 'how numbers are written, like de or en', 'en')
    .addOption(new Option('--format <name>', 'how it is printed').choices(['table', 'html', 'json']).default('table'))
    .option('--json', 'the same as --format json')
    .option('--out <file>', 'write it there instead of to stdout')
    .option(
      '--cache <dir>',
      'keep the days of the windows there, so that the next report reads only what is new (default: reports.cache of the settings)',
    )
    .option('--cache-size <size>', 'what it may have (default: 1GB)', parseBytes)
    .option('--allow-incomplete', 'make it although hours are not complete, and say so in it')
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice report daily --game hh --date 2026-11-20 --zone Europe/Berlin --warehouse file:///data/warehouse
  $ sluice report daily --game hh --title 'Happy Hippo' --format html --locale de --out report.html

Exit codes: 0 made, 1 failed, 2 bad input, 5 refused, because hours are not complete (the reason is on stderr).`,
    )
    .action(async (flags: DailyFlags) => {
      const { runDailyReport } = await import('../reports/run-daily-report.ts');
      process.exitCode = await runDailyReport(flags);
    });
}
