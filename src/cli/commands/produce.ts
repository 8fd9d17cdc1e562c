import { Command, InvalidArgumentError, Option } from 'commander';
import { parseBytes, parseInteger } from '../arguments.ts';
import type { ProduceFlags } from '../input/run-produce.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';

const details = `
Formats:
  ndjson   one record per line, byte for byte, also lines that are not JSON; empty lines are passed over
  json     one record per element of an array, byte for byte (--array for an array inside an object)
  csv      one JSON object per row; unquoted JSON numbers become numbers, empty cells null, the rest strings
  parquet  one JSON object per row; 64-bit integers and decimals with all digits, timestamps as RFC 3339 in UTC

Examples:
  $ sluice produce events --file events.ndjson --key-field user
  $ gunzip -c log.gz | sluice produce events --file - --rate 1000/s
  $ sluice produce quakes --file earthquakes.json --array features --partitions 8

Exit codes: 0 all records acknowledged, 1 failed or interrupted, 2 bad input.`;

/** `sluice produce`: a file, or the standard input, into a topic. */
export function produceCommand(): Command {
  return new Command('produce')
    .description('Send the records of a file (NDJSON, JSON array, CSV, Parquet) or of the standard input to a topic.')
    .argument('<topic>')
    .requiredOption('--file <path>', 'file to read; - for the standard input')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .addOption(
      new Option('--format <name>', 'format of the file')
        .choices(['auto', 'ndjson', 'json', 'csv', 'parquet'])
        .default('auto'),
    )
    .option('--key-field <field>', 'take the key from this field of the JSON object (string or number)')
    .option('--rate <n/s>', 'at most so many records per second', parseRate)
    .option('--partitions <n>', 'create the topic with so many partitions if it is not there', parseInteger(1, 100_000))
    .addOption(new Option('--acks <what>', 'when a record counts as sent').choices(['all', '1', '0']).default('all'))
    .addOption(
      new Option('--compression <codec>', 'of the batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .option('--array <path>', 'JSON: the array inside an object, a field name or a path like data.items')
    .option('--csv-strings', 'CSV: all values as strings')
    .option('--csv-delimiter <char>', 'CSV: what separates the cells (default: a comma; a tab for .tsv)')
    .option('--keep-empty-lines', 'NDJSON: send empty lines as empty records')
    .option('--max-record-bytes <size>', 'longest record that is read', parseBytes, parseBytes('16MB'))
    .option('--json', 'print the summary as one JSON object')
    .addHelpText('after', details)
    .action(async (topic: string, flags: ProduceFlags) => {
      const { runProduce } = await import('../input/run-produce.ts');
      process.exitCode = await runProduce(topic, flags);
    });
}

/** "1000", "1000/s", "0.5/s" -> records per second. */
function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\s*\/\s*s)?$/.exec(text.trim());
  const rate = match ? Number(match[1]) : Number.NaN;
  if (!(rate > 0)) throw new InvalidArgumentError(`expected records per second like 1000/s, got "${text}"`);
  return rate;
}
