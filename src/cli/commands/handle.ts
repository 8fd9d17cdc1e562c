import { Command, Option } from 'commander';
import { parseAgo, parseBrokers, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import { commandConfigOption } from '../kafka/brokers-option.ts';
import type { HandleFlags } from '../online/run-handle.ts';

const details = `
FILE is an ES module. Its default export is a function (batch, context); a sink with position and store, for exactly once; or an object
with a handler and options of createConsumer, over which the command line goes. A function exported as close is called at the end. Every
event comes at least once, each partition in its order; docs/online.md says what a handler is given.

With --warehouse events that the log does not have any more come from the table, and so does everything since --from; reading goes on
in the log at the exact offset where the table ends. --from counts where the group remembers nothing: take a new group to go over history
again.

A handler prints what it likes on the standard output; what this command says is on the standard error, except for --json.

Examples:
  $ sluice handle revenue.mjs --topics events --group revenue
  $ sluice handle revenue.mjs --topics events --group revenue-2 --from 2026-11-01 --warehouse webhdfs://nn1:9870/warehouse
  $ sluice handle check.mjs --topics events --no-group --until-end --json

Exit codes: 0 reached the end, or stopped by Ctrl-C; 1 the handler failed for good, or the cluster; 2 bad input.`;

/** `sluice handle`: the consumer runtime with a handler of the user's. */
export function handleCommand(): Command {
  return new Command('handle')
    .description('Run a handler of yours over events: those of the warehouse first, then live.')
    .argument('<file>', 'ES module whose default export is the handler')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--topics <names>', 'topics with events, separated by commas', parseList)
    .option('--group <name>', 'consumer group that shares the partitions out and remembers how far they are')
    .option('--no-group', 'read all partitions and remember nothing')
    .option(
      '--from <position>',
      'beginning, end, a day or time like 2026-11-01 or 2026-11-01T07:00:00Z, or a duration like 2h: that long ago',
      parseFrom,
    )
    .option('--warehouse <url>', 'where to find events that the log does not have any more')
    .option('--user <name>', 'user for HDFS')
    .option('--table <name>', 'table of the warehouse, if it is not called as the topic')
    .option('--time-field <name>', "column by which --from chooses rows; else the record's timestamp")
    .option('--until-end', 'stop at the ends that the partitions have now')
    .option('--concurrency <n>', 'handle so many partitions at once', parseInteger(1, 1000))
    .option('--batch-events <n>', 'hand over at most so many events at once', parseInteger(1, 1_000_000))
    .option('--dead-letter-topic <name>', 'takes what cannot be decoded and what fails in every attempt')
    .option('--skip-expired', 'go on behind events that neither log nor warehouse have, and count them')
    .option('--metrics <host:port>', 'where to answer GET /metrics', parseHostPort)
    .option('--json', 'print one JSON object with the figures at the end')
    .addHelpText('after', details)
    .action(async (file: string, flags: HandleFlags) => {
      const { runHandle } = await import('../online/run-handle.ts');
      process.exitCode = await runHandle(file, flags);
    });
}

/** Without a default, which would hide what the module says. */
function brokersOption(): Option {
  const help = "brokers to begin with, HOST:PORT[,HOST:PORT] (default: the module's, or 127.0.0.1:9092)";
  return new Option('--brokers <list>', help).argParser(parseBrokers);
}

/** A duration becomes epoch ms; times are judged by createConsumer. */
function parseFrom(text: string): string | number {
  return parseAgo(text) ?? text;
}
