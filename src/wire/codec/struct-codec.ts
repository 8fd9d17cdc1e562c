// Compiles the fields of a struct in one version into closures: one per field for reading, one for writing.
//
// Layout: the fields of this version in the order of the definition; in flexible versions then a section of tagged fields:
//   uvarint count, then per field: uvarint tag, uvarint size, size bytes; tags ascend.
import { errorInField, WireError } from '../wire-error.ts';
import type { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { DefaultValue } from './field-default.ts';
import type { UnknownTaggedField } from './message-schema.ts';
import type { ValueCodec } from './value-codec.ts';

/** A field as it is in the version being compiled. */
export interface CompiledField extends DefaultValue {
  name: string;
  /** null: this version does not have the field. */
  codec: ValueCodec | null;
  /** The tag number, or null for a field in its fixed place. */
  tag: number | null;
  isIgnorable: boolean;
}

/** About what an unknown tagged field takes in memory: an object and a view. */
const UNKNOWN_FIELD_BYTES = 160;

type Struct = Record<string, unknown>;
type FieldWriter = (writer: ByteWriter, struct: Struct) => void;

export function structCodec(fields: readonly CompiledField[], isFlexible: boolean): ValueCodec {
  const tagged = fields.filter((field) => field.codec !== null && field.tag !== null).sort((a, b) => a.tag! - b.tag!);
  const fixedBytes = fields.reduce(
    (sum, field) => sum + (field.codec && field.tag === null ? field.codec.minBytes : 0),
    0,
  );
  const readTagged = taggedReader(tagged);
  const writers = fieldWriters(fields);
  const writeTagged = isFlexible ? taggedWriter(tagged) : rejectUnknownTags;
  return {
    minBytes: fixedBytes + (isFlexible ? 1 : 0),
    objectBytes: fields.reduce((sum, field) => sum + 8 + (field.codec?.objectBytes ?? 24), 64),
    read(reader) {
      const struct: Struct = {};
      for (let i = 0; i < fields.length; i++) readField(fields[i]!, reader, struct);
      if (isFlexible) readTagged(reader, struct);
      return struct;
    },
    write(writer, value) {
      if (typeof value !== 'object' || value === null)
        throw new WireError('malformed', `expected an object, got ${String(value)}`);
      for (let i = 0; i < writers.length; i++) writers[i]!(writer, value as Struct);
      writeTagged(writer, value as Struct);
    },
  };
}

/** Fields that this version lacks, and tagged ones for now, get the default: the shape of the object is always the same. */
function readField(field: CompiledField, reader: ByteReader, struct: Struct): void {
  if (field.codec === null || field.tag !== null) {
    struct[field.name] = field.make();
    return;
  }
  try {
    struct[field.name] = field.codec.read(reader);
  } catch (error) {
    throw errorInField(error, field.name);
  }
}

function taggedReader(tagged: readonly CompiledField[]): (reader: ByteReader, struct: Struct) => void {
  const byTag = new Map(tagged.map((field) => [field.tag!, field]));
  return (reader, struct) => {
    const count = reader.uvarint();
    if (count === 0) return;
    if (count > reader.remaining / 2)
      throw new WireError('truncated', `claims ${count} tagged fields, but only ${reader.remaining} bytes are left`);
    let lastTag = -1;
    for (let i = 0; i < count; i++) {
      const tag = reader.uvarint();
      if (tag <= lastTag) throw new WireError('malformed', `expected a tag above ${lastTag}, got ${tag}`);
      lastTag = tag;
      const size = reader.uvarint();
      if (size > reader.remaining)
        throw new WireError(
          'truncated',
          `tagged field ${tag} claims ${size} bytes, but only ${reader.remaining} are left`,
        );
      const field = byTag.get(tag);
      if (field) readTaggedField(field, reader, size, struct);
      else {
        reader.claim(UNKNOWN_FIELD_BYTES);
        ((struct['unknownTaggedFields'] ??= []) as UnknownTaggedField[]).push({ tag, data: reader.bytes(size) });
      }
    }
  };
}

function readTaggedField(field: CompiledField, reader: ByteReader, size: number, struct: Struct): void {
  const end = reader.position + size;
  try {
    struct[field.name] = field.codec!.read(reader);
    if (reader.position !== end)
      throw new WireError(
        'malformed',
        `tagged field ${field.tag} claims ${size} bytes, its value ends ${reader.position - end} bytes off`,
      );
  } catch (error) {
    throw errorInField(error, field.name);
  }
}

/** One closure per field that has something to do in this version. */
function fieldWriters(fields: readonly CompiledField[]): FieldWriter[] {
  const writers: FieldWriter[] = [];
  for (const field of fields) {
    if (field.codec === null) {
      if (!field.isIgnorable) writers.push((_writer, struct) => requireDefault(field, struct));
    } else if (field.tag === null) {
      writers.push(fixedFieldWriter(field, field.codec));
    }
  }
  return writers;
}

function fixedFieldWriter(field: CompiledField, codec: ValueCodec): FieldWriter {
  const { name } = field;
  return (writer, struct) => {
    const value = struct[name];
    try {
      codec.write(writer, value === undefined ? field.make() : value);
    } catch (error) {
      throw errorInField(error, name);
    }
  };
}

function requireDefault(field: CompiledField, struct: Struct): void {
  const value = struct[field.name];
  if (value === undefined || field.isDefault(value)) return;
  const error = new WireError('unsupported-version', 'has a value, but this version has no such field');
  throw errorInField(error, field.name);
}

function taggedWriter(tagged: readonly CompiledField[]): FieldWriter {
  return (writer, struct) => {
    const unknown = struct['unknownTaggedFields'] as readonly UnknownTaggedField[] | undefined;
    const present = tagged.filter(({ name, isDefault }) => struct[name] !== undefined && !isDefault(struct[name]));
    if (present.length === 0 && !unknown?.length) return writer.uvarint(0);
    const encoded: UnknownTaggedField[] = present.map((field) => ({
      tag: field.tag!,
      data: encodeTagged(field, struct),
    }));
    if (unknown) encoded.push(...unknown);
    encoded.sort((a, b) => a.tag - b.tag);
    writer.uvarint(encoded.length);
    for (const [index, { tag, data }] of encoded.entries()) {
      if (index > 0 && encoded[index - 1]!.tag === tag) throw new WireError('malformed', `tag ${tag} is used twice`);
      writer.uvarint(tag);
      writer.uvarint(data.length);
      writer.bytes(data);
    }
  };
}

function encodeTagged(field: CompiledField, struct: Struct): Buffer {
  const writer = new ByteWriter();
  try {
    field.codec!.write(writer, struct[field.name]);
  } catch (error) {
    throw errorInField(error, field.name);
  }
  return writer.contents();
}

function rejectUnknownTags(_writer: ByteWriter, struct: Struct): void {
  if ((struct['unknownTaggedFields'] as unknown[] | undefined)?.length) {
    throw new WireError('unsupported-version', 'has tagged fields, but this version has none');
  }
}
