import { isDeepStrictEqual } from 'node:util';
import type { ExactJson } from '../core/exact-json.ts';

type JsonObject = { [name: string]: ExactJson };

const maxDepth = 60;

/**
 * Why documents that are valid by `writer` may be invalid by `reader`; empty: none are known. The basic rules: types, properties,
 * required ones, open and closed objects, enumerations, bounds, items, `$ref` within the document, and alternatives. What
 * is not understood must be the same on both sides.
 */
export function jsonSchemaReadProblems(reader: ExactJson, writer: ExactJson): string[] {
  return new JsonSchemaComparison(reader, writer).problems(reader, writer, '', 0);
}

class JsonSchemaComparison {
  readonly #reader: ExactJson;
  readonly #writer: ExactJson;

  constructor(reader: ExactJson, writer: ExactJson) {
    this.#reader = reader;
    this.#writer = writer;
  }

  problems(readerSchema: ExactJson, writerSchema: ExactJson, path: string, depth: number): string[] {
    const reader = resolve(readerSchema, this.#reader);
    const writer = resolve(writerSchema, this.#writer);
    const place = path === '' ? '#' : `#${path}`;
    if (isOpen(reader) || writer === false || isDeepStrictEqual(reader, writer) || depth > maxDepth) return [];
    if (reader === false) return [`${place}: nothing is allowed any more`];
    if (!isObject(reader) || !isObject(writer)) return [`${place}: the schema was narrowed`];
    const alternatives = this.#alternativeProblems(reader, writer, path, depth);
    if (alternatives) return alternatives;
    return [
      ...typeProblems(reader, writer, place),
      ...enumProblems(reader, writer, place),
      ...boundProblems(reader, writer, place),
      ...this.#propertyProblems(reader, writer, path, depth),
      ...this.#itemProblems(reader, writer, path, depth),
    ];
  }

  /** Each alternative of the writer must fit some alternative of the reader. Null: neither side has any. */
  #alternativeProblems(reader: JsonObject, writer: JsonObject, path: string, depth: number): string[] | null {
    const theirs = alternativesOf(writer);
    const ours = alternativesOf(reader);
    if (!theirs && !ours) return null;
    const lost = (theirs ?? [writer]).filter(
      (one) => !(ours ?? [reader]).some((other) => this.problems(other, one, path, depth + 1).length === 0),
    );
    return lost.length === 0 ? [] : [`#${path}: ${lost.length} of the alternatives fit none of the new ones`];
  }

  #propertyProblems(reader: JsonObject, writer: JsonObject, path: string, depth: number): string[] {
    const ours = propertiesOf(reader);
    const theirs = propertiesOf(writer);
    const problems: string[] = [];
    for (const [name, schema] of Object.entries(ours)) {
      const before = theirs[name];
      const place = `${path}/properties/${name}`;
      if (before !== undefined) problems.push(...this.problems(schema, before, place, depth + 1));
      else if (isClosed(writer) || isOpen(schema)) continue;
      // An open object may hold the name with any value already.
      else if (isObject(writer['additionalProperties'] ?? null)) {
        problems.push(...this.problems(schema, writer['additionalProperties']!, place, depth + 1));
      } else problems.push(`#${place}: a property was added to an object that allows any others`);
    }
    for (const name of Object.keys(theirs)) {
      if (ours[name] === undefined && isClosed(reader)) {
        problems.push(`#${path}/properties/${name}: a property was removed from an object that allows no others`);
      }
    }
    if (isClosed(reader) && !isClosed(writer))
      problems.push(`#${path}: additional properties are not allowed any more`);
    return [...problems, ...requiredProblems(reader, writer, path)];
  }

  #itemProblems(reader: JsonObject, writer: JsonObject, path: string, depth: number): string[] {
    if (reader['items'] === undefined) return [];
    return this.problems(reader['items'], writer['items'] ?? true, `${path}/items`, depth + 1);
  }
}

