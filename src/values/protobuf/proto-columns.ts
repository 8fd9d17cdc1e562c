import { maxTypeDepth, structType, type ValueColumn } from '../value-column.ts';
import type { ProtoField, ProtoMessage } from './proto-message.ts';

/** Types of the messages that have a form of their own (see well-known.ts). */
const wellKnownTypes: ReadonlyMap<string, string> = new Map([
  // Up to nanoseconds, for which tables have no type: the text keeps all digits.
  ['google.protobuf.Timestamp', 'string'],
  ['google.protobuf.Duration', 'string'],
  ['google.protobuf.FieldMask', 'string'],
  ['google.protobuf.Struct', 'json'],
  ['google.protobuf.ListValue', 'json'],
  ['google.protobuf.Value', 'json'],
  ['google.protobuf.Any', 'json'],
  ['google.type.Date', 'date'],
  // Every value has a scale of its own.
  ['confluent.type.Decimal', 'string'],
  ['google.protobuf.DoubleValue', 'double'],
  ['google.protobuf.FloatValue', 'float'],
  ['google.protobuf.Int64Value', 'int64'],
  ['google.protobuf.UInt64Value', 'uint64'],
  ['google.protobuf.Int32Value', 'int32'],
  ['google.protobuf.UInt32Value', 'uint32'],
  ['google.protobuf.BoolValue', 'boolean'],
  ['google.protobuf.StringValue', 'string'],
  ['google.protobuf.BytesValue', 'bytes'],
]);

/** The columns that values of a message type have; a type that holds itself, or is nested too deep, becomes `json`. */
export function columnsOfMessage(message: ProtoMessage): ValueColumn[] {
  const special = wellKnownTypes.get(message.name);
  if (special !== undefined) return message.name === 'google.protobuf.Struct' ? [] : [{ name: 'value', type: special }];
  return message.fields.map((field) => ({ name: field.name, type: fieldType(field, [message], 1) }));
}

function fieldType(field: ProtoField, trail: readonly ProtoMessage[], depth: number): string {
  if (depth > maxTypeDepth) return 'json';
  const isNested = field.isRepeated || field.mapKey !== null;
  const own = field.message ? messageType(field.message, trail, isNested ? depth + 1 : depth) : scalarType(field.kind);
  if (!isNested) return own;
  if (own === 'json') return 'json';
  return field.mapKey === null ? `list<${own}>` : `map<string,${own}>`;
}

function messageType(message: ProtoMessage, trail: readonly ProtoMessage[], depth: number): string {
  const special = wellKnownTypes.get(message.name);
  if (special !== undefined) return special;
  if (trail.includes(message) || depth > maxTypeDepth) return 'json';
  const inner = [...trail, message];
  return structType(message.fields.map((field) => ({ name: field.name, type: fieldType(field, inner, depth + 1) })));
}

function scalarType(kind: ProtoField['kind']): string {
  switch (kind) {
    case 'sint32':
    case 'sfixed32':
      return 'int32';
    case 'sint64':
    case 'sfixed64':
      return 'int64';
    case 'fixed32':
      return 'uint32';
    case 'fixed64':
      return 'uint64';
    case 'bool':
      return 'boolean';
    case 'enum':
      return 'string';
    default:
      return kind;
  }
}
