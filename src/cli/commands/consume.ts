import { Command } from 'commander';
import { parseInteger } from '../arguments.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';
import { offsetPositionHelp, parseOffsetPosition } from '../kafka/offset-position.ts';
import type { ConsumeFlags } from '../kafka/run-consume.ts';

const details = `
Without --json the value of each record is printed on a line of its own. With --json:
  {"topic", "partition", "offset", "timestamp", "key", "value", "headers": [{"name", "value"}]}
  offset as a decimal string, timestamp as RFC 3339; bytes that are not UTF-8 as base64, marked by
  "keyEncoding" or "valueEncoding".
Reads committed data only: records of open or aborted transactions are not shown.

Examples:
  $ sluice consume events --max 10
  $ sluice consume events --from 1h --until-end --json
  $ sluice consume events --group dashboards

Exit codes: 0 reached --max or --until-end, or stopped by Ctrl-C; 1 failed; 2 bad input.`;

/** `sluice consume`: records of a topic on the standard output. */
export function consumeCommand(): Command {
  return new Command('consume')
    .description('Print the records of a topic.')
    .argument('<topic>')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--from <position>', offsetPositionHelp, parseOffsetPosition, { kind: 'beginning' })
    .option(
      '--group <name>',
      'share the partitions with a consumer group and commit offsets; --from counts where it has none',
    )
    .option('--partition <n>', 'only this partition', parseInteger(0))
    .option('--max <n>', 'stop after so many records', parseInteger(1))
    .option('--until-end', 'stop at the end that the partitions have now')
    .option('--json', 'print one JSON object per record')
    .addHelpText('after', details)
    .action(async (topic: string, flags: ConsumeFlags) => {
      const { runConsume } = await import('../kafka/run-consume.ts');
      process.exitCode = await runConsume(topic, flags);
    });
}
