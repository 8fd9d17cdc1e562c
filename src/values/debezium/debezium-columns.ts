import { columnsOfAvro } from '../avro/avro-columns.ts';
import { avroPayload, parseRegisteredAvro } from '../avro/avro-decoder.ts';
import type { AvroRecord, AvroType } from '../avro/avro-type.ts';
import { BadSchemaError } from '../core/value-error.ts';
import type { PayloadSchema } from '../registry/framed-decoder.ts';
import type { RegisteredSchema } from '../registry/registered-schema.ts';
import type { ValueColumn } from '../value-column.ts';
import { addedName, type DebeziumOptions } from './debezium-decoder.ts';

/** Envelopes of change events in Avro; the columns are those of the row, and of what is added to it. */
export function compileDebeziumAvro(schema: RegisteredSchema, options: DebeziumOptions): PayloadSchema {
  const type = parseRegisteredAvro(schema);
  return avroPayload(type, type, envelopeColumns(type, options));
}

function envelopeColumns(type: AvroType, { add, deletes }: DebeziumOptions): ValueColumn[] {
  const row = fieldType(type, ['after']);
  if (!row || !recordOf(row)) throw new BadSchemaError('expected the envelope of a change event with a record "after"');
  const added = add.flatMap((name) => {
    const found = fieldType(type, name.split('.'));
    return found ? [{ name: addedName(name), type: scalarColumn(found) }] : [];
  });
  const deleted = deletes === 'row' ? [{ name: '__deleted', type: 'boolean' }] : [];
  return [...columnsOfAvro(recordOf(row)!), ...added, ...deleted];
}

function scalarColumn(type: AvroType): string {
  const wrapped: AvroType = {
    kind: 'record',
    name: 'row',
    aliases: [],
    fields: [{ name: 'one', aliases: [], type, default: undefined }],
  };
  return columnsOfAvro(wrapped)[0]?.type ?? 'json';
}

function fieldType(type: AvroType, [first, ...rest]: readonly string[]): AvroType | null {
  const found = recordOf(type)?.fields.find(({ name }) => name === first)?.type ?? null;
  return found && rest.length > 0 ? fieldType(found, rest) : found;
}

/** The record that the type is, or that it is beside null. */
function recordOf(type: AvroType): AvroRecord | null {
  if (type.kind === 'record') return type;
  if (type.kind !== 'union') return null;
  return type.branches.find((branch): branch is AvroRecord => branch.kind === 'record') ?? null;
}
