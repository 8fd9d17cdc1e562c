import { isSameLogical } from './avro-logical.ts';
import { type AvroField, type AvroRecord, type AvroType, type LogicalType, unqualified } from './avro-type.ts';

// Which types a reader's schema can be read with (Avro specification, "Schema Resolution").

const promotions: Record<string, readonly string[]> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

/**
 * Whether values written as `writer` can be taken for `reader`, looking at these types alone and not at what they hold.
 * Neither is a union. Logical types must agree where both have one: an instant of milliseconds is none of microseconds.
 */
export function canTake(writer: AvroType, reader: AvroType): boolean {
  if (writer.kind !== reader.kind) return promotions[writer.kind]?.includes(reader.kind) ?? false;
  if ('name' in writer && 'name' in reader && !isSameName(writer, reader)) return false;
  if (writer.kind === 'fixed' && reader.kind === 'fixed' && writer.size !== reader.size) return false;
  const [left, right] = [logicalOf(writer), logicalOf(reader)];
  return left === null || right === null || isSameLogical(left, right);
}

/** The branch of a reader's union for a writer's type: the very same type if there is one, else the first that can take it. */
export function branchFor(writer: AvroType, branches: readonly AvroType[]): AvroType | null {
  const fitting = branches.filter((branch) => canTake(writer, branch));
  const same = fitting.find((branch) => branch.kind === writer.kind && fullName(branch) === fullName(writer));
  return same ?? fitting.find((branch) => branch.kind === writer.kind) ?? fitting[0] ?? null;
}

/** The reader's field that a field of the writer becomes: of its name, or with its name among the aliases. */
export function readerFieldFor(field: AvroField, reader: AvroRecord): AvroField | null {
  return (
    reader.fields.find(({ name }) => name === field.name) ??
    reader.fields.find(({ aliases }) => aliases.includes(field.name)) ??
    null
  );
}

function isSameName(writer: { name: string }, reader: { name: string; aliases: readonly string[] }): boolean {
  return (
    unqualified(writer.name) === unqualified(reader.name) ||
    reader.aliases.some((alias) => alias === writer.name || unqualified(alias) === unqualified(writer.name))
  );
}

function fullName(type: AvroType): string {
  return 'name' in type ? type.name : type.kind;
}

function logicalOf(type: AvroType): LogicalType | null {
  return ('logical' in type && type.logical) || null;
}
