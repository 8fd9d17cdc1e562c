import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { BadInputError } from '../shared/index.ts';
import { readValueFormat } from './read-format.ts';
import type { ValueFormat } from './value-format.ts';

/** How values are written, as a command line or the input of a job says it. */
export interface FormatChoice {
  /** One of the names below, or a YAML file with a section `format`. */
  format?: string | undefined;
  /** URLs of the schema registry. */
  registry?: string[] | undefined;
}

/** Formats that need no further settings but a registry. */
const named: Readonly<Record<string, { section: object; needsRegistry: boolean }>> = {
  json: { section: { type: 'json' }, needsRegistry: false },
  'json-schema': { section: { type: 'json-schema' }, needsRegistry: true },
  avro: { section: { type: 'avro' }, needsRegistry: true },
  protobuf: { section: { type: 'protobuf' }, needsRegistry: true },
  debezium: { section: { type: 'debezium' }, needsRegistry: false },
  'debezium-avro': { section: { type: 'debezium', values: 'avro' }, needsRegistry: true },
  combined: { section: { type: 'line', pattern: 'combined' }, needsRegistry: false },
  common: { section: { type: 'line', pattern: 'common' }, needsRegistry: false },
};

/**
 * The format that the choice asks for, else that of the contract (its section `format`, undefined when it has none); null: plain
 * JSON.
 *
 * @throws BadInputError with one line.
 */
export async function chooseFormat(
  { format, registry }: FormatChoice,
  contract?: { section: unknown; path: string },
): Promise<ValueFormat | null> {
  if (format === undefined) {
    if (contract?.section === undefined) {
      if (registry) throw new BadInputError('--registry needs --format, which says what its schemas are of');
      return null;
    }
    return await readValueFormat(withRegistry(contract.section, registry), contract.path, dirname(contract.path));
  }
  const known = Object.hasOwn(named, format) ? named[format] : undefined;
  if (!known) return await fileFormat(format, registry);
  if (known.needsRegistry && !registry) throw new BadInputError(`--format ${format} needs --registry URL`);
  return await readValueFormat(withRegistry(known.section, registry), '--format', '.');
}

async function fileFormat(path: string, registry: string[] | undefined): Promise<ValueFormat> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const names = Object.keys(named).join(', ');
    throw new BadInputError(`--format ${path}: expected one of ${names}, or a YAML file`, { cause });
  });
  let parsed: unknown;
  try {
    parsed = parseYaml(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new BadInputError(`${path}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
  const section = isObject(parsed) && 'format' in parsed ? parsed['format'] : parsed;
  return await readValueFormat(withRegistry(section, registry), path, dirname(resolve(path)));
}

/** What was chosen counts more than the file. */
function withRegistry(section: unknown, registry: string[] | undefined): unknown {
  return registry && isObject(section) ? { ...section, registry } : section;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
