/**
 * Creates, extends and deletes topics on disk, one change at a time. Commit points: the topic file for what is created (folders
 * first), the first renamed folder for what is deleted (topic file after it). See data-directory-sweep.ts for crashes in between.
 */
import { join } from 'node:path';
import { definedOnly } from '../../shared/index.ts';
import { finishDeletion } from './data-directory-sweep.ts';
import { DiskPartitionLog } from './disk-partition-log.ts';
import { DiskTopic } from './disk-topic.ts';
import type { LogContext } from './log-context.ts';
import { isDiskFull, isOutOfHandles, LogError } from './log-error.ts';
import { LogSegment, newIndexes } from './log-segment.ts';
import type { TopicConfig } from './log-types.ts';
import { mapAtOnce } from './map-at-once.ts';
import { checkTopicName, partitionDirectoryName } from './names.ts';
import { makePartitionDirectory, removePartitionDirectory } from './partition-directory.ts';
import { type PartitionIdentity, PartitionState } from './partition-state.ts';
import { ProducerState } from './producer-state.ts';
import { Serial } from './serial.ts';
import { PartitionTail } from './tail-cache.ts';
import { checkTopicConfig, mergeTopicConfig } from './topic-config.ts';
import { type TopicFile, writeTopicFile } from './topic-file.ts';

/** As many as Kafka's own guidance has for a whole broker, and far from what a folder name can hold. */
const maxPartitionCount = 10_000;
const directoriesAtOnce = 16;

export interface TopicStoreOptions {
  context: LogContext;
  dataDirectory: string;
  defaults: TopicConfig;
  randomBytes: (count: number) => Buffer;
}

export interface CreateTopicOptions {
  partitionCount: number;
  config?: Partial<TopicConfig>;
  isInternal?: boolean;
}

export class TopicStore {
  readonly #context: LogContext;
  readonly #dataDirectory: string;
  readonly #defaults: TopicConfig;
  readonly #randomBytes: (count: number) => Buffer;
  readonly #serial = new Serial();
  readonly #byName = new Map<string, DiskTopic>();
  readonly #byId = new Map<string, DiskTopic>();

  constructor(options: TopicStoreOptions) {
    this.#context = options.context;
    this.#dataDirectory = options.dataDirectory;
    this.#defaults = options.defaults;
    this.#randomBytes = options.randomBytes;
  }

  topics(): Iterable<DiskTopic> {
    return this.#byName.values();
  }

  get(name: string): DiskTopic | undefined {
    return this.#byName.get(name);
  }

  getById(topicId: string): DiskTopic | undefined {
    return this.#byId.get(topicId);
  }

