import type { FieldDefault, FieldTable } from './message-schema.ts';

/** Makes a field's default value, and tells whether a value equals it (which decides if a tagged field is written). */
export interface DefaultValue {
  make(): unknown;
  isDefault(value: unknown): boolean;
}

const emptyBuffer = Buffer.alloc(0);
const typeZero: Readonly<Record<string, FieldDefault>> = {
  bool: false,
  int8: 0,
  int16: 0,
  uint16: 0,
  int32: 0,
  int64: 0n,
  float64: 0,
  string: '',
  uuid: '0'.repeat(32),
};

/** The default of `field`; `structFields` finds the fields of a struct by its name or definition in place. */
export function defaultOf(
  field: FieldTable,
  structFields: (field: FieldTable) => readonly FieldTable[] | undefined,
): DefaultValue {
  const [, type, , options] = field;
  if (options?.default === null || type === 'records')
    return { make: () => null, isDefault: (value) => value === null };
  if (type.startsWith('[]'))
    return { make: () => [], isDefault: (value) => Array.isArray(value) && value.length === 0 };
  if (type === 'bytes')
    return { make: () => emptyBuffer, isDefault: (value) => Buffer.isBuffer(value) && value.length === 0 };
  const fields = structFields(field);
  if (fields) return structDefault(fields, structFields);
  const value = options?.default ?? typeZero[type]!;
  return { make: () => value, isDefault: (other) => other === value };
}

function structDefault(
  fields: readonly FieldTable[],
  structFields: (field: FieldTable) => readonly FieldTable[] | undefined,
): DefaultValue {
  const members = fields.map((field) => ({ name: field[0], ...defaultOf(field, structFields) }));
  return {
    make: () => Object.fromEntries(members.map((member) => [member.name, member.make()])),
    isDefault(value) {
      if (typeof value !== 'object' || value === null) return false;
      const struct = value as Record<string, unknown>;
      if ((struct['unknownTaggedFields'] as unknown[] | undefined)?.length) return false;
      return members.every(({ name, isDefault }) => struct[name] === undefined || isDefault(struct[name]));
    },
  };
}
