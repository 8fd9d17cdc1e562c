import protobuf from 'protobufjs';
import { describeError } from '../../shared/index.ts';
import { BadSchemaError } from '../core/value-error.ts';
import { addProtoFile } from './add-proto-file.ts';
import { addCommonProto } from './common-protos.ts';
import type { ProtoField, ProtoMessage, ProtoScalar } from './proto-message.ts';

const mostFields = 20_000;

/** The messages of a .proto file. */
export interface ProtoSchema {
  /** Of the file; empty: none. */
  readonly package: string;

  /** All messages of the file itself, also those within others. */
  messages(): ProtoMessage[];

  /**
   * The message that Confluent's wire format names by indexes: [2, 0] is the first message within the third of the file.
   *
   * @throws BadSchemaError when there is none.
   */
  messageAt(indexes: readonly number[]): ProtoMessage;

  /** The message of a name, with or without the file's package. @throws BadSchemaError when there is none. */
  messageNamed(name: string): ProtoMessage;
}

/**
 * Parses .proto text (proto2, proto3, editions), or the Base64 of a file's descriptor. `references`: the texts of the files that it imports, by the name of the import.
 * The grammar is protobufjs's; what is made of it is our own descriptors.
 *
 * @throws BadSchemaError saying what is wrong.
 */
export function parseProtoSchema(
  text: string,
  references: readonly { name: string; text: string }[] = [],
): ProtoSchema {
  try {
    return new ParsedFile(text, references);
  } catch (error) {
    throw asBadSchema(error);
  }
}

/** The names of the files that a .proto file imports. @throws BadSchemaError */
export function protoImports(text: string): string[] {
  try {
    return addProtoFile(new protobuf.Root(), text).imports;
  } catch (error) {
    throw asBadSchema(error);
  }
}

class ParsedFile implements ProtoSchema {
  readonly #root = new protobuf.Root();
  readonly package: string;
  /** The file alone, for the order of its messages: those of the root are mixed with those of its imports. */
  readonly #alone = new protobuf.Root();
  readonly #messages = new Map<protobuf.Type, ProtoMessage>();
  #fieldCount = 0;

  constructor(text: string, references: readonly { name: string; text: string }[]) {
    const texts = new Map(references.map((reference) => [reference.name, reference.text]));
    this.package = addProtoFile(this.#alone, text).package;
    this.#add(text, texts, new Set());
    this.#root.resolveAll();
  }

  #add(text: string, texts: ReadonlyMap<string, string>, added: Set<string>): void {
    for (const name of addProtoFile(this.#root, text).imports) {
      if (added.has(name)) continue;
      added.add(name);
      const reference = texts.get(name);
      if (addCommonProto(this.#root, name)) continue;
      if (reference === undefined)
        throw new BadSchemaError(`expected the imported file ${JSON.stringify(name)} among the references`);
      this.#add(reference, texts, added);
    }
  }

  messageAt(indexes: readonly number[]): ProtoMessage {
    let place: protobuf.ReflectionObject | null = this.package === '' ? this.#alone : this.#alone.lookup(this.package);
    for (const index of indexes) {
      const types =
        place instanceof protobuf.Namespace ? place.nestedArray.filter((one) => one instanceof protobuf.Type) : [];
      place = types[index] ?? null;
      if (!place) throw new BadSchemaError(`expected a message at the indexes ${indexes.join('.')} of the schema`);
    }
    return this.messageNamed(place!.fullName.slice(1));
  }

  messageNamed(name: string): ProtoMessage {
    const found = this.#root.lookup(name) ?? this.#root.lookup(`${this.package}.${name}`);
    if (!(found instanceof protobuf.Type))
      throw new BadSchemaError(`expected a message ${JSON.stringify(name)} in the schema`);
    try {
      return this.#messageOf(found);
    } catch (error) {
      throw asBadSchema(error);
    }
  }

  messages(): ProtoMessage[] {
    const found: ProtoMessage[] = [];
    const visit = (place: protobuf.NamespaceBase): void => {
      for (const one of place.nestedArray) {
        if (one instanceof protobuf.Type) found.push(this.messageNamed(one.fullName.slice(1)));
        if (one instanceof protobuf.Namespace || one instanceof protobuf.Type) visit(one);
      }
    };
    visit(this.#alone);
    return found;
  }

  #messageOf(type: protobuf.Type): ProtoMessage {
    const known = this.#messages.get(type);
    if (known) return known;
    const fields: ProtoField[] = [];
    const byNumber = new Map<number, number>();
    const message: ProtoMessage = {
      name: type.fullName.slice(1),
      fields,
      byNumber,
      oneofCount: type.oneofsArray.length,
    };
    this.#messages.set(type, message);
    for (const field of type.fieldsArray) {
      if (field.declaringField) continue; // an extension: not part of the message's own text
      byNumber.set(field.id, fields.length);
      fields.push(this.#fieldOf(field, type));
    }
    return message;
  }

  #fieldOf(field: protobuf.Field, type: protobuf.Type): ProtoField {
    if (++this.#fieldCount > mostFields) throw new BadSchemaError(`expected at most ${mostFields} fields`);
    field.resolve();
    const { resolvedType } = field;
    const kind =
      resolvedType === null ? (field.type as ProtoScalar) : resolvedType instanceof protobuf.Enum ? 'enum' : 'message';
    return {
      name: field.name,
      number: field.id,
      kind,
      message: resolvedType instanceof protobuf.Type ? this.#messageOf(resolvedType) : null,
      enumNames: resolvedType instanceof protobuf.Enum ? namesOf(resolvedType) : null,
      isRepeated: field.repeated,
      mapKey: field instanceof protobuf.MapField ? (field.keyType as ProtoScalar) : null,
      hasPresence: Boolean(field.hasPresence) || (kind === 'message' && !field.repeated && !field.map),
      isRequired: field.required,
      oneof: field.partOf ? type.oneofsArray.indexOf(field.partOf) : -1,
    };
  }
}

/** The first name of a number: aliases come later. */
function namesOf(type: protobuf.Enum): Map<number, string> {
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(type.values)) if (!names.has(number)) names.set(number, name);
  return names;
}

function asBadSchema(error: unknown): BadSchemaError {
  return error instanceof BadSchemaError
    ? error
    : new BadSchemaError(`not a usable .proto file: ${describeError(error)}`);
}
