import { z } from 'zod';
import { failures } from './registry-failure.ts';
import { type CompatibilityLevel, compatibilityLevels, registryModes, type StoredSchema } from './registry-record.ts';
import type { NewSchema, SchemaRegistry } from './schema-registry.ts';

/** A request as the routes see it. */
export interface RegistryRequest {
  /** Decoded parts of the path. */
  parts: string[];
  query: URLSearchParams;
  /** Parsed JSON; undefined: none. */
  body: unknown;
  signal: AbortSignal;
}

export type RegistryRoute = (registry: SchemaRegistry, request: RegistryRequest) => unknown;

const newSchema = z.object({
  schema: z.string(),
  schemaType: z.enum(['AVRO', 'JSON', 'PROTOBUF']).nullish(),
  references: z.array(z.object({ name: z.string(), subject: z.string(), version: z.int() })).nullish(),
  id: z.int().min(1).nullish(),
  version: z.int().nullish(),
});

/**
 * The REST API of Confluent's registry, method and path -> what is answered (as JSON). `*` stands for one part of the path. Not
 * here: contexts, exporters, data contracts (rules, metadata), encryption.
 */
export const registryRoutes: readonly (readonly [method: string, path: string, route: RegistryRoute])[] = [
  ['GET', '', () => ({})],
  ['GET', 'schemas/types', () => ['JSON', 'PROTOBUF', 'AVRO']],
  ['GET', 'schemas', allSchemas],
  ['GET', 'schemas/ids/*', schemaById],
  ['GET', 'schemas/ids/*/schema', (registry, request) => new RawJson(withId(registry, request).text)],
  ['GET', 'schemas/ids/*/subjects', subjectsOfId],
  ['GET', 'schemas/ids/*/versions', versionsOfId],
  ['GET', 'subjects', subjects],
  ['POST', 'subjects/*', lookUp],
  ['DELETE', 'subjects/*', deleteSubject],
  ['GET', 'subjects/*/versions', versions],
  ['POST', 'subjects/*/versions', register],
  ['GET', 'subjects/*/versions/*', (registry, request) => described(versionOf(registry, request))],
  ['GET', 'subjects/*/versions/*/schema', (registry, request) => new RawJson(versionOf(registry, request).text)],
  ['GET', 'subjects/*/versions/*/referencedby', referencedBy],
  ['DELETE', 'subjects/*/versions/*', deleteVersion],
  ['POST', 'compatibility/subjects/*/versions', checkAll],
  ['POST', 'compatibility/subjects/*/versions/*', checkOne],
  ['GET', 'config', (registry) => ({ compatibilityLevel: registry.levelOf('') })],
  ['PUT', 'config', (registry, request) => setLevel(registry, request, null)],
  ['DELETE', 'config', (registry, request) => unsetLevel(registry, request, null)],
  ['GET', 'config/*', level],
  ['PUT', 'config/*', (registry, request) => setLevel(registry, request, request.parts[1]!)],
  ['DELETE', 'config/*', (registry, request) => unsetLevel(registry, request, request.parts[1]!)],
  ['GET', 'mode', (registry) => ({ mode: registry.modeOf('') })],
  ['PUT', 'mode', (registry, request) => setMode(registry, request, null)],
  ['GET', 'mode/*', mode],
  ['PUT', 'mode/*', (registry, request) => setMode(registry, request, request.parts[1]!)],
  ['DELETE', 'mode/*', unsetMode],
  ['GET', 'contexts', () => ['.']],
];

