/** All logs of one data directory, opened: what the broker holds. Owns the background work and the order of a clean shutdown. */
import { describeError, faultPoint } from '../../shared/index.ts';
import { writeCleanShutdownMarker } from './clean-shutdown.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import type { DirectoryLock } from './log-file-system.ts';
import type { LogManager, PartitionLog, PinLookup, TopicConfig, TopicState } from './log-types.ts';
import { mapAtOnce } from './map-at-once.ts';
import type { ProducerIds } from './producer-ids.ts';
import type { CreateTopicOptions, TopicStore } from './topic-store.ts';

const checkpointIntervalMs = 60_000;
const partitionsAtOnce = 16;

export interface DiskLogManagerOptions {
  clusterId: string;
  dataDirectory: string;
  context: LogContext;
  store: TopicStore;
  producerIds: ProducerIds;
  lock: DirectoryLock;
  retentionIntervalMs: number;
  cleanerIntervalMs: number;
  producerExpirationMs: number;
}

export class DiskLogManager implements LogManager {
  readonly clusterId: string;
  readonly #options: DiskLogManagerOptions;
  readonly #context: LogContext;
  readonly #store: TopicStore;
  readonly #stopBackground = new AbortController();
  readonly #background: Promise<void>[];
  #failure: LogError | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: DiskLogManagerOptions) {
    this.clusterId = options.clusterId;
    this.#options = options;
    this.#context = options.context;
    this.#store = options.store;
    this.#background = [
      this.#every(options.retentionIntervalMs, () => this.applyRetention(this.#context.clock.nowMs())),
      this.#every(options.cleanerIntervalMs, () => this.cleanLogs(this.#context.clock.nowMs())),
      this.#every(options.cleanerIntervalMs, () => this.#applyPins()),
      this.#every(checkpointIntervalMs, () => this.#writeCheckpoints()),
    ];
  }

  get pendingBytes(): number {
    return this.#context.commit.pendingBytes;
  }

  whenPendingBelow(bytes: number, signal?: AbortSignal): Promise<void> {
    return this.#context.commit.whenPendingBelow(bytes, signal);
  }

  topics(): Iterable<TopicState> {
    return this.#store.topics();
  }

  topic(name: string): TopicState | undefined {
    return this.#store.get(name);
  }

  topicById(topicId: string): TopicState | undefined {
    return this.#store.getById(topicId);
  }

  partition(topic: string, partition: number): PartitionLog | undefined {
    return this.#store.get(topic)?.partitions[partition];
  }

  async createTopic(name: string, options: CreateTopicOptions): Promise<TopicState> {
    this.#assertServing();
    return this.#store.create(name, options);
  }

  async deleteTopic(name: string): Promise<void> {
    this.#assertServing();
    await this.#store.delete(name);
  }

  async addPartitions(name: string, partitionCount: number): Promise<void> {
    this.#assertServing();
    await this.#store.addPartitions(name, partitionCount);
  }

  async alterTopicConfig(
    name: string,
    change: (own: Partial<TopicConfig>) => Partial<TopicConfig>,
    { validateOnly = false }: { validateOnly?: boolean } = {},
  ): Promise<void> {
    this.#assertServing();
    await this.#store.alterConfig(name, change, validateOnly);
  }

  async nextProducerId(): Promise<bigint> {
    this.#assertServing();
    return this.#options.producerIds.next();
  }

  /** A log that cannot (a full disk, a topic just deleted) keeps no other one from it; the first failure is thrown at the end. */
  async applyRetention(nowMs: number): Promise<void> {
    const failures: unknown[] = [];
    for (const log of [...this.#store.logs()]) {
      log.expireProducers(nowMs - this.#options.producerExpirationMs);
      await log.applyRetention(nowMs).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  setPinLookup(lookUp: PinLookup): void {
    this.#context.pins.lookUp = lookUp;
  }

  /** More often than retention otherwise: what a pin holds must not grow far beyond its limit. */
  async #applyPins(): Promise<void> {
    const nowMs = this.#context.clock.nowMs();
    for (const log of [...this.#store.logs()]) if (log.pinnedFrom !== null) await log.applyRetention(nowMs);
  }

  /** One log after the other: the map of keys is large. Logs of our own are kept short by snapshots instead. */
  async cleanLogs(nowMs: number): Promise<void> {
    const failures: unknown[] = [];
    for (const topic of [...this.#store.topics()]) {
      if (topic.isInternal) continue;
      for (const log of topic.partitions) {
        await log.clean(nowMs, this.#stopBackground.signal).catch((error: unknown) => {
          if (!log.isStopped) failures.push(error);
        });
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** A write or sync has failed: from now on every call is refused. */
  fail(error: Error): void {
    this.#failure = new LogError(
      'KAFKA_STORAGE_ERROR',
      'the log has failed and must recover by a restart of the broker',
      { cause: error },
    );
    this.#stopBackground.abort();
    for (const log of this.#store.logs()) log.stop(this.#failure);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Only a log that is whole on disk gets the marker: else the next start must recover. */
  async #close(): Promise<void> {
    const { commit, fileSystem, files } = this.#context;
    const reason = new LogError('KAFKA_STORAGE_ERROR', 'the log is being closed: the broker shuts down');
    try {
      for (const log of this.#store.logs()) log.refuseAppends(reason);
      this.#stopBackground.abort();
      await Promise.all(this.#background);
      await commit.drain();
      if (!commit.hasFailed) await mapAtOnce([...this.#store.logs()], partitionsAtOnce, (log) => log.seal());
      if (!commit.hasFailed) await this.#writeCheckpoints();
      faultPoint('log.before-marker');
      if (!commit.hasFailed) await writeCleanShutdownMarker(fileSystem, this.#options.dataDirectory);
    } finally {
      commit.stop();
      for (const log of this.#store.logs()) log.stop(reason);
      await mapAtOnce([...this.#store.logs()], partitionsAtOnce, (log) => log.closeFiles());
      await files.closeAll();
      await this.#options.lock.release();
    }
  }

  async #writeCheckpoints(): Promise<void> {
    for (const log of this.#store.logs()) log.noteCheckpoint();
    await this.#context.checkpoints.write();
  }

  /** Failures of background work are told and tried again next time, unless the log has failed. */
  async #every(intervalMs: number, task: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopBackground;
    while (!signal.aborted) {
      try {
        await this.#context.clock.sleep(intervalMs, signal);
        await task();
      } catch (error) {
        if (signal.aborted) return;
        this.#context.logger.error({ error: describeError(error) }, 'LogMaintenanceFailed');
      }
    }
  }

  #assertServing(): void {
    if (this.#failure) throw this.#failure;
    // Retriable: the client finds the broker again when it is back.
    if (this.#closed) throw new LogError('KAFKA_STORAGE_ERROR', 'the log is closed: the broker shuts down');
  }
}
