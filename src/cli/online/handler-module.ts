import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BatchHandler, ConsumerOptions, PositionedSink } from '../../online/index.ts';
import { BadInputError, describeError } from '../../shared/index.ts';

/** What a module may say of itself; it may leave out all but the handler. */
export type ModuleOptions = Partial<Omit<ConsumerOptions<unknown>, keyof typeof commandsOwn | 'handler'>> & {
  handler: BatchHandler<unknown> | PositionedSink<unknown>;
};

export interface HandlerModule {
  options: ModuleOptions;
  /** Behind the last batch. A second call does nothing more. */
  close: () => Promise<void>;
}

/** Options of createConsumer that only the command line can give. */
const commandsOwn = {
  cluster: '--brokers',
  clientConfig: '--command-config',
  signal: 'Ctrl-C',
} as const;

const optionNames: Record<keyof ModuleOptions, true> = {
  ...{ brokers: true, topics: true, handler: true, decode: true, decodeRow: true, group: true, from: true },
  ...{ warehouse: true, prefer: true, table: true, timeField: true, untilEnd: true, concurrency: true },
  ...{ batchEvents: true, maxBytes: true, retries: true, deadLetterTopic: true, undecodable: true, expired: true },
  ...{ commitIntervalMs: true, stopTimeoutMs: true, sessionTimeoutMs: true, instanceId: true, assignor: true },
  ...{ registry: true, clock: true, logger: true },
};

const expectation =
  'a default export that is a function (batch, context), a sink with position and store, or an object with a handler and options of createConsumer';

/** Loads a user's module. Throws BadInputError when it is not there, cannot be loaded, or exports no handler. */
export async function loadHandler(file: string): Promise<HandlerModule> {
  const path = resolve(file);
  if (!existsSync(path)) throw new BadInputError(`expected a module with a handler at ${path}, found none`);
  const loaded = await importModule(path);
  const close = loaded['close'];
  if (close !== undefined && typeof close !== 'function')
    throw new BadInputError(`${path}: expected the export close to be a function, got ${kindOf(close)}`);
  let closed: Promise<void> | null = null;
  const closeOnce = async (): Promise<void> => void (await (close as (() => unknown) | undefined)?.());
  return { options: optionsOf(loaded['default'], path), close: () => (closed ??= closeOnce()) };
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION')
      throw new BadInputError(`expected a .js or .mjs module, got ${path}${advice(path)}`);
    const name = error instanceof Error ? `${error.name}: ` : '';
    throw new BadInputError(`${path} cannot be loaded: ${name}${describeError(error)}`);
  }
}

function advice(path: string): string {
  if (!/\.[mc]?ts$/.test(path)) return '';
  return `: Node ${process.versions.node} does not load TypeScript (22.18 and later do); compile it first`;
}

function optionsOf(exported: unknown, path: string): ModuleOptions {
  if (isHandler(exported)) return { handler: exported };
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported))
    throw new BadInputError(`${path}: expected ${expectation}; got ${kindOf(exported)}`);
  for (const name of Object.keys(exported)) {
    if (name in commandsOwn) {
      const instead = commandsOwn[name as keyof typeof commandsOwn];
      throw new BadInputError(`${path}: expected options without "${name}", for which the command has ${instead}`);
    }
    if (!(name in optionNames))
      throw new BadInputError(`${path}: expected ${expectation}; createConsumer has no option "${name}"`);
  }
  const options = exported as Partial<ModuleOptions>;
  if (isHandler(options.handler)) return { ...options, handler: options.handler };
  throw new BadInputError(`${path}: expected ${expectation}; its handler is ${kindOf(options.handler)}`);
}

function isHandler(value: unknown): value is ModuleOptions['handler'] {
  if (typeof value === 'function') return true;
  const { position, store } = (value ?? {}) as Record<string, unknown>;
  return typeof position === 'function' && typeof store === 'function';
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'none';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}
