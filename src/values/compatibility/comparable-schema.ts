import { parseAvroSchema } from '../avro/parse-avro-schema.ts';
import { parseExactJson } from '../core/exact-json.ts';
import { parseProtoSchema } from '../protobuf/parse-proto-schema.ts';
import type { SchemaType } from '../registry/registered-schema.ts';
import { avroReadProblems } from './avro-compatibility.ts';
import { jsonSchemaReadProblems } from './json-schema-compatibility.ts';
import { protobufReadProblems } from './protobuf-compatibility.ts';

/** A schema that was parsed, which can be compared with others of its type. */
export interface ComparableSchema {
  type: SchemaType;
  /** Why values written as `writer` cannot be read with this schema; empty: they can. */
  readProblems(writer: ComparableSchema): string[];
  /** What `readProblems` of the same type compares. */
  readonly parsed: unknown;
}

/** @throws BadSchemaError when the text is no schema of the type. */
export function parseComparable(
  type: SchemaType,
  text: string,
  references: readonly { name: string; text: string }[],
): ComparableSchema {
  switch (type) {
    case 'AVRO':
      return comparable(
        type,
        parseAvroSchema(
          text,
          references.map((reference) => reference.text),
        ),
        avroReadProblems,
      );
    case 'JSON':
      return comparable(type, parseExactJson(text), jsonSchemaReadProblems);
    case 'PROTOBUF': {
      const file = parseProtoSchema(text, references);
      return comparable(type, { package: file.package, messages: file.messages() }, protobufReadProblems);
    }
  }
}

function comparable<T>(type: SchemaType, parsed: T, problems: (reader: T, writer: T) => string[]): ComparableSchema {
  return {
    type,
    parsed,
    readProblems: (writer) =>
      writer.type === type ? problems(parsed, writer.parsed as T) : [`the type ${writer.type} became ${type}`],
  };
}
