import type { Command } from 'commander';
import { parseList } from '../arguments.ts';

/** Flags that say how values are written. */
export interface FormatFlags {
  format?: string;
  registry?: string[];
}

export function addFormatOptions(command: Command, { formatDefault = 'json' } = {}): Command {
  return command
    .option(
      '--format <name|file>',
      `how values are written: json, json-schema, avro, protobuf, debezium, debezium-avro, combined, common, or a YAML file with a section "format" (default: ${formatDefault})`,
    )
    .option('--registry <urls>', 'schema registry, http://HOST:PORT[,http://HOST:PORT]', parseList);
}