function typeProblems(reader: JsonObject, writer: JsonObject, place: string): string[] {
  const ours = typesOf(reader);
  if (!ours) return [];
  const theirs = typesOf(writer);
  if (!theirs) return [`${place}: any type became ${ours.join(', ')}`];
  const lost = theirs.filter((type) => !ours.includes(type) && !(type === 'integer' && ours.includes('number')));
  return lost.length === 0 ? [] : [`${place}: the type ${lost.join(', ')} is not allowed any more`];
}

function enumProblems(reader: JsonObject, writer: JsonObject, place: string): string[] {
  const ours = valuesOf(reader);
  if (!ours) return [];
  const theirs = valuesOf(writer);
  if (!theirs) return [`${place}: only some values are allowed now`];
  const lost = theirs.filter((value) => !ours.some((other) => isDeepStrictEqual(value, other)));
  return lost.length === 0 ? [] : [`${place}: ${lost.length} of the allowed values were removed`];
}

const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const fixedWords = [
  'pattern',
  'multipleOf',
  'uniqueItems',
  'format',
  'not',
  'allOf',
  'dependencies',
  'patternProperties',
];

function boundProblems(reader: JsonObject, writer: JsonObject, place: string): string[] {
  const isTighter = (word: string, sign: number): boolean => {
    const [ours, theirs] = [reader[word], writer[word]];
    if (ours === undefined) return false;
    return theirs === undefined || (Number(ours) - Number(theirs)) * sign < 0;
  };
  return [
    ...upperBounds.filter((word) => isTighter(word, 1)),
    ...lowerBounds.filter((word) => isTighter(word, -1)),
    ...fixedWords.filter((word) => reader[word] !== undefined && !isDeepStrictEqual(reader[word], writer[word])),
  ].map((word) => `${place}: ${word} was narrowed`);
}

function requiredProblems(reader: JsonObject, writer: JsonObject, path: string): string[] {
  const before = new Set(stringsOf(writer['required']));
  const properties = propertiesOf(reader);
  const added = stringsOf(reader['required']).filter((name) => {
    const property = properties[name];
    return !before.has(name) && !(isObject(property ?? null) && (property as JsonObject)['default'] !== undefined);
  });
  return added.map((name) => `#${path}/required: ${name} became required`);
}

/** Follows `$ref` within the document. */
function resolve(schema: ExactJson, document: ExactJson): ExactJson {
  let current = schema;
  for (let hops = 0; hops < 20 && isObject(current) && typeof current['$ref'] === 'string'; hops++) {
    const found = pointed(document, current['$ref']);
    if (found === undefined) return current;
    current = found;
  }
  return current;
}

function pointed(document: ExactJson, reference: string): ExactJson | undefined {
  if (!reference.startsWith('#/') && reference !== '#') return undefined;
  let current: ExactJson | undefined = document;
  for (const part of reference.slice(2).split('/').filter(Boolean)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    current = isObject(current ?? null) ? (current as JsonObject)[name] : undefined;
  }
  return current;
}

function alternativesOf(schema: JsonObject): ExactJson[] | null {
  const found = schema['oneOf'] ?? schema['anyOf'];
  return Array.isArray(found) ? found : null;
}

function typesOf(schema: JsonObject): string[] | null {
  const { type } = schema;
  return type === undefined ? null : stringsOf(Array.isArray(type) ? type : [type]);
}

function valuesOf(schema: JsonObject): ExactJson[] | null {
  if (schema['const'] !== undefined) return [schema['const']];
  return Array.isArray(schema['enum']) ? schema['enum'] : null;
}

function propertiesOf(schema: JsonObject): JsonObject {
  const { properties } = schema;
  return isObject(properties ?? null) ? (properties as JsonObject) : {};
}

function isClosed(schema: JsonObject): boolean {
  return schema['additionalProperties'] === false;
}

/** Allows everything. */
function isOpen(schema: ExactJson): boolean {
  return schema === true || (isObject(schema) && Object.keys(schema).length === 0);
}

function stringsOf(value: ExactJson | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function isObject(value: ExactJson): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
