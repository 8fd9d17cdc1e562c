import type { DiskPartitionLog } from './disk-partition-log.ts';
import type { TopicConfig, TopicState } from './log-types.ts';
import type { TopicFile } from './topic-file.ts';

/** A topic and its open logs. Partitions are only ever added. */
export class DiskTopic implements TopicState {
  readonly name: string;
  readonly topicId: string;
  readonly isInternal: boolean;
  config: TopicConfig;
  configOverrides: Partial<TopicConfig>;
  readonly #partitions: DiskPartitionLog[];

  constructor(file: TopicFile, config: TopicConfig, partitions: DiskPartitionLog[]) {
    this.name = file.name;
    this.topicId = file.topicId;
    this.isInternal = file.isInternal;
    this.config = config;
    this.configOverrides = file.config;
    this.#partitions = partitions;
  }

  get partitions(): readonly DiskPartitionLog[] {
    return this.#partitions;
  }

  add(partitions: DiskPartitionLog[]): void {
    this.#partitions.push(...partitions);
  }

  changeConfig(own: Partial<TopicConfig>, config: TopicConfig): void {
    this.configOverrides = own;
    this.config = config;
    for (const log of this.#partitions) log.changeConfig(config);
  }

  /** As its topic file says it. */
  toFile(partitionCount = this.#partitions.length): TopicFile {
    const { name, topicId, isInternal, configOverrides } = this;
    return { name, topicId, partitionCount, isInternal, config: configOverrides };
  }
}
