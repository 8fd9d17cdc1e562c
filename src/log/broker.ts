/**
 * A broker: logs on disk, groups on top of them, handlers over both, and a server in front. Opened in that order (recovery is
 * over before the port opens) and closed in the opposite one.
 */
import { randomUUID } from 'node:crypto';
import { BadInputError, type Clock, describeError, type Logger, silentLogger, systemClock } from '../shared/index.ts';
import { type BrokerConfig, defaultBrokerConfig } from './broker-config.ts';
import { GroupCoordinator } from './coordinator/group-coordinator.ts';
import { apiHandlers, type BrokerServices, isPipelined, RequestRouter } from './handlers/index.ts';
import { checkAddress, KafkaServer, type ServerCounters } from './server/index.ts';
import { type LogManager, openLogManager, type PartitionLog, type TopicConfig } from './storage/index.ts';

export interface BrokerOptions {
  /** Created when it is missing; its parent must be there. One broker at a time. */
  readonly dataDirectory: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where clients are told to connect; left out: where they came to. */
  readonly advertised?: { readonly host: string; readonly port: number } | undefined;
  readonly config?: Partial<BrokerConfig> | undefined;
  /** For topics that do not set them. */
  readonly topicDefaults?: Partial<TopicConfig> | undefined;
  /** Told once, when the disk has failed. Clients are cut off already; the process has to end and recover at the next start. */
  readonly onFatal?: ((error: Error) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
}

export interface Broker extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  readonly clusterId: string;
  readonly counters: ServerCounters;
  /** Stops in good order: answers what is in work, syncs, leaves the mark of a clean shutdown. */
  close(): Promise<void>;
}

/** How long clients may take to read the answers that are due when the broker stops. */
const closeTimeoutMs = 5_000;
const offsetsTopic = '__consumer_offsets';

/** Throws BadInputError for an address or directory that cannot be used, having changed nothing. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { dataDirectory, host, port, clock = systemClock, logger = silentLogger } = options;
  const config: BrokerConfig = { ...defaultBrokerConfig, ...options.config };
  await checkAddress(host, port);
  const fatal: { stop: (() => void) | null } = { stop: null };
  const logs = await openLogs(dataDirectory, options, (error) => {
    logger.error({ cause: describeError(error) }, 'StorageFailed');
    fatal.stop?.();
    options.onFatal?.(error);
  });
  try {
    const groups = await openGroups(logs, config, clock, logger);
    logs.setPinLookup((group, topic, topicId, partition) => {
      const commit = groups.committedOffset(group, topic, partition);
      return commit?.topicId === topicId ? commit.offset : null;
    });
    const stopping = new AbortController();
    const endpoint = { host: isWildcard(host) ? null : host, port };
    const advertised = options.advertised ? { ...options.advertised } : endpoint;
    const services: BrokerServices = {
      logs,
      groups,
      config,
      clock,
      logger,
      advertised,
      apis: apiHandlers,
      stopping: stopping.signal,
    };
    const router = new RequestRouter(services);
    const service = {
      route: router.route.bind(router),
      isPipelined: (frame: Buffer) => frame.length >= 2 && isPipelined(frame.readInt16BE(0)),
    };
    const server = new KafkaServer({ service, limits: config.limits, clock, logger });
    fatal.stop = () => server.destroy();
    const boundPort = await server.listen(host, port);
    if (!options.advertised) endpoint.port = boundPort;
    groups.start();
    logger.info({ host, port: boundPort, clusterId: logs.clusterId, dataDirectory }, 'BrokerStarted');
    return makeBroker(server, logs, groups, stopping, { host, port: boundPort }, logger);
  } catch (error) {
    await logs.close();
    throw error;
  }
}

function makeBroker(
  server: KafkaServer,
  logs: LogManager,
  groups: GroupCoordinator,
  stopping: AbortController,
  address: { host: string; port: number },
  logger: Logger,
): Broker {
  let closing: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('the broker stops'));
    groups.close();
    await server.close(closeTimeoutMs);
    await logs.close();
    logger.info({}, 'BrokerStopped');
  };
  const close = (): Promise<void> => (closing ??= stop());
  return {
    address,
    clusterId: logs.clusterId,
    get counters() {
      return server.counters;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function openLogs(
  dataDirectory: string,
  { clock, logger, config, topicDefaults }: BrokerOptions,
  onFatal: (error: Error) => void,
): Promise<LogManager> {
  try {
    return await openLogManager({
      dataDirectory,
      onFatal,
      nodeId: config?.nodeId ?? defaultBrokerConfig.nodeId,
      cleanerIntervalMs: config?.cleanerBackoffMs ?? defaultBrokerConfig.cleanerBackoffMs,
      ...(topicDefaults ? { defaults: topicDefaults } : {}),
      ...(clock ? { clock } : {}),
      ...(logger ? { logger } : {}),
    });
  } catch (error) {
    const reason = directoryErrors[(error as NodeJS.ErrnoException).code ?? ''];
    if (reason === undefined) throw error;
    throw new BadInputError(`cannot use the data directory ${dataDirectory}: ${reason || describeError(error)}`, {
      cause: error,
    });
  }
}

/** What the user can do something about; empty text: the error says it best itself. */
const directoryErrors: Record<string, string> = {
  EBUSY: '',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'the directory it should be created in is not there',
  ENOTDIR: 'it, or something on the way to it, is not a directory',
  EEXIST: 'it, or something on the way to it, is not a directory',
  ENOSPC: 'the disk is full',
};

async function openGroups(
  logs: LogManager,
  config: BrokerConfig,
  clock: Clock,
  logger: Logger,
): Promise<GroupCoordinator> {
  return await GroupCoordinator.open({
    log: await openOffsetsLog(logs, config),
    config: config.groups,
    clock,
    randomUuid: randomUUID,
    topicIdOf: (topic) => logs.topic(topic)?.topicId,
    isPinned: (group, topic) => logs.topic(topic)?.config.pinGroup === group,
    logger,
  });
}

/** The topic that keeps the groups; its growth is bounded by snapshots, so nothing else may delete from it. */
async function openOffsetsLog(logs: LogManager, { groups, limits }: BrokerConfig): Promise<PartitionLog> {
  const topic =
    logs.topic(offsetsTopic) ??
    (await logs.createTopic(offsetsTopic, {
      partitionCount: 1,
      isInternal: true,
      config: {
        cleanupPolicy: 'compact',
        retentionMs: -1,
        retentionBytes: -1,
        // A group is one record: what its members say of themselves, and what the leader gives them in one request.
        maxMessageBytes: groups.maxGroupBytes + limits.maxControlFrameBytes,
        segmentBytes: groups.maxGroupBytes + limits.maxControlFrameBytes,
      },
    }));
  return topic.partitions[0]!;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
