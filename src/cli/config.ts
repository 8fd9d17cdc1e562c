import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { BadInputError } from '../shared/index.ts';
import { parseBytes, parseDuration, parseHostPort } from './arguments.ts';

/** A text or number that one of the option parsers turns into a number; its complaint becomes the issue. */
const parsed = (parser: (text: string) => number) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    try {
      return parser(String(value));
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

const hostPort = z.string().refine((text) => isHostPort(text), { error: 'expected HOST:PORT like 127.0.0.1:9092' });
const count = z.int().min(1);

/** A list, or one text as options take it: "a,b". */
function listOf<T extends z.ZodType<string>>(item: T) {
  const error = 'expected a list like [a, b], or a text like a,b';
  return z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item, { error }).min(1, { error }),
  );
}

/** Every key of sluice.yaml, with its type; sluice.yaml in the root of the project shows each with a comment. */
const configSchema = z.strictObject({
  broker: z.strictObject({ data: z.string(), listen: hostPort, defaultPartitions: count }).partial().default({}),
  kafka: z
    .strictObject({ commandConfig: z.string(), properties: z.record(z.string(), z.coerce.string()) })
    .partial()
    .default({}),
  loader: z
    .strictObject({
      topics: listOf(z.string()),
      warehouse: z.string(),
      user: z.string(),
      group: z.string(),
      workers: count,
      timeField: z.string(),
      columns: z.string(),
      rollBytes: parsed(parseBytes),
      rollAge: parsed(parseDuration),
      rollEvery: parsed(parseDuration),
      freshness: parsed(parseDuration),
      zone: z.string(),
      pathFormat: z.string(),
      partitionBy: z.array(z.string()).min(1),
      format: z.string(),
      registry: z.array(z.string()).min(1),
      retention: parsed(parseDuration),
      memory: parsed(parseBytes),
      engine: z.enum(['duckdb', 'parquetjs']),
      codec: z.enum(['zstd', 'snappy', 'gzip', 'none']),
    })
    .partial()
    .default({}),
  reports: z
    .strictObject({ cache: z.string(), cacheSize: parsed(parseBytes) })
    .partial()
    .default({}),
  jobs: z
    .strictObject({
      redis: z.string(),
      state: z.string(),
      brokers: listOf(hostPort),
      schedules: z.record(
        z.string(),
        z.strictObject({
          job: z.string(),
          cron: z.string(),
          zone: z.string().default('UTC'),
          overlap: z.enum(['skip', 'queue']).default('skip'),
          missed: z.enum(['run-once', 'skip']).default('run-once'),
          input: z.record(z.string(), z.unknown()).default({}),
        }),
      ),
    })
    .partial()
    .default({}),
});

export type SluiceConfig = z.infer<typeof configSchema>;

export const defaultConfigPath = 'sluice.yaml';

/**
 * Reads a configuration file. `path` null: `sluice.yaml` in the current folder, if there is one. Throws BadInputError that
 * names the file, the key, what was expected and what came.
 */
export function readConfig(path: string | null): SluiceConfig {
  const file = path ?? defaultConfigPath;
  if (path === null && !existsSync(file)) return configSchema.parse({});
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    throw new BadInputError(`${file}: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
  const result = configSchema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BadInputError(`${file}: ${issue!.path.join('.') || 'the file'}: ${issue!.message}`);
}

function isHostPort(text: string): boolean {
  try {
    parseHostPort(text);
    return true;
  } catch {
    return false;
  }
}
