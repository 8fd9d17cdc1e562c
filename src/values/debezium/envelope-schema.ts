import { type ConnectWrite, connectWriterFor } from './connect-types.ts';

interface ConnectField {
  field?: unknown;
  name?: unknown;
  fields?: unknown;
  parameters?: unknown;
}

/** Schemas kept read: they are repeated in every value. */
const maxKept = 100;

/**
 * Reads the `schema` beside a `payload` (Kafka Connect's JSON converter) for the fields whose plain JSON means something else. The
 * same text is read once.
 */
export class EnvelopeSchemas {
  readonly #kept = new Map<string, ReadonlyMap<string, ConnectWrite>>();

  /** Writers by the name of the row's field; empty when nothing is to be rewritten. */
  writers(schemaText: string): ReadonlyMap<string, ConnectWrite> {
    const kept = this.#kept.get(schemaText);
    if (kept) return kept;
    const writers = readWriters(schemaText);
    if (this.#kept.size >= maxKept) this.#kept.clear();
    this.#kept.set(schemaText, writers);
    return writers;
  }
}

function readWriters(schemaText: string): Map<string, ConnectWrite> {
  const writers = new Map<string, ConnectWrite>();
  for (const { field, name, parameters } of fieldsOf(rowSchema(schemaText))) {
    if (typeof field !== 'string' || typeof name !== 'string') continue;
    const write = connectWriterFor(name, isObject(parameters) ? parameters : {});
    if (write) writers.set(field, write);
  }
  return writers;
}

/** Of an envelope's schema the one of the row: `before` and `after` have the same. */
function rowSchema(text: string): ConnectField {
  try {
    const schema = JSON.parse(text) as unknown;
    return fieldsOf(schema).find(({ field }) => field === 'after') ?? {};
  } catch {
    return {};
  }
}

function fieldsOf(schema: unknown): ConnectField[] {
  if (!isObject(schema) || !Array.isArray(schema['fields'])) return [];
  return schema['fields'].filter(isObject) as ConnectField[];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