  *logs(): Generator<DiskPartitionLog> {
    for (const topic of this.#byName.values()) yield* topic.partitions;
  }

  /** Takes over a topic that start-up has opened. */
  add(topic: DiskTopic): void {
    this.#byName.set(topic.name, topic);
    this.#byId.set(topic.topicId, topic);
  }

  configOf(file: TopicFile): TopicConfig {
    return mergeTopicConfig(this.#defaults, file.config);
  }

  identityOf(file: Pick<TopicFile, 'name' | 'topicId'>, partition: number): PartitionIdentity {
    const directoryName = partitionDirectoryName(file.name, partition);
    const directory = join(this.#dataDirectory, directoryName);
    return { topic: file.name, partition, topicId: file.topicId, directoryName, directory };
  }

  create(name: string, options: CreateTopicOptions): Promise<DiskTopic> {
    return this.#change(async () => {
      checkTopicName(name);
      if (this.#byName.has(name)) throw new LogError('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`);
      checkPartitionCount(options.partitionCount, 1);
      const isInternal = options.isInternal ?? false;
      const config = definedOnly(options.config ?? {});
      checkTopicConfig(mergeTopicConfig(this.#defaults, config));
      const topicId = this.#newTopicId();
      const file: TopicFile = { name, topicId, partitionCount: options.partitionCount, isInternal, config };
      await this.#makePartitions(file, 0);
      const topic = new DiskTopic(file, this.configOf(file), this.#newLogs(file, 0));
      this.add(topic);
      this.#context.logger.info({ topic: name, topicId, partitionCount: options.partitionCount }, 'TopicCreated');
      return topic;
    });
  }

  addPartitions(name: string, partitionCount: number): Promise<void> {
    return this.#change(async () => {
      const topic = this.#existing(name);
      const firstNew = topic.partitions.length;
      checkPartitionCount(partitionCount, firstNew + 1);
      const file = topic.toFile(partitionCount);
      await this.#makePartitions(file, firstNew);
      topic.add(this.#newLogs(file, firstNew));
      this.#context.logger.info({ topic: name, partitionCount }, 'PartitionsAdded');
    });
  }

  alterConfig(
    name: string,
    change: (own: Partial<TopicConfig>) => Partial<TopicConfig>,
    validateOnly: boolean,
  ): Promise<void> {
    return this.#change(async () => {
      const topic = this.#existing(name);
      const own = definedOnly(change(topic.configOverrides));
      const config = mergeTopicConfig(this.#defaults, own);
      checkTopicConfig(config);
      if (validateOnly) return;
      await writeTopicFile(this.#context.fileSystem, this.#dataDirectory, { ...topic.toFile(), config: own });
      topic.changeConfig(own, config);
      this.#context.logger.info({ topic: name, config: own }, 'TopicConfigChanged');
    });
  }

  delete(name: string): Promise<void> {
    return this.#change(async () => {
      const topic = this.#existing(name);
      this.#byName.delete(name);
      this.#byId.delete(topic.topicId);
      for (const log of topic.partitions) {
        log.stop(new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has been deleted`));
        await log.closeFiles();
        this.#context.checkpoints.delete(log.directoryName);
      }
      const { fileSystem, logger } = this.#context;
      await finishDeletion({ fileSystem, dataDirectory: this.#dataDirectory, logger }, topic.toFile());
    });
  }

  /** Folders, their entries, then the topic file: the commit. What a full disk interrupts is removed again. */
  async #makePartitions(file: TopicFile, firstNew: number): Promise<void> {
    const { fileSystem } = this.#context;
    const identities = this.#identities(file, firstNew);
    try {
      await mapAtOnce(identities, directoriesAtOnce, ({ directory }) =>
        makePartitionDirectory(fileSystem, directory, file.topicId),
      );
      await fileSystem.syncDirectory(this.#dataDirectory);
      await writeTopicFile(fileSystem, this.#dataDirectory, file);
    } catch (error) {
      if (isDiskFull(error) || isOutOfHandles(error)) await this.#removeUnfinished(identities);
      throw error;
    }
  }

  async #removeUnfinished(identities: PartitionIdentity[]): Promise<void> {
    const { fileSystem } = this.#context;
    for (const { directory } of identities) {
      if (await fileSystem.stat(directory)) await removePartitionDirectory(fileSystem, directory);
    }
  }

  #newLogs(file: TopicFile, firstNew: number): DiskPartitionLog[] {
    const config = this.configOf(file);
    return this.#identities(file, firstNew).map(
      (identity) => new DiskPartitionLog(this.#emptyLog(identity, config), this.#context),
    );
  }

  #emptyLog(identity: PartitionIdentity, config: TopicConfig): PartitionState {
    const { indexIntervalBytes, tailCache } = this.#context;
    const { directory } = identity;
    return new PartitionState({
      identity,
      config,
      segments: [new LogSegment({ directory, baseOffset: 0n, indexIntervalBytes, indexes: newIndexes(0n) })],
      producers: new ProducerState(),
      tail: new PartitionTail(tailCache),
      logStartOffset: 0n,
      logEndOffset: 0n,
      leaderEpoch: 0,
    });
  }

  #identities(file: TopicFile, firstNew: number): PartitionIdentity[] {
    return Array.from({ length: file.partitionCount - firstNew }, (_, index) =>
      this.identityOf(file, firstNew + index),
    );
  }

  #existing(name: string): DiskTopic {
    const topic = this.#byName.get(name);
    if (!topic) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`);
    return topic;
  }

  /** Random, and never one of the reserved ids (all zeros, or one that differs from it in the last byte only). */
  #newTopicId(): string {
    for (;;) {
      const topicId = this.#randomBytes(16).toString('hex');
      if (!topicId.startsWith('0'.repeat(30))) return topicId;
    }
  }

  /** What is not the client's fault and may pass is told to it as such: it tries again. */
  #change<T>(task: () => Promise<T>): Promise<T> {
    return this.#serial.run(async () => {
      try {
        return await task();
      } catch (error) {
        const reason = this.#passingReason(error);
        if (reason) throw new LogError('KAFKA_STORAGE_ERROR', reason, { cause: error });
        throw error;
      }
    });
  }

  #passingReason(error: unknown): string | null {
    if (isDiskFull(error)) return `no space left in ${this.#dataDirectory}`;
    if (isOutOfHandles(error)) return 'too many open files: raise the limit (ulimit -n) of the broker';
    return !(error instanceof LogError) && this.#context.commit.hasFailed
      ? 'the log has failed: the broker must restart'
      : null;
  }
}

function checkPartitionCount(count: number, least: number): void {
  if (Number.isInteger(count) && count >= least && count <= maxPartitionCount) return;
  throw new LogError(
    'INVALID_PARTITIONS',
    `expected a number of partitions from ${least} to ${maxPartitionCount}, got ${count}`,
  );
}
