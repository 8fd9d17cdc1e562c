import { Command, Option } from 'commander';
import { parseBytes, parseDuration, parseHostPort, parseInteger } from '../arguments.ts';
import type { BrokerFlags } from '../broker/run-broker.ts';

const details = `
Prints "ready kafka=HOST:PORT" on stdout when clients can connect; logs JSON lines on stderr. SIGTERM and SIGINT end it
cleanly. acks=all is answered when the records are synced to disk, acks=1 when the operating system has them.
One broker per data directory. Speaks plain text only: listen on an address that only trusted clients can reach.

Examples:
  $ sluice broker --data ./data/log
  $ sluice broker --data /var/lib/sluice --listen 0.0.0.0:9092 --advertise log.example.org:9092 --default-partitions 8
  $ sluice broker --data ./data/log --retention 7d --segment-bytes 256MB

Exit codes: 0 ended by a signal; 1 failed; 2 bad input (an occupied port, a directory that cannot be used; nothing is
changed); 70 the disk has failed: start it again, it recovers what it has acknowledged.`;

/** `sluice broker`: one broker on one data directory, until SIGTERM or SIGINT. */
export function brokerCommand(): Command {
  return new Command('broker')
    .description('Run a Kafka-protocol broker on a local directory.')
    .requiredOption('--data <dir>', 'directory of the log; created when missing, its parent must be there')
    .addOption(
      new Option('--listen <host:port>', 'where to accept clients; port 0 lets the system choose')
        .argParser(parseHostPort)
        .default({ host: '127.0.0.1', port: 9092 }, '127.0.0.1:9092'),
    )
    .option('--advertise <host:port>', 'where clients are told to connect (default: where they came to)', parseHostPort)
    .option('--default-partitions <n>', 'partitions of topics created without a number', parseInteger(1, 10_000), 1)
    .option('--no-auto-create-topics', 'refuse unknown topics instead of creating them')
    .option('--retention <duration>', 'delete records older than this (default: 7d); topics may differ', parseDuration)
    .option('--retention-bytes <size>', 'delete the oldest segments of a partition above this size', parseBytes)
    .option('--segment-bytes <size>', 'size of a segment file (default: 1GB)', parseBytes)
    .option('--max-message-bytes <size>', 'largest record batch (default: 1MB)', parseBytes)
    .option('--max-connections <n>', 'connections altogether (default: 5000)', parseInteger(1))
    .option('--max-connections-per-ip <n>', 'connections from one address (default: 5000)', parseInteger(1))
    .option('--offsets-retention <duration>', 'forget offsets of groups without members (default: 7d)', parseDuration)
    .option(
      '--group-initial-delay <duration>',
      'how long an empty group waits for more members (default: 250ms)',
      parseDuration,
    )
    .addOption(
      new Option('--log-level <level>', 'what to log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText('after', details)
    .action(async (flags: BrokerFlags) => {
      const { runBroker } = await import('../broker/run-broker.ts');
      await runBroker(flags);
    });
}
