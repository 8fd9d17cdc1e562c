import { Command, Option } from 'commander';
import { parseDuration, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';
import type { RunStatsFlags, ShowStatsFlags } from '../online/stats-commands.ts';

const details = `
Events are JSON objects. Counters are hashes stats:<game>:<YYYY_MMDD_HHMM> (UTC) in Redis, one field for each call. They and
the position of each partition change in one step, so an event counts once, whatever is killed or delivered again. Redis says where to go
on: one that was emptied is filled again from the log, and from --warehouse where the log does not go back far enough.

Without --redis the counters live in this process and are printed when it ends.

Examples:
  $ sluice stats --topics events --time-field ts --redis redis://127.0.0.1:6379
  $ sluice stats --topics events --time-field ts --unique user_id --until-end
  $ sluice stats show --redis redis://127.0.0.1:6379 --last 30m

Exit codes: 0 reached the end, or stopped by Ctrl-C; 1 failed; 2 bad input.`;

/** `sluice stats`: counters per game and minute. */
export function statsCommand(): Command {
  const stats = new Command('stats')
    .description('Count events per game and minute, each exactly once.')
    .enablePositionalOptions() // behind the subcommand options are its own
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--topics <names>', 'topics with events, separated by commas', parseList)
    .option('--redis <url>', 'redis://HOST:PORT/DB where the counters live, or redis+sentinel://HOST:PORT,.../NAME')
    .option('--prefix <text>', 'keys begin with it', 'stats')
    .option('--game-field <name>', 'field that names the game', 'game')
    .addOption(
      new Option(
        '--call-field <names>',
        'fields that name what happened, one counter each: the first that an event has',
      )
        .argParser(parseList)
        .default(['call', 'type'], 'call,type'),
    )
    .option('--time-field <name>', "field with the event time (RFC 3339 text or epoch ms); else the record's timestamp")
    .option('--unique <field>', 'count the different values of this field, too')
    .option('--expiry <duration>', "a minute's counters live for so long", parseDuration, 4 * 3_600_000)
    .option('--group <name>', 'consumer group that shares the partitions out', 'sluice-stats')
    .option('--warehouse <url>', 'where to find events that the log does not have any more')
    .option('--user <name>', 'user for HDFS')
    .option('--table <name>', 'table of the warehouse, if it is not called as the topic')
    .option('--game <names>', 'print only these games', parseList)
    .option('--batch-events <n>', 'count at most so many events in one step', parseInteger(1, 1_000_000), 20_000)
    .option('--metrics <host:port>', 'where to answer GET /metrics', parseHostPort)
    .option('--until-end', 'stop at the end that the topics have now')
    .option('--json', 'print JSON')
    .addHelpText('after', details)
    .action(async (flags: RunStatsFlags) => {
      const { runStats } = await import('../online/stats-commands.ts');
      process.exitCode = await runStats(flags);
    });
  stats.addCommand(showCommand());
  return stats;
}

function showCommand(): Command {
  return new Command('show')
    .description('Print the counters of the last minutes.')
    .requiredOption('--redis <url>', 'redis://HOST:PORT/DB where the counters live')
    .option('--prefix <text>', 'keys begin with it', 'stats')
    .option('--last <duration>', 'so far back', parseDuration, 600_000)
    .option('--game <names>', 'only these games', parseList)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice stats show --redis redis://127.0.0.1:6379 --last 30m --game hh,mw')
    .action(async (flags: ShowStatsFlags) => {
      const { showStats } = await import('../online/stats-commands.ts');
      process.exitCode = await showStats(flags);
    });
}
