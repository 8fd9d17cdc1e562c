/**
 * Start-up of a data directory: lock, identity, what a crash left undone, recovery of every partition, and only then, with the
 * clean-shutdown marker durably gone, a LogManager that takes appends.
 *
 *   .lock  meta.properties  .kafka_cleanshutdown  checkpoints.json  producer-ids.json  topics/<topic>.json  <topic>-<partition>/
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { BadInputError, describeError, type Logger, silentLogger, systemClock } from '../../shared/index.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { removeCleanShutdownMarker, wasCleanShutdown } from './clean-shutdown.ts';
import { sweepDataDirectory } from './data-directory-sweep.ts';
import { DiskLogManager } from './disk-log-manager.ts';
import { DiskPartitionLog } from './disk-partition-log.ts';
import { DiskTopic } from './disk-topic.ts';
import { makeDirectoryIfMissing } from './durable-file.ts';
import { GroupCommit } from './group-commit.ts';
import {
  clusterIdFrom,
  readMetaProperties,
  readPartitionMetadata,
  writeMetaProperties,
  writePartitionMetadata,
} from './identity-files.ts';
import type { LogContext } from './log-context.ts';
import { isDiskFull, LogError } from './log-error.ts';
import type { DirectoryLock, LogFileSystem } from './log-file-system.ts';
import type { LogManager, OpenLogManagerOptions } from './log-types.ts';
import { mapAtOnce } from './map-at-once.ts';
import { nodeLogFileSystem } from './node-log-file-system.ts';
import { OpenFiles } from './open-files.ts';
import { openPartition } from './partition-recovery.ts';
import type { PartitionIdentity } from './partition-state.ts';
import { Preallocation } from './preallocation.ts';
import { ProducerIds } from './producer-ids.ts';
import { SegmentIndexCache } from './segment-index-cache.ts';
import { withStrictSync } from './strict-sync.ts';
import { TailCache } from './tail-cache.ts';
import { builtInTopicConfig, checkTopicConfig, mergeTopicConfig } from './topic-config.ts';
import { type TopicFile, topicsDirectoryName } from './topic-file.ts';
import { TopicStore } from './topic-store.ts';

/** Recovery is bound by reading; more at once would only seek. */
const partitionsAtOnce = 4;
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Rejects with an errno error (`code` EBUSY, EACCES, ENOTDIR, ...) when the directory is in use or cannot be used, and with LogError
 * when it holds what we must not guess about.
 */
