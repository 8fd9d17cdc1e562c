import { defaultGroupConfig, type GroupConfig } from './coordinator/group-config.ts';
import type { ServerLimits } from './server/server-limits.ts';
import { defaultServerLimits } from './server/server-limits.ts';

/** What a broker can be told, apart from where it listens and where its data lies. */
export interface BrokerConfig {
  readonly nodeId: number;
  /** Partitions of a topic that is created without saying how many. */
  readonly defaultPartitions: number;
  /** Whether asking for the metadata of an unknown topic creates it, as with Apache Kafka. */
  readonly autoCreateTopics: boolean;
  /** All partitions of all topics: each costs file handles and memory. */
  readonly maxPartitions: number;
  /** Upper bound of one Fetch answer; a single batch may be larger. */
  readonly maxFetchBytes: number;
  /** How often compaction looks whether there is enough to clean. */
  readonly cleanerBackoffMs: number;
  readonly groups: GroupConfig;
  readonly limits: ServerLimits;
}

export const defaultBrokerConfig: BrokerConfig = {
  nodeId: 1,
  defaultPartitions: 1,
  autoCreateTopics: true,
  maxPartitions: 10_000,
  maxFetchBytes: 55 * 1024 * 1024,
  cleanerBackoffMs: 15_000,
  groups: defaultGroupConfig,
  limits: defaultServerLimits,
};
