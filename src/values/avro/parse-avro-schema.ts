import { type ExactJson, parseExactJson } from '../core/exact-json.ts';
import { BadSchemaError } from '../core/value-error.ts';
import { logicalTypeOf } from './avro-logical.ts';
import type { AvroEnum, AvroField, AvroFixed, AvroRecord, AvroType, PrimitiveName } from './avro-type.ts';

const primitives: ReadonlySet<string> = new Set<PrimitiveName>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);
const maxTypes = 20_000;
const maxNesting = 100;
const maxFixedBytes = 1024 * 1024;

type SchemaObject = { [name: string]: ExactJson };

/**
 * Parses Avro schema text. `references` are the texts of schemas that it names, those that others need first.
 *
 * @throws BadSchemaError saying what is wrong where.
 */
export function parseAvroSchema(text: string, references: readonly string[] = []): AvroType {
  const parser = new AvroSchemaParser();
  for (const reference of references) parser.parse(parseExactJson(reference), '');
  return parser.parse(schemaJson(text), '');
}

/** The registry also keeps a bare name, without its quotes. */
function schemaJson(text: string): ExactJson {
  return primitives.has(text.trim()) ? text.trim() : parseExactJson(text);
}

class AvroSchemaParser {
  readonly #named = new Map<string, AvroRecord | AvroEnum | AvroFixed>();
  #typeCount = 0;
  #nesting = 0;

  /** `namespace` is that of the type around; empty: none. */
  parse(json: ExactJson, namespace: string): AvroType {
    if (++this.#typeCount > maxTypes) throw new BadSchemaError(`expected a schema of at most ${maxTypes} types`);
    if (++this.#nesting > maxNesting) throw new BadSchemaError(`expected at most ${maxNesting} nested types`);
    const type = this.#anyType(json, namespace);
    this.#nesting--;
    return type;
  }

  #anyType(json: ExactJson, namespace: string): AvroType {
    if (typeof json === 'string') return this.#byName(json, namespace);
    if (Array.isArray(json)) return this.#union(json, namespace);
    if (json === null || typeof json !== 'object') {
      throw new BadSchemaError(`expected a type (a name, an object or a list), came ${String(json)}`);
    }
    const { type } = json;
    if (type === 'record' || type === 'error') return this.#record(json, namespace);
    if (type === 'enum') return this.#enum(json, namespace);
    if (type === 'fixed') return this.#fixed(json, namespace);
    if (type === 'array') return { kind: 'array', items: this.parse(required(json, 'items', 'array'), namespace) };
    if (type === 'map') return { kind: 'map', values: this.parse(required(json, 'values', 'map'), namespace) };
    if (typeof type === 'string' && primitives.has(type)) {
      return { kind: type as PrimitiveName, logical: logicalTypeOf(json, type) };
    }
    return this.parse(required(json, 'type', 'schema'), namespace);
  }

  #byName(name: string, namespace: string): AvroType {
    if (primitives.has(name)) return { kind: name as PrimitiveName, logical: null };
    const found = this.#named.get(qualify(name, namespace)) ?? this.#named.get(name);
    if (!found) throw new BadSchemaError(`expected a known type, came the name ${JSON.stringify(name)}`);
    return found;
  }

  #union(json: ExactJson[], namespace: string): AvroType {
    const branches = json.map((branch) => this.parse(branch, namespace));
    const seen = new Set<string>();
    for (const branch of branches) {
      if (branch.kind === 'union') throw new BadSchemaError('a union may not hold another union');
      const key = 'name' in branch ? branch.name : branch.kind;
      if (seen.has(key)) throw new BadSchemaError(`a union holds ${key} twice`);
      seen.add(key);
    }
    if (branches.length === 0) throw new BadSchemaError('expected a union of at least one type');
    return { kind: 'union', branches };
  }

  #record(json: SchemaObject, namespace: string): AvroType {
    const named = this.#names(json, namespace);
    const record: AvroRecord = { kind: 'record', ...named, fields: [] };
    this.#define(record);
    const fields = required(json, 'fields', named.name);
    if (!Array.isArray(fields)) throw new BadSchemaError(`${named.name}: expected a list of fields`);
    const inner = named.name.slice(0, Math.max(0, named.name.lastIndexOf('.')));
    for (const field of fields) record.fields.push(this.#field(field, record, inner));
    return record;
  }

  #field(json: ExactJson, record: AvroRecord, namespace: string): AvroField {
    if (json === null || typeof json !== 'object' || Array.isArray(json)) {
      throw new BadSchemaError(`${record.name}: expected fields to be objects`);
    }
    const name = nameOf(json, record.name);
    if (record.fields.some((other) => other.name === name)) {
      throw new BadSchemaError(`${record.name}: the field ${name} is there twice`);
    }
    const type = this.parse(required(json, 'type', `${record.name}.${name}`), namespace);
    return { name, aliases: stringsOf(json['aliases']), type, default: json['default'] };
  }

  #enum(json: SchemaObject, namespace: string): AvroType {
    const named = this.#names(json, namespace);
    const symbols = stringsOf(required(json, 'symbols', named.name));
    if (new Set(symbols).size < symbols.length) throw new BadSchemaError(`${named.name}: a symbol is there twice`);
    const fallback = typeof json['default'] === 'string' ? json['default'] : null;
    return this.#define({ kind: 'enum', ...named, symbols, default: fallback });
  }

  #fixed(json: SchemaObject, namespace: string): AvroType {
    const named = this.#names(json, namespace);
    const size = required(json, 'size', named.name);
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > maxFixedBytes) {
      throw new BadSchemaError(`${named.name}: expected a size of 0 to ${maxFixedBytes}, came ${String(size)}`);
    }
    return this.#define({ kind: 'fixed', ...named, size, logical: logicalTypeOf(json, 'fixed', size) });
  }

  #names(json: SchemaObject, around: string): { name: string; aliases: string[] } {
    const own = nameOf(json, 'a named type');
    const namespace = typeof json['namespace'] === 'string' ? json['namespace'] : around;
    const name = qualify(own, namespace);
    const inner = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    return { name, aliases: stringsOf(json['aliases']).map((alias) => qualify(alias, inner)) };
  }

  #define<T extends AvroRecord | AvroEnum | AvroFixed>(type: T): T {
    if (this.#named.has(type.name)) throw new BadSchemaError(`the type ${type.name} is defined twice`);
    this.#named.set(type.name, type);
    return type;
  }
}

function qualify(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function nameOf(json: SchemaObject, what: string): string {
  const { name } = json;
  if (typeof name !== 'string' || !/^[\p{L}_][\p{L}\p{N}_.$-]*$/u.test(name)) {
    throw new BadSchemaError(
      `${what}: expected a name, came ${typeof name === 'string' ? JSON.stringify(name) : typeof name}`,
    );
  }
  return name;
}

function required(json: SchemaObject, name: string, what: string): ExactJson {
  const value = json[name];
  if (value === undefined) throw new BadSchemaError(`${what}: expected "${name}"`);
  return value;
}

function stringsOf(json: ExactJson | undefined): string[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json) || json.some((item) => typeof item !== 'string')) {
    throw new BadSchemaError('expected a list of names');
  }
  return json as string[];
}