export async function openLogManager(options: OpenLogManagerOptions): Promise<LogManager> {
  const fileSystem = options.fileSystem ?? nodeLogFileSystem;
  if (await makeDirectoryIfMissing(fileSystem, options.dataDirectory)) {
    await fileSystem.syncDirectory(dirname(options.dataDirectory));
  }
  const lock = await fileSystem.lockDirectory(options.dataDirectory);
  try {
    return await new LogOpening(options, lock).run();
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class LogOpening {
  readonly #options: OpenLogManagerOptions;
  readonly #fileSystem: LogFileSystem;
  readonly #lock: DirectoryLock;
  readonly #logger: Logger;
  readonly #context: LogContext;
  #manager: DiskLogManager | null = null;

  constructor(options: OpenLogManagerOptions, lock: DirectoryLock) {
    this.#options = options;
    this.#lock = lock;
    this.#logger = options.logger ?? silentLogger;
    this.#context = this.#makeContext();
    this.#fileSystem = this.#context.fileSystem;
  }

  async run(): Promise<LogManager> {
    const { dataDirectory } = this.#options;
    const { checkpoints, clock } = this.#context;
    const topicsDirectory = join(dataDirectory, topicsDirectoryName);
    await makeDirectoryIfMissing(this.#fileSystem, topicsDirectory);
    // A process that was killed leaves names that no sync has made durable: what is decided below must not rest on them.
    await this.#fileSystem.syncDirectory(dataDirectory);
    await this.#fileSystem.syncDirectory(topicsDirectory);
    const topics = await sweepDataDirectory({ fileSystem: this.#fileSystem, dataDirectory, logger: this.#logger });
    const clusterId = await this.#clusterId(topics);
    await checkpoints.load(this.#logger);
    const producerIds = new ProducerIds(this.#fileSystem, dataDirectory);
    await producerIds.load(clock, this.#logger);
    const store = await this.#openTopics(topics);
    await this.#writeCheckpoints(store);
    await removeCleanShutdownMarker(this.#fileSystem, dataDirectory);
    this.#manager = new DiskLogManager({
      clusterId,
      dataDirectory,
      context: this.#context,
      store,
      producerIds,
      lock: this.#lock,
      retentionIntervalMs: this.#options.retentionIntervalMs ?? 5 * 60_000,
      cleanerIntervalMs: this.#options.cleanerIntervalMs ?? 15_000,
      producerExpirationMs: this.#options.producerExpirationMs ?? dayMs,
    });
    return this.#manager;
  }

  #makeContext(): LogContext {
    const options = this.#options;
    const clock = options.clock ?? systemClock;
    const commit = new GroupCommit({
      clock,
      flushIntervalMs: options.flushIntervalMs ?? 1000,
      flushBytes: options.flushBytes ?? 64 << 20,
      onFailure: (error) => this.#fail(error),
    });
    const fileSystem = withStrictSync(options.fileSystem ?? nodeLogFileSystem, (error) => commit.fail(error));
    const files = new OpenFiles(fileSystem);
    return {
      fileSystem,
      clock,
      logger: this.#logger,
      files,
      commit,
      indexes: new SegmentIndexCache({ fileSystem, files, logger: this.#logger }),
      tailCache: new TailCache(options.tailCacheBytes ?? 64 << 20),
      checkpoints: new CheckpointFile(fileSystem, options.dataDirectory),
      preallocation: new Preallocation(options.preallocation ?? { fromBytes: 256 << 10, maxBytes: 8 << 20 }),
      indexIntervalBytes: options.indexIntervalBytes ?? 4096,
      pins: { lookUp: null },
      cleanerMapBytes: options.cleanerMapBytes ?? 32 << 20,
    };
  }

  /** Made once, with the directory. A directory with topics that lost it is somebody's mistake, not a new cluster. */
  async #clusterId(topics: TopicFile[]): Promise<string> {
    const { dataDirectory, nodeId = 1 } = this.#options;
    const known = await readMetaProperties(this.#fileSystem, dataDirectory);
    if (known && known.nodeId !== nodeId) {
      throw new BadInputError(
        `expected node.id ${known.nodeId}, as meta.properties in ${dataDirectory} says, got ${nodeId}`,
      );
    }
    if (known) return known.clusterId;
    if (topics.length > 0) {
      const message = `expected meta.properties in ${dataDirectory}, which holds topics: restore it, or write version=1, cluster.id and node.id`;
      throw new LogError('KAFKA_STORAGE_ERROR', message);
    }
    const clusterId = clusterIdFrom(this.#randomBytes(16));
    await writeMetaProperties(this.#fileSystem, dataDirectory, { clusterId, nodeId });
    return clusterId;
  }

  async #openTopics(topics: TopicFile[]): Promise<TopicStore> {
    const defaults = mergeTopicConfig(builtInTopicConfig, this.#options.defaults ?? {});
    checkTopicConfig(defaults);
    const { dataDirectory } = this.#options;
    const store = new TopicStore({ context: this.#context, dataDirectory, defaults, randomBytes: this.#randomBytes });
    const isClean = await wasCleanShutdown(this.#fileSystem, dataDirectory);
    const startedMs = this.#context.clock.monotonicMs();
    const jobs = topics.flatMap((file) =>
      Array.from({ length: file.partitionCount }, (_, partition) => ({ file, partition })),
    );
    const logs = await mapAtOnce(jobs, partitionsAtOnce, async ({ file, partition }) => {
      const identity = store.identityOf(file, partition);
      await this.#checkIdentity(identity);
      const state = await openPartition({
        identity,
        config: store.configOf(file),
        context: this.#context,
        wasCleanShutdown: isClean,
      });
      return new DiskPartitionLog(state, this.#context);
    });
    for (const file of topics) {
      store.add(
        new DiskTopic(
          file,
          store.configOf(file),
          logs.filter((log) => log.topicId === file.topicId),
        ),
      );
    }
    const durationMs = Math.round(this.#context.clock.monotonicMs() - startedMs);
    this.#logger.info({ topicCount: topics.length, partitionCount: logs.length, isClean, durationMs }, 'LogsOpened');
    return store;
  }

  async #checkIdentity({ directory, topicId }: PartitionIdentity): Promise<void> {
    if (!(await this.#fileSystem.stat(directory))?.isDirectory) {
      throw new LogError(
        'KAFKA_STORAGE_ERROR',
        `expected the partition folder ${directory}, but it is not there: restore it`,
      );
    }
    const found = await readPartitionMetadata(this.#fileSystem, directory);
    if (found === topicId) return;
    if (found !== null) {
      throw new LogError(
        'KAFKA_STORAGE_ERROR',
        `${directory} belongs to another topic: expected topic id ${topicId}, found ${found}`,
      );
    }
    await writePartitionMetadata(this.#fileSystem, directory, topicId);
    await this.#fileSystem.syncDirectory(directory);
  }

  /** What recovery found out (a raised leader epoch, a log start that segments imply) holds from now on; and entries without a log go. */
  async #writeCheckpoints(store: TopicStore): Promise<void> {
    const { checkpoints } = this.#context;
    for (const log of store.logs()) log.noteCheckpoint();
    checkpoints.keepOnly(new Set([...store.logs()].map((log) => log.directoryName)));
    try {
      await checkpoints.write();
    } catch (error) {
      // The former checkpoints are behind, which is allowed; and a full disk must be able to start, for retention to make room.
      if (!isDiskFull(error)) throw error;
      this.#logger.error({ error: describeError(error) }, 'CheckpointsNotWrittenDiskFull');
    }
  }

  #fail(error: Error): void {
    this.#logger.error({ error: describeError(error) }, 'LogFailed');
    // Before there is a manager, opening it fails with the same error.
    if (!this.#manager) return;
    this.#manager.fail(error);
    this.#options.onFatal(error);
  }

  get #randomBytes(): (count: number) => Buffer {
    return this.#options.randomBytes ?? randomBytes;
  }
}
