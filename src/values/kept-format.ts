import { z } from 'zod';
import { BadInputError } from '../shared/index.ts';
import { csvSection, lineSection } from './format-schema.ts';
import { authorizationOf, type RegistryEndpoint } from './registry/registry-endpoint.ts';
import type { ValueFormat } from './value-format.ts';

// What a table keeps of the format of its values, so that a range can be read again without naming it: all of it (the texts of schema
// files too), but no secret: of the login of a registry only where it is.

/** `url`: user and password stood in the URL, and are not kept. */
const login = z.union([
  z.literal('url'),
  z.strictObject({ user: z.string(), passwordFile: z.string() }),
  z.strictObject({ tokenFile: z.string() }),
]);
const registry = z.strictObject({
  urls: z.array(z.string()).min(1),
  timeoutMs: z.int().positive(),
  login: login.nullable(),
});
const protoFile = z.strictObject({
  text: z.string(),
  references: z.array(z.strictObject({ name: z.string(), text: z.string() })),
  message: z.string(),
});

const keptFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('json') }),
  z.strictObject({ type: z.literal('json-schema'), registry }),
  z.strictObject({
    type: z.literal('avro'),
    registry: registry.nullable(),
    writer: z.string().nullable(),
    reader: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('protobuf'), registry: registry.nullable(), file: protoFile.nullable() }),
  csvSection,
  lineSection,
  z.strictObject({
    type: z.literal('debezium'),
    values: z.enum(['json', 'avro']),
    registry: registry.nullable(),
    deletes: z.enum(['row', 'drop', 'dead']),
    tombstones: z.enum(['drop', 'dead']),
    add: z.array(z.string()),
  }),
]);

/** JSON without secrets, for `restoreFormat`. */
export function formatToKeep(format: ValueFormat): object {
  if (!('registry' in format) || format.registry === null) return format;
  return { ...format, registry: registryToKeep(format.registry) };
}

/**
 * The format that was kept as `kept`; passwords and tokens are read from where they were. `place` names what was kept, for messages.
 *
 * @throws BadInputError when something of it is not here.
 */
export async function restoreFormat(kept: unknown, place: string): Promise<ValueFormat> {
  const parsed = keptFormat.safeParse(kept);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BadInputError(`${place}: format.${issue!.path.join('.')}: ${issue!.message}`);
  }
  const format = parsed.data;
  if (!('registry' in format) || format.registry === null) return format as ValueFormat;
  return { ...format, registry: await restoreRegistry(format.registry, place) } as ValueFormat;
}

function registryToKeep({ urls, timeoutMs, login: from }: RegistryEndpoint): z.infer<typeof registry> {
  const plain = urls.map(withoutLogin);
  const isInUrl = plain.some((url, index) => url !== urls[index]);
  return { urls: plain, timeoutMs, login: from ?? (isInUrl ? 'url' : null) };
}

async function restoreRegistry(kept: z.infer<typeof registry>, place: string): Promise<RegistryEndpoint> {
  const { urls, timeoutMs, login: from } = kept;
  if (from === 'url') {
    throw new BadInputError(
      `${place}: the login of ${urls.join(', ')} is not kept: say --format and --registry once more`,
    );
  }
  try {
    const authorization = await authorizationOf(from, '.');
    return { urls, timeoutMs, authorization, ...(from === null ? {} : { login: from }) };
  } catch (error) {
    throw new BadInputError(`${place}: the login of ${urls.join(', ')}: ${(error as Error).message}`, { cause: error });
  }
}

/** A URL is left as it was written unless something has to go. */
function withoutLogin(text: string): string {
  const url = new URL(text);
  if (url.username === '' && url.password === '') return text;
  url.username = '';
  url.password = '';
  return url.href;
}
