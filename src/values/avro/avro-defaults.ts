import type { ExactJson } from '../core/exact-json.ts';
import { JsonText } from '../core/json-text.ts';
import { BadSchemaError } from '../core/value-error.ts';
import { writeBytes, writeInteger } from './avro-scalars.ts';
import { type AvroFixed, type AvroPrimitive, type AvroRecord, type AvroType, describeType } from './avro-type.ts';

/**
 * The JSON text of a field's default, in our form of values. In a schema bytes are text whose characters are the bytes (ISO
 * 8859-1), and the default of a union is one of its first branch (specification 1.11; since 1.12 of any branch).
 *
 * @throws BadSchemaError when it is no value of the type.
 */
export function defaultText(type: AvroType, value: ExactJson): Buffer {
  const text = new JsonText();
  text.reset(1024 * 1024);
  write(text, type, value);
  return Buffer.from(text.view());
}

/** Whether `value` can be a default of the type. */
export function isDefaultOf(type: AvroType, value: ExactJson): boolean {
  try {
    defaultText(type, value);
    return true;
  } catch {
    return false;
  }
}

function write(to: JsonText, type: AvroType, value: ExactJson): void {
  switch (type.kind) {
    case 'null':
      if (value !== null) fail(type, value);
      to.raw('null');
      break;
    case 'boolean':
      if (typeof value !== 'boolean') fail(type, value);
      to.raw(String(value));
      break;
    case 'int':
    case 'long':
      if (!isInteger(value, type.kind === 'int' ? 32 : 64)) fail(type, value);
      writeInteger(to, value, type.logical);
      break;
    case 'float':
    case 'double':
      writeNumber(to, type, value);
      break;
    case 'string':
      if (typeof value !== 'string') fail(type, value);
      to.string(value);
      break;
    case 'enum':
      if (!(typeof value === 'string' && type.symbols.includes(value))) fail(type, value);
      to.string(value);
      break;
    case 'bytes':
    case 'fixed':
      writeBinary(to, type, value);
      break;
    case 'array':
      writeItems(to, type.items, value);
      break;
    case 'map':
      writeMap(to, type.values, value);
      break;
    case 'union':
      write(to, type.branches.find((branch) => isDefaultOf(branch, value)) ?? fail(type, value), value);
      break;
    case 'record':
      writeRecord(to, type, value);
      break;
  }
}

function writeNumber(to: JsonText, type: AvroType, value: ExactJson): void {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  if (!isNumber && value !== 'NaN' && value !== 'Infinity' && value !== '-Infinity') fail(type, value);
  to.double(Number(value));
}

function writeBinary(to: JsonText, type: AvroFixed | AvroPrimitive, value: ExactJson): void {
  if (typeof value !== 'string' || !isLatin1(value)) fail(type, value);
  const bytes = Buffer.from(value, 'latin1');
  if (type.kind === 'fixed' && bytes.length !== type.size) fail(type, value);
  writeBytes(to, bytes, 0, bytes.length, type.logical);
}

function writeItems(to: JsonText, items: AvroType, value: ExactJson): void {
  if (!Array.isArray(value)) fail({ kind: 'array', items }, value);
  to.raw('[');
  for (const [index, item] of value.entries()) {
    if (index > 0) to.raw(',');
    write(to, items, item);
  }
  to.raw(']');
}

function writeMap(to: JsonText, values: AvroType, value: ExactJson): void {
  if (!isObject(value)) fail({ kind: 'map', values }, value);
  to.raw('{');
  for (const [index, [name, item]] of Object.entries(value).entries()) {
    if (index > 0) to.raw(',');
    to.string(name);
    to.raw(':');
    write(to, values, item);
  }
  to.raw('}');
}

function writeRecord(to: JsonText, type: AvroRecord, value: ExactJson): void {
  if (!isObject(value)) fail(type, value);
  to.raw('{');
  for (const [index, field] of type.fields.entries()) {
    const item = value[field.name] ?? field.default;
    if (item === undefined) fail(type, value);
    if (index > 0) to.raw(',');
    to.string(field.name);
    to.raw(':');
    write(to, field.type, item);
  }
  to.raw('}');
}

function isLatin1(text: string): boolean {
  return [...text].every((char) => char.codePointAt(0)! <= 0xff);
}

function isObject(value: ExactJson): value is { [name: string]: ExactJson } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isInteger(value: ExactJson, bits: number): value is number | bigint {
  if (typeof value === 'number' ? !Number.isInteger(value) : typeof value !== 'bigint') return false;
  const whole = BigInt(value as number | bigint);
  return BigInt.asIntN(bits, whole) === whole;
}

function fail(type: AvroType, value: ExactJson): never {
  const came = typeof value === 'bigint' ? String(value) : JSON.stringify(value, (_, item) => String(item));
  throw new BadSchemaError(`expected a default of type ${describeType(type)}, came ${came}`);
}
