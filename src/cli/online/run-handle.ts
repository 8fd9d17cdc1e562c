import type { Registry } from 'prom-client';
import { type Consumer, type ConsumerOptions, createConsumer, HandlerFailedError } from '../../online/index.ts';
import { BadInputError, createLogger, definedOnly } from '../../shared/index.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { serveMetrics } from '../operation/serve-metrics.ts';
import { exitCodes, formatCount, lineProgress, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { type HandlerModule, loadHandler, type ModuleOptions } from './handler-module.ts';
import { withHistory } from './with-history.ts';

/** As commander hands them over; undefined: what the module says, or the default of createConsumer. */
export interface HandleFlags {
  brokers?: string[];
  commandConfig?: string;
  topics?: string[];
  /** False: no group. */
  group?: string | false;
  from?: string | number;
  warehouse?: string;
  user?: string;
  table?: string;
  timeField?: string;
  untilEnd?: boolean;
  concurrency?: number;
  batchEvents?: number;
  deadLetterTopic?: string;
  skipExpired?: boolean;
  metrics?: { host: string; port: number };
  json?: boolean;
}

/** What was done, from the first batch to the last. */
interface HandleReport {
  events: number;
  fromHistory: number;
  retries: number;
  deadLetters: number;
  undecodable: number;
  expired: number;
}

type Options = ConsumerOptions<unknown>;

const logger = createLogger('warn', { part: 'handle' });

/** Runs the handler of a user's module over topics until their end, a signal, or a failure. */
export async function runHandle(file: string, flags: HandleFlags): Promise<number> {
  const module = await loadHandler(file);
  try {
    const { brokers = ['127.0.0.1:9092'], ...options } = mergeOptions(module.options, flags);
    await withCluster({ ...flags, brokers: [...brokers] }, (cluster) =>
      withHistory(flags, (warehouse) =>
        handleEvents(module, { ...options, ...definedOnly({ warehouse }), cluster }, flags),
      ),
    );
    return exitCodes.complete;
  } finally {
    await module.close();
  }
}

/** The command line says more than the module. */
function mergeOptions(module: HandlerModule['options'], flags: HandleFlags): ModuleOptions & Pick<Options, 'topics'> {
  const { topics = module.topics, from, table, timeField, untilEnd, concurrency, batchEvents, deadLetterTopic } = flags;
  if (topics === undefined) throw new BadInputError('expected --topics NAMES, or topics in the module');
  const group = flags.group === false ? null : (flags.group ?? module.group);
  if (group === undefined)
    throw new BadInputError('expected --group NAME, which remembers how far the handler is, or --no-group');
  return {
    ...module,
    ...definedOnly({ brokers: flags.brokers, from, table, timeField, untilEnd }),
    ...definedOnly({ concurrency, batchEvents, deadLetterTopic }),
    ...(flags.skipExpired ? { expired: 'skip' as const } : {}),
    ...{ topics, group, logger: module.logger ?? logger },
  };
}

async function handleEvents(
  module: HandlerModule,
  options: Omit<Options, 'signal'>,
  { from, metrics, json }: HandleFlags,
): Promise<void> {
  const { signal } = stopSignal();
  const consumer = createConsumer({ ...options, signal });
  const server = metrics ? await serveMetrics(metrics, consumer.registry, logger) : null;
  try {
    if (from !== undefined) await sayWhatIsRemembered(options);
    if (!(await hasStarted(consumer, signal))) return;
    const metricsText = server ? ` metrics=${server.url}/metrics` : '';
    process.stderr.write(`handling ${options.topics.join(', ')}${metricsText}\n`);
    try {
      await watch(consumer);
    } finally {
      await module.close(); // first: it may have something to print
      await printReport(consumer.registry, options, json ?? false);
    }
  } catch (error) {
    showHandlersStack(error);
    throw error;
  } finally {
    await server?.close();
  }
}

/** False: stopped by a signal before it had begun. */
async function hasStarted(consumer: Consumer<unknown>, signal: AbortSignal): Promise<boolean> {
  try {
    await consumer.start();
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** Whoever asks for history should know that the group has been further. */
async function sayWhatIsRemembered({ cluster, handler, group, topics }: Options): Promise<void> {
  if (!cluster || typeof group !== 'string' || typeof handler !== 'function') return;
  const remembered = (await cluster.fetchOffsets(group)).filter(({ topic }) => topics.includes(topic));
  if (remembered.length === 0) return;
  const count = `${remembered.length} ${remembered.length === 1 ? 'partition' : 'partitions'}`;
  process.stderr.write(
    `group ${group} goes on where it was in ${count}; --from counts where a group remembers nothing\n`,
  );
}

/** Says every ten seconds how far it is, until it ends. In lines: what the handler prints may stand between them. */
async function watch(consumer: Consumer<unknown>): Promise<void> {
  const progress = lineProgress('handling', 0, 'events');
  const ticker = setInterval(() => {
    const { partitions, registry } = consumer;
    const reading = partitions.filter(({ state }) => state === 'history').length;
    const behind = partitions.reduce((sum, { position, end }) => sum + lagOf(position, end), 0n);
    const history = reading > 0 ? `${reading} of ${partitions.length} partitions in history, ` : '';
    void totalOf(registry, 'events').then((events) =>
      progress.update(events, `${history}${formatCount(behind)} behind the log's end`),
    );
  }, 1000);
  await consumer.finished.finally(() => clearInterval(ticker));
}

function lagOf(position: bigint | null, end: bigint | null): bigint {
  return position === null || end === null || end < position ? 0n : end - position;
}

/** The line of the user's code that failed. */
function showHandlersStack(error: unknown): void {
  const cause = error instanceof HandlerFailedError ? error.cause : null;
  if (cause instanceof Error && cause.stack) process.stderr.write(`${cause.stack}\n`);
}

async function printReport(
  registry: Registry,
  { group, topics }: Pick<Options, 'group' | 'topics'>,
  isJson: boolean,
): Promise<void> {
  const report: HandleReport = {
    events: await totalOf(registry, 'events'),
    fromHistory: await totalOf(registry, 'events', { source: 'history' }),
    retries: await totalOf(registry, 'retries'),
    deadLetters: await totalOf(registry, 'dead_letters'),
    undecodable: await totalOf(registry, 'skipped', { reason: 'undecodable' }),
    expired: await totalOf(registry, 'skipped', { reason: 'expired' }),
  };
  process.stderr.write(`${summaryOf(report)}\n`);
  if (isJson) printJson({ topics, group, ...report });
}

function summaryOf({ events, fromHistory, retries, deadLetters, undecodable, expired }: HandleReport): string {
  const further: [count: number, what: string][] = [
    [retries, 'attempts made again'],
    [deadLetters, 'dead letters'],
    [undecodable, 'passed over because they cannot be decoded'],
    [expired, 'expired before they were read'],
  ];
  const texts = further.filter(([count]) => count > 0).map(([count, what]) => `, ${formatCount(count)} ${what}`);
  const history = fromHistory > 0 ? `, ${formatCount(fromHistory)} of them from the warehouse` : '';
  return `${formatCount(events)} events handled${history}${texts.join('')}`;
}

/** A counter of the consumer's, summed up over all labels but those given. */
async function totalOf(registry: Registry, name: string, labels: Record<string, string> = {}): Promise<number> {
  const metric = registry.getSingleMetric(`sluice_consumer_${name}_total`);
  const { values } = await metric!.get();
  const wanted = values.filter((value) =>
    Object.entries(labels).every(([label, text]) => (value.labels as Record<string, string>)[label] === text),
  );
  return wanted.reduce((sum, { value }) => sum + value, 0);
}
