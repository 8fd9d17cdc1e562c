import { type ExactJson, parseExactJson } from '../core/exact-json.ts';
import type { ValueColumn } from '../value-column.ts';

type JsonObject = { [name: string]: ExactJson };

/**
 * The columns that the properties of a JSON Schema have: `integer` int64, `number` double, `boolean`, `string`; everything else
 * (objects, lists, several types, references) is kept as JSON. What Kafka Connect notes about its own types (`connect.type`)
 * is used. `null` beside another type means that the column may be null, as all may.
 *
 * @throws BadSchemaError when the text is no JSON.
 */
export function columnsOfJsonSchema(text: string): ValueColumn[] {
  const schema = parseExactJson(text);
  const properties = isObject(schema) ? schema['properties'] : null;
  if (!isObject(properties)) return [];
  return Object.entries(properties).map(([name, property]) => ({ name, type: typeOf(property) }));
}

const connectTypes: ReadonlySet<ExactJson | undefined> = new Set(['int8', 'int16', 'int32', 'int64']);

function typeOf(property: ExactJson | undefined): string {
  if (!isObject(property)) return 'json';
  const one = withoutNull(property);
  if (one === null) return 'json';
  const connectType = one['connect.type'];
  switch (one['type']) {
    case 'integer':
      return connectTypes.has(connectType) ? (connectType as string) : 'int64';
    case 'number':
      return 'double';
    case 'boolean':
      return 'boolean';
    case 'string':
      return connectType === 'bytes' ? 'bytes' : 'string';
    default:
      return 'json';
  }
}

/** `{type: [T, "null"]}` and `{oneOf: [{type: "null"}, T]}` are T. Null: it cannot be said which one type it is. */
function withoutNull(property: JsonObject): JsonObject | null {
  const choices = property['oneOf'] ?? property['anyOf'];
  if (Array.isArray(choices)) {
    const others = choices.filter((choice) => !(isObject(choice) && choice['type'] === 'null'));
    return others.length === 1 && isObject(others[0]) ? withoutNull(others[0]) : null;
  }
  const { type } = property;
  if (!Array.isArray(type)) return property;
  const others = type.filter((name) => name !== 'null');
  return others.length === 1 ? { ...property, type: others[0]! } : null;
}

function isObject(value: ExactJson | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
