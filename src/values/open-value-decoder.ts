import { BadInputError, type Clock, describeError } from '../shared/index.ts';
import { compileRegisteredAvro, PlainAvroDecoder } from './avro/avro-decoder.ts';
import { parseAvroSchema } from './avro/parse-avro-schema.ts';
import { compileDebeziumAvro } from './debezium/debezium-columns.ts';
import { DebeziumDecoder } from './debezium/debezium-decoder.ts';
import { compileRegisteredJson, JsonDecoder } from './json/json-decoder.ts';
import { parseProtoSchema } from './protobuf/parse-proto-schema.ts';
import { compileRegisteredProtobuf, PlainProtobufDecoder } from './protobuf/protobuf-decoder.ts';
import { FramedDecoder, type Patience, type PayloadSchema } from './registry/framed-decoder.ts';
import type { RegisteredSchema } from './registry/registered-schema.ts';
import { RegistryClient } from './registry/registry-client.ts';
import { RegistryError } from './registry/registry-error.ts';
import { CsvDecoder } from './text/csv-decoder.ts';
import { LineDecoder } from './text/line-decoder.ts';
import { linePatternOf } from './text/line-patterns.ts';
import { type TextKind, textKindOf } from './text/text-fields.ts';
import type { ValueDecoder } from './value-decoder.ts';
import { registryOf, type ValueFormat } from './value-format.ts';

export interface DecoderContext {
  clock: Clock;
  /** Shared by the decoders of a process; null for formats without a registry (see `openRegistry`). */
  registry: RegistryClient | null;
  /** How to wait for a registry that does not answer; left out: `prepare` throws at once. */
  patience?: Patience | undefined;
  /** Declared types of the table's columns, by the name of the field: they tell how text (CSV, log lines) is to be read. */
  columnTypes?: ReadonlyMap<string, string> | undefined;
}

/** The client of the registry that a format names; null when it needs none. */
export function openRegistry(format: ValueFormat): RegistryClient | null {
  const endpoint = registryOf(format);
  return endpoint === null ? null : new RegistryClient(endpoint);
}

/** @throws BadInputError unless the registry that the format names answers. */
export async function checkRegistry(format: ValueFormat, signal: AbortSignal): Promise<void> {
  try {
    await openRegistry(format)?.check(signal);
  } catch (error) {
    if (error instanceof RegistryError) throw new BadInputError(describeError(error), { cause: error });
    throw error;
  }
}

/** A decoder for the values of one partition: for one caller at a time. */
export function openValueDecoder(format: ValueFormat, context: DecoderContext): ValueDecoder {
  const framed = (compile: (schema: RegisteredSchema) => PayloadSchema): ValueDecoder => {
    const { registry, clock, patience } = context;
    if (!registry) throw new Error(`the format ${format.type} needs a registry`);
    return new FramedDecoder({ source: registry, compile, clock, patience });
  };
  switch (format.type) {
    case 'json':
      return new JsonDecoder();
    case 'json-schema':
      return framed(compileRegisteredJson);
    case 'avro': {
      const reader = format.reader === null ? null : parseAvroSchema(format.reader);
      if (format.writer !== null) return new PlainAvroDecoder(parseAvroSchema(format.writer), reader);
      return framed((schema) => compileRegisteredAvro(schema, reader));
    }
    case 'protobuf': {
      if (!format.file) return framed(compileRegisteredProtobuf);
      const { text, references, message } = format.file;
      return new PlainProtobufDecoder(parseProtoSchema(text, references).messageNamed(message));
    }
    case 'csv':
      return new CsvDecoder({ ...format, kinds: kindsOf(format.types, context.columnTypes) });
    case 'line': {
      const pattern = linePatternOf(format);
      const kinds = new Map([...kindsOf({}, context.columnTypes), ...pattern.kinds]);
      return new LineDecoder({ ...pattern, kinds });
    }
    case 'debezium': {
      const inner =
        format.values === 'json' ? new JsonDecoder() : framed((schema) => compileDebeziumAvro(schema, format));
      return new DebeziumDecoder(inner, format);
    }
  }
}

/** The format's own word counts more than the table's columns. */
function kindsOf(
  types: Readonly<Record<string, string>>,
  columnTypes: ReadonlyMap<string, string> | undefined,
): Map<string, TextKind> {
  const kinds = new Map<string, TextKind>();
  for (const [name, type] of columnTypes ?? []) kinds.set(name, textKindOf(type));
  for (const [name, type] of Object.entries(types)) kinds.set(name, textKindOf(type));
  return kinds;
}
