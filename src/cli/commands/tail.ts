import { Command, Option } from 'commander';
import { parseBytes, parseDuration, parseHostPort } from '../arguments.ts';
import type { TailFlags } from '../ingest/run-tail-command.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';

const details = `
Every whole line becomes one record, byte for byte, exactly once: also when this is killed, when the broker is, and when files are renamed,
truncated or copied and truncated by a rotation. Positions are kept in --state; what was sent after they were last written is found
in the log itself. Name a pattern in quotes ('/var/log/app.log*') to find files that were rotated while this was down. A line counts when
its line feed is there, or when the file has left the pattern and nobody writes to it any more. Compressed files are passed over.
Prints "ready files=N topic=T"; SIGTERM ends it.

Examples:
  $ sluice tail '/var/log/app.log*' --topic logs --state data/tail
  $ sluice tail access.log error.log --topic web --wrap --until-end --json

Exit codes: 0 ended by a signal, or shipped to the end; 1 failed; 2 bad input.`;

/** `sluice tail`: ships log files. */
export function tailCommand(): Command {
  return new Command('tail')
    .description('Follow log files and send their lines to a topic, exactly once.')
    .argument('<files...>', 'files, or patterns with *, ? and [a-z]')
    .requiredOption('--topic <name>', 'topic that the lines go to')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--state <dir>', 'folder for positions', 'data/tail')
    .option('--from-end', 'at the first start begin with what is written from now on')
    .option('--until-end', 'stop when every line that is there now was sent')
    .option('--wrap', 'send {"ts", "host", "file", "message"} in place of the line itself')
    .addOption(
      new Option('--compression <codec>', 'of the batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .option('--batch <size>', 'bytes of a batch', parseBytes, parseBytes('512KB'))
    .option('--max-line <size>', 'longer lines become several records', parseBytes, parseBytes('128KB'))
    .option('--poll <duration>', 'how often to look at the files', parseDuration, 250)
    .option('--rotate-wait <duration>', 'how long a file that was renamed away is still watched', parseDuration, 5000)
    .option('--metrics <host:port>', 'where to answer GET /metrics', parseHostPort)
    .addOption(
      new Option('--log-level <level>', 'what to log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', details)
    .action(async (files: string[], flags: TailFlags) => {
      const { runTailCommand } = await import('../ingest/run-tail-command.ts');
      process.exitCode = await runTailCommand(files, flags);
    });
}
