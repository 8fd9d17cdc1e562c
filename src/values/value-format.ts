import type { RegistryEndpoint } from './registry/registry-endpoint.ts';
import type { TimeLayout } from './text/log-time.ts';

/**
 * How the values of a topic are written: the `format:` section of a contract with the files it names read. Plain data, so that
 * it can be sent to a thread.
 */
export type ValueFormat =
  | { type: 'json' }
  | { type: 'json-schema'; registry: RegistryEndpoint }
  /** Framed (`registry`), or all written with one schema (`writer`); never both. `reader`: the schema that all are read as. */
  | { type: 'avro'; registry: RegistryEndpoint | null; writer: string | null; reader: string | null }
  | { type: 'protobuf'; registry: RegistryEndpoint | null; file: ProtoFile | null }
  | CsvFormat
  | LineFormat
  | DebeziumFormat;

export interface ProtoFile {
  text: string;
  references: { name: string; text: string }[];
  message: string;
}

export interface CsvFormat {
  type: 'csv';
  header: string[];
  delimiter: string;
  quote: string | null;
  nullText: string | null;
  /** Column types by the name of the field; text where nothing is said. */
  types: Record<string, string>;
}

export interface LineFormat {
  type: 'line';
  pattern: string;
  /** undefined: as the built-in pattern says. */
  nullText?: string | null | undefined;
  times?: Record<string, TimeLayout> | undefined;
  types: Record<string, string>;
}

export interface DebeziumFormat {
  type: 'debezium';
  values: 'json' | 'avro';
  registry: RegistryEndpoint | null;
  deletes: 'row' | 'drop' | 'dead';
  tombstones: 'drop' | 'dead';
  add: string[];
}

/** The registry that a format needs, if any. */
export function registryOf(format: ValueFormat): RegistryEndpoint | null {
  return 'registry' in format ? format.registry : null;
}
