import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { BadInputError, describeError } from '../shared/index.ts';
import { parseAvroSchema } from './avro/parse-avro-schema.ts';
import { type FormatSection, formatSection, type RegistrySettings } from './format-schema.ts';
import { addCommonProto } from './protobuf/common-protos.ts';
import { parseProtoSchema, protoImports } from './protobuf/parse-proto-schema.ts';
import { authorizationOf, type RegistryEndpoint, type RegistryLogin, readText } from './registry/registry-endpoint.ts';
import { RegistryHttp } from './registry/registry-http.ts';
import { linePatternOf } from './text/line-patterns.ts';
import type { ProtoFile, ValueFormat } from './value-format.ts';

/**
 * Checks a `format:` section, reads the files it names (relative to `directory`) and compiles what can be compiled.
 *
 * @throws BadInputError with one line; `source` names where the section stands.
 */
export async function readValueFormat(section: unknown, source: string, directory: string): Promise<ValueFormat> {
  const parsed = formatSection.safeParse(section);
  if (!parsed.success) throw new BadInputError(`${source}: ${describeIssue(parsed.error.issues[0]!)}`);
  try {
    return await complete(parsed.data, directory);
  } catch (error) {
    throw new BadInputError(`${source}: ${describeError(error)}`, { cause: error });
  }
}

async function complete(section: FormatSection, directory: string): Promise<ValueFormat> {
  switch (section.type) {
    case 'json':
    case 'csv':
      return section;
    case 'line':
      linePatternOf(section);
      return section;
    case 'json-schema':
      return { type: 'json-schema', registry: await endpointOf(section.registry, directory) };
    case 'avro':
      return await completeAvro(section, directory);
    case 'protobuf':
      return await completeProtobuf(section, directory);
    case 'debezium': {
      if (section.values === 'avro' && !section.registry) throw new BadInputError('values: avro needs "registry"');
      const registry = section.registry ? await endpointOf(section.registry, directory) : null;
      return { ...section, registry };
    }
  }
}

async function completeAvro(
  section: Extract<FormatSection, { type: 'avro' }>,
  directory: string,
): Promise<ValueFormat> {
  const { registry, schemaFile, readerSchemaFile } = section;
  checkOneSource(registry, schemaFile);
  const writer = schemaFile === undefined ? null : await readText(schemaFile, directory);
  const reader = readerSchemaFile === undefined ? null : await readText(readerSchemaFile, directory);
  for (const text of [writer, reader]) if (text !== null) parseAvroSchema(text);
  return { type: 'avro', registry: registry ? await endpointOf(registry, directory) : null, writer, reader };
}

async function completeProtobuf(
  section: Extract<FormatSection, { type: 'protobuf' }>,
  directory: string,
): Promise<ValueFormat> {
  const { registry, schemaFile, message } = section;
  checkOneSource(registry, schemaFile);
  if (registry) return { type: 'protobuf', registry: await endpointOf(registry, directory), file: null };
  if (message === undefined) throw new BadInputError('schemaFile needs "message", the type of the values');
  const text = await readText(schemaFile!, directory);
  const folder = section.importFolder ?? join(schemaFile!, '..');
  const file: ProtoFile = { text, references: await readImports(text, resolve(directory, folder)), message };
  parseProtoSchema(file.text, file.references).messageNamed(message);
  return { type: 'protobuf', registry: null, file };
}

function checkOneSource(registry: unknown, schemaFile: unknown): void {
  if ((registry === undefined) === (schemaFile === undefined)) {
    throw new BadInputError(
      'expected either "registry" (values in the wire format) or "schemaFile" (values without a frame)',
    );
  }
}

/** The files that a .proto file imports, and theirs. */
async function readImports(text: string, folder: string): Promise<{ name: string; text: string }[]> {
  const found = new Map<string, string>();
  const open = [...protoImports(text)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name) || addCommonProto(null, name)) continue;
    const imported = await readText(name, folder);
    found.set(name, imported);
    open.push(...protoImports(imported));
  }
  return [...found].map(([name, imported]) => ({ name, text: imported }));
}

async function endpointOf(settings: RegistrySettings, directory: string): Promise<RegistryEndpoint> {
  const { urls, timeoutMs } = settings;
  const login = loginOf(settings, directory);
  const authorization = await authorizationOf(login, directory);
  const endpoint = { urls, timeoutMs, authorization, ...(login === null ? {} : { login }) };
  new RegistryHttp(endpoint); // which checks the URLs
  return endpoint;
}

/** By whole paths: whoever reads the format again may be in another folder. */
function loginOf(settings: RegistrySettings, directory: string): RegistryLogin | null {
  const { user, passwordFile, tokenFile } = 'user' in settings || 'tokenFile' in settings ? settings : noLogin;
  if (tokenFile !== undefined) return { tokenFile: resolve(directory, tokenFile) };
  if (user === undefined) return null;
  if (passwordFile === undefined) throw new BadInputError('registry: user needs "passwordFile"');
  return { user, passwordFile: resolve(directory, passwordFile) };
}

const noLogin: { user?: string; passwordFile?: string; tokenFile?: string } = {};

function describeIssue(issue: z.core.$ZodIssue): string {
  return `${['format', ...issue.path].join('.')}: ${issue.message}`;
}