/** An answer that is JSON text already. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function flag(request: RegistryRequest, name: string): boolean {
  return request.query.get(name) === 'true';
}

function subjects(registry: SchemaRegistry, request: RegistryRequest): string[] {
  const prefix = request.query.get('subjectPrefix') ?? '';
  return registry.state.subjects(flag(request, 'deleted')).filter((subject) => subject.startsWith(prefix));
}

function allSchemas(registry: SchemaRegistry, request: RegistryRequest): object[] {
  const prefix = request.query.get('subjectPrefix') ?? '';
  const found = registry.state.all(flag(request, 'deleted')).filter(({ subject }) => subject.startsWith(prefix));
  const chosen = flag(request, 'latestOnly')
    ? found.filter((one, index) => found[index + 1]?.subject !== one.subject)
    : found;
  return chosen.map(described);
}

function withId(registry: SchemaRegistry, { parts }: RegistryRequest): StoredSchema {
  const id = Number(parts[2]);
  const found = Number.isInteger(id) ? registry.state.byId(id) : null;
  if (!found) throw failures.schemaNotFound(Number.isInteger(id) ? id : undefined);
  return found;
}

function schemaById(registry: SchemaRegistry, request: RegistryRequest): object {
  const { type, text, references } = withId(registry, request);
  return {
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    schema: text,
    ...(references.length === 0 ? {} : { references }),
    ...(flag(request, 'fetchMaxId') ? { maxId: registry.state.maxId } : {}),
  };
}

function subjectsOfId(registry: SchemaRegistry, request: RegistryRequest): string[] {
  const { id } = withId(registry, request);
  return [...new Set(registry.state.withId(id, flag(request, 'deleted')).map(({ subject }) => subject))];
}

function versionsOfId(registry: SchemaRegistry, request: RegistryRequest): object[] {
  const { id } = withId(registry, request);
  return registry.state.withId(id, flag(request, 'deleted')).map(({ subject, version }) => ({ subject, version }));
}

function versions(registry: SchemaRegistry, request: RegistryRequest): number[] {
  const subject = request.parts[1]!;
  const found = registry.state.versions(subject, flag(request, 'deleted'));
  if (found.length === 0) throw failures.subjectNotFound(subject);
  return found.map(({ version }) => version);
}

/** `latest` and -1 are the last version that is not deleted. */
function versionOf(registry: SchemaRegistry, request: RegistryRequest): StoredSchema {
  const at = request.parts[0] === 'compatibility' ? 2 : 1;
  const subject = request.parts[at]!;
  const text = request.parts[at + 2]!;
  const withDeleted = flag(request, 'deleted') || flag(request, 'permanent');
  const known = registry.state.versions(subject, withDeleted);
  const number = text === 'latest' || text === '-1' ? null : Number(text);
  if (number !== null && !(Number.isInteger(number) && number >= 1 && number <= 0x7fff_ffff)) {
    throw failures.invalidVersion(text);
  }
  if (known.length === 0) throw failures.subjectNotFound(subject);
  const found = number === null ? known.at(-1) : known.find(({ version }) => version === number);
  if (!found) throw failures.versionNotFound(text);
  return found;
}

function described({ subject, version, id, type, text, references }: StoredSchema): object {
  return {
    subject,
    version,
    id,
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
    schema: text,
  };
}

function schemaIn(body: unknown): NewSchema & { id?: number | undefined; version?: number | undefined } {
  const parsed = newSchema.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw failures.unprocessable(`${issue.path.join('.') || 'the body'}: ${issue.message}`);
  }
  const { schema, schemaType, references, id, version } = parsed.data;
  return {
    type: schemaType ?? 'AVRO',
    text: schema,
    references: references ?? [],
    id: id ?? undefined,
    version: version === null || version === undefined || version < 1 ? undefined : version,
  };
}

async function register(registry: SchemaRegistry, request: RegistryRequest): Promise<object> {
  const subject = request.parts[1]!;
  if (subject === '' || subject.startsWith(':.'))
    throw failures.unprocessable(`the subject '${subject}' is not supported`);
  const { id, version, ...schema } = schemaIn(request.body);
  const stored = await registry.register(subject, schema, { id, version }, request.signal);
  return { id: stored.id };
}

function lookUp(registry: SchemaRegistry, request: RegistryRequest): object {
  const subject = request.parts[1]!;
  const withDeleted = flag(request, 'deleted');
  if (registry.state.versions(subject, withDeleted).length === 0) throw failures.subjectNotFound(subject);
  const schema = schemaIn(request.body);
  registry.parse(schema);
  const found = registry.find(subject, schema, withDeleted);
  if (!found) throw failures.schemaNotFound();
  return described(found);
}

