// Compiles a message table for one version. Kafka's definitions do not nest structs in themselves, so nesting on the wire
// is bounded by the table; compiling refuses a table that does.
import { defaultOf } from './field-default.ts';
import { type FieldTable, includesVersion, type MessageSchema, parseVersions } from './message-schema.ts';
import { type CompiledField, structCodec } from './struct-codec.ts';
import { arrayCodec, nullableStructCodec, scalarCodec, type ValueCodec } from './value-codec.ts';

const MAX_NESTING = 16;

interface Context {
  readonly structs: ReadonlyMap<string, readonly FieldTable[]>;
  readonly version: number;
  readonly isFlexible: boolean;
}

export function compileMessage(schema: MessageSchema<unknown>, version: number): ValueCodec {
  const structs = new Map(Object.entries(schema.structs ?? {}));
  collectStructs(schema.fields, structs);
  for (const fields of Object.values(schema.structs ?? {})) collectStructs(fields, structs);
  return compileStruct(
    schema.fields,
    { structs, version, isFlexible: includesVersion(schema.flexibleVersions, version) },
    0,
  );
}

/** Structs that are defined in place, by name. */
function collectStructs(fields: readonly FieldTable[], structs: Map<string, readonly FieldTable[]>): void {
  for (const [, type, , options] of fields) {
    if (!options?.fields) continue;
    structs.set(elementType(type), options.fields);
    collectStructs(options.fields, structs);
  }
}

function compileStruct(fields: readonly FieldTable[], context: Context, depth: number): ValueCodec {
  if (depth > MAX_NESTING)
    throw new Error(`expected structs nested at most ${MAX_NESTING} deep: ${fields.map((f) => f[0]).join(', ')}`);
  return structCodec(
    fields.map((field) => compileField(field, context, depth)),
    context.isFlexible,
  );
}

function compileField(field: FieldTable, context: Context, depth: number): CompiledField {
  const [name, , versions, options] = field;
  const isPresent = includesVersion(parseVersions(versions), context.version);
  const isTagged = includesVersion(parseVersions(options?.tagged), context.version);
  return {
    name,
    codec: isPresent ? compileValue(field, context, depth) : null,
    tag: isTagged ? options!.tag! : null,
    isIgnorable: options?.ignorable ?? false,
    ...defaultOf(field, ([, type]) => context.structs.get(type)),
  };
}

function compileValue([, type, , options]: FieldTable, context: Context, depth: number): ValueCodec {
  const form = {
    isFlexible: context.isFlexible && options?.flexible !== 'none',
    isNullable: includesVersion(parseVersions(options?.nullable), context.version),
  };
  const scalar = scalarCodec(type, form);
  if (scalar) return scalar;
  const elementName = elementType(type);
  if (type.startsWith('[]')) {
    const elementForm = { isFlexible: form.isFlexible, isNullable: false };
    return arrayCodec(scalarCodec(elementName, elementForm) ?? compileNamedStruct(elementName, context, depth), form);
  }
  const struct = compileNamedStruct(elementName, context, depth);
  return form.isNullable ? nullableStructCodec(struct) : struct;
}

function compileNamedStruct(name: string, context: Context, depth: number): ValueCodec {
  const fields = context.structs.get(name);
  if (!fields) throw new Error(`the message table names the struct ${name}, but does not define it`);
  return compileStruct(fields, context, depth + 1);
}

function elementType(type: string): string {
  return type.startsWith('[]') ? type.slice(2) : type;
}
