import type { ProtoField, ProtoMessage } from '../protobuf/proto-message.ts';

/** A file as the comparison sees it. */
export interface ComparedProto {
  package: string;
  messages: readonly ProtoMessage[];
}

/** Kinds that can be read as each other (encoding guide, "Updating A Message Type"). */
const groups: readonly (readonly string[])[] = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
  ['sint32', 'sint64'],
  ['string', 'bytes'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
];

/** Why messages of `writer` cannot be read with `reader`; empty: they can. The basic rules of Confluent's registry. */
export function protobufReadProblems(reader: ComparedProto, writer: ComparedProto): string[] {
  if (reader.package !== writer.package) return [`the package ${writer.package} became ${reader.package}`];
  const byName = new Map(reader.messages.map((message) => [message.name, message]));
  return writer.messages.flatMap((message) => {
    const other = byName.get(message.name);
    return other ? messageProblems(other, message) : [`the message ${message.name} was removed`];
  });
}

function messageProblems(reader: ProtoMessage, writer: ProtoMessage): string[] {
  const problems: string[] = [];
  for (const field of writer.fields) {
    const other = reader.fields[reader.byNumber.get(field.number) ?? -1];
    const place = `${writer.name}.${field.name} (${field.number})`;
    if (other) problems.push(...fieldProblems(other, field, place));
    else if (field.isRequired) problems.push(`${place}: a required field was removed`);
    else if (field.oneof >= 0 && isRealOneof(writer, field)) problems.push(`${place}: a member of a oneof was removed`);
  }
  for (const field of reader.fields) {
    const isNew = !writer.byNumber.has(field.number);
    if (isNew && field.isRequired)
      problems.push(`${reader.name}.${field.name} (${field.number}): a new field is required`);
  }
  return [...problems, ...movedIntoOneof(reader, writer)];
}

function fieldProblems(reader: ProtoField, writer: ProtoField, place: string): string[] {
  const came = `${kindOf(writer)} became ${kindOf(reader)}`;
  if ((reader.mapKey === null) !== (writer.mapKey === null)) return [`${place}: ${came}`];
  if (reader.mapKey !== writer.mapKey && !isSameGroup(reader.mapKey!, writer.mapKey!)) return [`${place}: ${came}`];
  if (reader.message || writer.message) {
    return reader.message?.name === writer.message?.name ? [] : [`${place}: ${came}`];
  }
  if (!isSameGroup(reader.kind, writer.kind)) return [`${place}: ${came}`];
  const isText = reader.kind === 'string' || reader.kind === 'bytes';
  if (reader.isRepeated !== writer.isRepeated && !isText) return [`${place}: ${came}`];
  if (reader.isRequired && !writer.isRequired) return [`${place}: the field became required`];
  return [];
}

function isSameGroup(left: string, right: string): boolean {
  return left === right || groups.some((group) => group.includes(left) && group.includes(right));
}

/** Several fields of their own that became members of one oneof: a reader would keep one of them. */
function movedIntoOneof(reader: ProtoMessage, writer: ProtoMessage): string[] {
  const moved = new Map<number, string[]>();
  for (const field of reader.fields) {
    const before = writer.fields[writer.byNumber.get(field.number) ?? -1];
    if (field.oneof < 0 || !before || (before.oneof >= 0 && isRealOneof(writer, before))) continue;
    moved.set(field.oneof, [...(moved.get(field.oneof) ?? []), field.name]);
  }
  const several = [...moved.values()].filter((names) => names.length > 1);
  return several.map((names) => `${reader.name}: the fields ${names.join(', ')} moved into one oneof`);
}

/** An `optional` of proto3 is a oneof of one member, but for its maker only. */
function isRealOneof(message: ProtoMessage, { oneof }: ProtoField): boolean {
  return message.fields.filter((field) => field.oneof === oneof).length > 1;
}

function kindOf({ kind, message, isRepeated, mapKey }: ProtoField): string {
  const own = message ? message.name : kind;
  if (mapKey !== null) return `map<${mapKey}, ${own}>`;
  return isRepeated ? `repeated ${own}` : own;
}