function referencedBy(registry: SchemaRegistry, request: RegistryRequest): number[] {
  const { subject, version } = versionOf(registry, request);
  return [...new Set(registry.state.referencesTo(subject, version).map(({ id }) => id))];
}

function deleteSubject(registry: SchemaRegistry, request: RegistryRequest): Promise<number[]> {
  return registry.deleteSubject(request.parts[1]!, flag(request, 'permanent'), request.signal);
}

async function deleteVersion(registry: SchemaRegistry, request: RegistryRequest): Promise<number> {
  const stored = versionOf(registry, request);
  await registry.deleteVersion(stored, flag(request, 'permanent'), request.signal);
  return stored.version;
}

function checkAll(registry: SchemaRegistry, request: RegistryRequest): object {
  const subject = request.parts[2]!;
  const known = registry.state.versions(subject, false);
  return checked(registry, request, known, registry.levelOf(subject));
}

/** Against one version, whatever was before it. */
function checkOne(registry: SchemaRegistry, request: RegistryRequest): object {
  const stored = versionOf(registry, request);
  const own = registry.levelOf(stored.subject).replace('_TRANSITIVE', '') as CompatibilityLevel;
  return checked(registry, request, [stored], own);
}

function checked(
  registry: SchemaRegistry,
  request: RegistryRequest,
  against: readonly StoredSchema[],
  own: CompatibilityLevel,
): object {
  const { parsed } = registry.parse(schemaIn(request.body));
  const problems = registry.problems(parsed, against, own);
  return { is_compatible: problems.length === 0, ...(flag(request, 'verbose') ? { messages: problems } : {}) };
}

function level(registry: SchemaRegistry, request: RegistryRequest): object {
  const subject = request.parts[1]!;
  const own = registry.state.level(subject);
  if (own === null && !flag(request, 'defaultToGlobal')) throw failures.noOwnLevel(subject);
  return { compatibilityLevel: own ?? registry.levelOf(subject) };
}

async function setLevel(registry: SchemaRegistry, request: RegistryRequest, subject: string | null): Promise<object> {
  const parsed = z.object({ compatibility: z.string() }).safeParse(request.body);
  const wanted = parsed.success ? parsed.data.compatibility.toUpperCase() : '';
  const found = compatibilityLevels.find((one) => one === wanted);
  if (!found) throw failures.invalidLevel();
  await registry.setLevel(subject, found, request.signal);
  return { compatibility: found };
}

/** Answers with the level that was in force. */
async function unsetLevel(registry: SchemaRegistry, request: RegistryRequest, subject: string | null): Promise<object> {
  const before = registry.state.level(subject);
  if (before === null && subject !== null) throw failures.noOwnLevel(subject);
  await registry.setLevel(subject, null, request.signal);
  return { compatibilityLevel: before ?? registry.levelOf('') };
}

function mode(registry: SchemaRegistry, request: RegistryRequest): object {
  const subject = request.parts[1]!;
  const own = registry.state.mode(subject);
  if (own === null && !flag(request, 'defaultToGlobal')) throw failures.noOwnMode(subject);
  return { mode: own ?? registry.modeOf(subject) };
}

async function setMode(registry: SchemaRegistry, request: RegistryRequest, subject: string | null): Promise<object> {
  const parsed = z.object({ mode: z.string() }).safeParse(request.body);
  const wanted = parsed.success ? parsed.data.mode.toUpperCase() : '';
  const found = registryModes.find((one) => one === wanted);
  if (!found) throw failures.invalidMode();
  await registry.setMode(subject, found, flag(request, 'force'), request.signal);
  return { mode: found };
}

async function unsetMode(registry: SchemaRegistry, request: RegistryRequest): Promise<object> {
  const subject = request.parts[1]!;
  const before = registry.state.mode(subject);
  if (before === null) throw failures.noOwnMode(subject);
  await registry.setMode(subject, null, true, request.signal);
  return { mode: before };
}
