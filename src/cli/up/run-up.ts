import { existsSync } from 'node:fs';
import { contractOptions, type LoadOptions, type LoadProgress, type LoadReport, runLoad } from '../../loader/index.ts';
import { type Broker, startBroker } from '../../log/index.ts';
import { BadInputError, createLogger, describeError, systemClock } from '../../shared/index.ts';
import { KafkaCluster, ProducerClient } from '../../wire/client/index.ts';
import { startOperation } from '../operation/start-operation.ts';
import { exitCodes } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { feedFile, feedGame } from './feed.ts';
import { startLiveView } from './live-view.ts';
import { printSummary } from './summary.ts';
import { untilEncoded } from './until-encoded.ts';
import { checkUpIngest } from './up-ingest.ts';
import { UpServices } from './up-services.ts';
import { type UpOptions, type UpSettings, upSettings } from './up-settings.ts';
import { UpStatus } from './up-status.ts';

/**
 * Broker, loader, HTTP ingest, console and (if asked) a source of events in one process. Ends on a signal in this order: the
 * sources stop and flush, the loader commits what it holds, the broker closes its log.
 */
export async function runUp(options: UpOptions): Promise<number> {
  checkUpIngest(options);
  const settings = upSettings(options);
  if (settings.feed.kind === 'file' && !existsSync(settings.feed.path)) {
    throw new BadInputError(`expected a file of events at ${settings.feed.path}, found none`);
  }
  const { signal } = stopSignal();
  const logger = createLogger('warn');
  const failure = new AbortController();
  const broker = await startBroker({
    dataDirectory: settings.brokerData,
    ...settings.listen,
    config: { defaultPartitions: settings.partitions },
    logger,
    onFatal: (error) => failure.abort(error),
  });
  const address = `${broker.address.host}:${broker.address.port}`;
  const stop = AbortSignal.any([signal, failure.signal]);
  const cluster = new KafkaCluster({ brokers: [address], clientId: 'sluice-up', logger });
  const services = new UpServices();
  try {
    await createTopics(cluster, options, settings, stop);
    process.stdout.write(`ready kafka=${address} warehouse=${settings.warehouseUrl}\n`);
    await services.start(options, settings, cluster, address);
    return await loadUntilStopped(settings, { cluster, address, services, stop, failure });
  } catch (error) {
    if (failure.signal.aborted) throw failure.signal.reason;
    throw error;
  } finally {
    await services.close();
    await cluster.close();
    await closeBroker(broker);
  }
}

interface Surroundings {
  cluster: KafkaCluster;
  address: string;
  services: UpServices;
  /** A signal, or a failure. */
  stop: AbortSignal;
  failure: AbortController;
}

/** Loads, and feeds if asked to, until the stop; then what has been acknowledged lands. */
async function loadUntilStopped(
  settings: UpSettings,
  { cluster, address, services, stop, failure }: Surroundings,
): Promise<number> {
  const status = new UpStatus();
  const loaderStop = new AbortController();
  const view = startLiveView(status, `${services.title}kafka=${address}  warehouse=${settings.warehouseUrl}`);
  const load = startLoad(settings, address, status, loaderStop.signal).catch((error: unknown) => {
    failure.abort(error);
    throw error;
  });
  load.catch(() => {});
  try {
    await runFeed(settings, cluster, status, stop);
    await untilAborted(stop);
    await services.closeIngest(); // what was acknowledged over HTTP is to land, too
    await untilEncoded(cluster, settings.topics, status, failure.signal);
  } finally {
    loaderStop.abort(new Error('stopping'));
    await load.catch(() => {});
    view.stop();
  }
  return finish(settings, status, await load, failure.signal);
}

async function createTopics(
  cluster: KafkaCluster,
  options: UpOptions,
  settings: UpSettings,
  signal: AbortSignal,
): Promise<void> {
  const known = new Set((await cluster.topics({ signal })).map((topic) => topic.name));
  const wanted = new Set([...settings.topics, ...(options.webTopics ?? [])]);
  const missing = [...wanted].filter((name) => !known.has(name));
  if (missing.length === 0) return;
  await cluster.createTopics(
    missing.map((name) => ({ name, partitions: settings.partitions })),
    { signal },
  );
}

async function startLoad(
  settings: UpSettings,
  address: string,
  status: UpStatus,
  signal: AbortSignal,
): Promise<LoadReport> {
  const { loader } = settings;
  const contracted = await contractOptions(loader.columns ?? null, settings.contractSurroundings);
  const { rollAgeMs, rollEveryMs, freshnessMs } = contracted;
  const isTimed = rollAgeMs !== undefined || rollEveryMs !== undefined || freshnessMs !== undefined;
  const options: LoadOptions = {
    brokers: [address],
    topics: settings.topics,
    warehouseUrl: settings.warehouseUrl,
    ...(loader.user === undefined ? {} : { user: loader.user }),
    ...(loader.group === undefined ? {} : { group: loader.group }),
    ...(loader.memory === undefined ? {} : { memoryBytes: loader.memory }),
    ...(loader.engine === undefined ? {} : { engine: loader.engine }),
    ...(loader.codec === undefined ? {} : { codec: loader.codec }),
    workers: loader.workers,
    ...contracted,
    ...(isTimed ? {} : { rollAgeMs: 5000 }), // somebody is looking at the screen
    signal,
    logger: createLogger('warn'),
  };
  const operation = await startOperation(options, { http: settings.http });
  try {
    const onProgress = (progress: LoadProgress): void => {
      status.apply(progress, Date.now());
      operation.apply(progress);
    };
    return await runLoad({ ...options, onProgress });
  } finally {
    await operation.close();
  }
}

/** Feeds until the source ends or the signal; what was sent is acknowledged when this returns. */
async function runFeed(
  settings: UpSettings,
  cluster: KafkaCluster,
  status: UpStatus,
  signal: AbortSignal,
): Promise<void> {
  const { feed } = settings;
  if (feed.kind === 'none') return;
  const producer = new ProducerClient({ cluster, acks: 'all', lingerMs: 20, idempotent: true });
  const counting = {
    send: async (topic: string, record: { key: string | null; value: string; timestamp: bigint }): Promise<void> => {
      await producer.send(topic, record, { onDelivered: () => void status.acknowledgedCount++ });
    },
  };
  const common = { topic: settings.topics[0]!, producer: counting, status, clock: systemClock, signal };
  try {
    if (feed.kind === 'game') await feedGame({ ...common, seed: feed.seed, eventsPerSecond: feed.rate });
    else await feedFile({ ...common, path: feed.path, rate: feed.rate });
    await producer.flush();
  } finally {
    await producer.close();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function finish(settings: UpSettings, status: UpStatus, report: LoadReport, failure: AbortSignal): number {
  printSummary(settings, status);
  if (failure.aborted) throw failure.reason;
  for (const error of report.errors) process.stderr.write(`sluice: ${error}\n`);
  return report.outcome === 'failed' ? exitCodes.failed : exitCodes.complete;
}

async function closeBroker(broker: Broker): Promise<void> {
  try {
    await broker.close();
  } catch (error) {
    process.stderr.write(`sluice: the broker did not close cleanly: ${describeError(error)}\n`);
  }
}
