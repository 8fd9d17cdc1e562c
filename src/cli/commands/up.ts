import { Command } from 'commander';
import { parseBytes, parseDuration, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import type { UpOptions } from '../up/up-settings.ts';

export function upCommand(): Command {
  return new Command('up')
    .description(
      'Broker, loader, HTTP ingest and console in one process, on a local folder; with --demo also a simulated social game.',
    )
    .option('--demo', 'simulate the players of five social games')
    .option('--input <file>', 'feed the lines of your own NDJSON file instead of the game')
    .option('--data <dir>', 'folder for log and warehouse (default: data)')
    .option(
      '--warehouse <url>',
      'a folder, file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: <data>/warehouse)',
    )
    .option('--listen <host:port>', 'where Kafka clients connect (default: 127.0.0.1:9092)', parseHostPort)
    .option('--time-field <name>', "field with the event time (default: the record's timestamp; ts for the game)")
    .option('--topics <list>', 'topics to load (default: events)', parseList)
    .option('--partitions <n>', 'partitions of topics created by their first use (default: 4)', parseInteger(1, 10_000))
    .option('--workers <n>', 'loader workers (default: 1)', parseInteger(1, 256))
    .option('--roll-age <time>', 'age of the oldest row at which files are committed (default: 5s)', parseDuration)
    .option('--roll-bytes <size>', 'encoded bytes at which a file is committed', parseBytes)
    .option('--http <host:port>', 'answer /health, /metrics and /v1/partitions of the loader there', parseHostPort)
    .option('--console <host:port>', 'serve the console there (default: 127.0.0.1:8080, or a free port)', parseHostPort)
    .option('--no-console', 'serve no console')
    .option('--accounts <file>', 'who may come into the console; see "sluice console --help"')
    .option('--rules <file>', 'run these rules and show their matches in the console')
    .option(
      '--ingest <host:port>',
      'take events over HTTP there (default: 127.0.0.1:8070, or a free port)',
      parseHostPort,
    )
    .option('--no-ingest', 'take no events over HTTP')
    .option('--tokens <file>', 'API tokens for --ingest; see "sluice ingest token --help"')
    .option('--open', 'let --ingest take events from anybody who can connect')
    .option('--web-topics <names>', 'topics that pages of websites write to (pixel, beacon, script)', parseList)
    .option('--origins <list>', 'websites whose pages may send, as https://shop.example; * for all', parseList)
    .option('--max-body <size>', 'longest body of --ingest, inflated (default: 16MB)', parseBytes)
    .option('--close-hours <lateness>', 'close hours so long after their end (default: 10m)', parseDuration)
    .option('--no-close-hours', 'close no hours: another closer does')
    .option('--redis <url>', 'count events per game and minute into this Redis, and show the counters and jobs in it')
    .option('--seed <n>', 'the same seed plays the same game', parseInteger(0, 2 ** 32 - 1), 1)
    .option(
      '--rate <n>',
      'events a second, of the game (a daily average) or of --input',
      parseInteger(1, 1_000_000),
      300,
    )
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice up --demo --seed 7\n  $ sluice up --input events.ndjson --data /tmp/try',
    )
    .action(async (options: UpOptions) => {
      const { runUp } = await import('../up/run-up.ts');
      process.exitCode = await runUp(options);
    });
}
