import { z } from 'zod';
import type { RegisteredSchema, SchemaReference, SchemaType } from './registered-schema.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import { RegistryError } from './registry-error.ts';
import { type RegistryAnswer, RegistryHttp } from './registry-http.ts';
import { SchemaCache } from './schema-cache.ts';

const defaultCacheBytes = 32 * 1024 * 1024;
const maxReferences = 500;

/** Fields that we use of Confluent's REST answers; `schemaType` is left out for Avro. */
const schemaAnswer = z.object({
  id: z.int().min(0).optional(),
  schema: z.string(),
  schemaType: z.enum(['AVRO', 'JSON', 'PROTOBUF']).default('AVRO'),
  references: z.array(z.object({ name: z.string(), subject: z.string(), version: z.int() })).nullish(),
});
const errorAnswer = z.object({ error_code: z.int(), message: z.string().default('') });

/** Error codes that say "there is no such schema, version or subject" (a wrong URL answers 404 too, but not with these). */
const notFoundCodes: ReadonlySet<number> = new Set([40401, 40402, 40403]);

interface FoundSchema {
  id: number;
  type: SchemaType;
  text: string;
  references: SchemaReference[];
}

/**
 * Client of a schema registry that speaks Confluent's REST API. Schemas by id and by subject and version never change, so they
 * are kept, within a bound of bytes.
 */
export class RegistryClient {
  readonly #http: RegistryHttp;
  readonly #byId: SchemaCache<RegisteredSchema>;
  readonly #byVersion: SchemaCache<FoundSchema>;

  constructor(endpoint: RegistryEndpoint, options: { cacheBytes?: number; fetch?: typeof fetch } = {}) {
    this.#http = new RegistryHttp(endpoint, options.fetch);
    const cacheBytes = options.cacheBytes ?? defaultCacheBytes;
    this.#byId = new SchemaCache(cacheBytes);
    this.#byVersion = new SchemaCache(cacheBytes);
  }

  /** Bytes of kept schemas. */
  get cacheBytes(): number {
    return this.#byId.bytes + this.#byVersion.bytes;
  }

  /** Throws RegistryError unless the registry answers us. */
  async check(signal: AbortSignal): Promise<void> {
    const answer = await this.#http.get('/schemas/types', signal);
    if (answer.status !== 200) this.#refuse('/schemas/types', answer);
  }

  /** The schema with its references; null when the registry says that there is none. */
  async schemaById(id: number, signal: AbortSignal): Promise<RegisteredSchema | null> {
    const kept = this.#byId.get(String(id));
    if (kept) return kept;
    const found = await this.#find(`/schemas/ids/${id}`, signal);
    if (!found) return null;
    const schema = { ...(await this.#withReferences(found, signal)), id };
    this.#byId.set(String(id), schema, sizeOf(schema));
    return schema;
  }

  /** The newest schema of a subject; null when it has none. */
  async latest(subject: string, signal: AbortSignal): Promise<RegisteredSchema | null> {
    const found = await this.#find(`/subjects/${encodeURIComponent(subject)}/versions/latest`, signal);
    return found ? await this.#withReferences(found, signal) : null;
  }

  async #withReferences(found: FoundSchema, signal: AbortSignal): Promise<RegisteredSchema> {
    const references = new Map<string, { name: string; text: string }>();
    await this.#collect(found.references, references, signal);
    return { id: found.id, type: found.type, text: found.text, references: [...references.values()] };
  }

  /** Adds what a schema refers to, after what that refers to. */
  async #collect(
    references: readonly SchemaReference[],
    into: Map<string, { name: string; text: string }>,
    signal: AbortSignal,
    trail: readonly string[] = [],
  ): Promise<void> {
    for (const { name, subject, version } of references) {
      const key = `${subject}/${version}/${name}`;
      if (into.has(key) || trail.includes(key)) continue;
      if (trail.length + into.size >= maxReferences) {
        throw new RegistryError('registry-refused', `expected a schema with at most ${maxReferences} references`);
      }
      const found = await this.#version(subject, version, signal);
      await this.#collect(found.references, into, signal, [...trail, key]);
      into.set(key, { name, text: found.text });
    }
  }

  async #version(subject: string, version: number, signal: AbortSignal): Promise<FoundSchema> {
    const key = `${subject}/${version}`;
    const kept = this.#byVersion.get(key);
    if (kept) return kept;
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}?deleted=true`;
    const found = await this.#find(path, signal);
    if (!found) {
      const message = `expected version ${version} of the subject "${subject}", which a schema refers to; the registry has none`;
      throw new RegistryError('registry-refused', message);
    }
    this.#byVersion.set(key, found, found.text.length * 2 + 200);
    return found;
  }

  async #find(path: string, signal: AbortSignal): Promise<FoundSchema | null> {
    const answer = await this.#http.get(path, signal);
    if (answer.status === 200) {
      const parsed = schemaAnswer.safeParse(answer.body);
      if (!parsed.success) this.#refuse(path, answer);
      const { id, schema, schemaType, references } = parsed.data;
      return { id: id ?? 0, type: schemaType, text: schema, references: references ?? [] };
    }
    const parsed = errorAnswer.safeParse(answer.body);
    if (answer.status === 404 && parsed.success && notFoundCodes.has(parsed.data.error_code)) return null;
    return this.#refuse(path, answer);
  }

  #refuse(path: string, answer: RegistryAnswer): never {
    const parsed = errorAnswer.safeParse(answer.body);
    const why = parsed.success
      ? `${parsed.data.message} (${parsed.data.error_code})`
      : 'no answer of a schema registry';
    throw new RegistryError('registry-refused', `the schema registry answered ${answer.status} to ${path}: ${why}`);
  }
}

function sizeOf(schema: RegisteredSchema): number {
  return schema.references.reduce((sum, { text }) => sum + text.length * 2, schema.text.length * 2 + 200);
}
