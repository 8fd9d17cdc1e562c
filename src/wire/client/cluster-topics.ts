// Topics as an administrator sees them: list, create, delete, settings.
import { apiKeys, errorCodes } from '../index.ts';
import type { ClusterCore } from './cluster-core.ts';
import { KafkaError, throwIfError } from './kafka-error.ts';
import type { ClusterTopic } from './metadata-cache.ts';

export interface NewTopic {
  name: string;
  /** -1 or left out: the broker's default. */
  partitions?: number | undefined;
  replicationFactor?: number | undefined;
  configs?: Readonly<Record<string, string>> | undefined;
}

export interface TopicConfigEntry {
  name: string;
  /** null: not readable. */
  value: string | null;
  /** False when it was set for this topic. */
  isDefault: boolean;
}

interface CallOptions {
  signal?: AbortSignal | undefined;
}

const topicConfigResource = 2;
const setForTopic = 1;

/** All topics, or those of `names` that exist, in order of their names. */
export async function listTopics(
  core: ClusterCore,
  names: readonly string[] | null,
  options: CallOptions,
): Promise<ClusterTopic[]> {
  const response = await core.retrying(options.signal, async () => {
    const answer = await core.refreshMetadata(names, options.signal);
    for (const topic of answer.topics) {
      if (topic.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) continue;
      throwIfError(topic.errorCode, `topic "${topic.name}"`);
    }
    return answer;
  });
  const topics = response.topics.flatMap((topic) => core.metadata.topic(topic.name ?? '') ?? []);
  return topics.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Creates topics; throws for the first that could not be, TOPIC_ALREADY_EXISTS among others. */
export async function createTopics(
  core: ClusterCore,
  topics: readonly NewTopic[],
  options: CallOptions & { validateOnly?: boolean },
): Promise<void> {
  await core.retrying(options.signal, async () => {
    const response = await core.request(
      'controller',
      apiKeys.CreateTopics,
      {
        topics: topics.map((topic) => ({
          name: topic.name,
          numPartitions: topic.partitions ?? -1,
          replicationFactor: topic.replicationFactor ?? -1,
          configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
        })),
        timeoutMs: core.requestTimeoutMs,
        validateOnly: options.validateOnly ?? false,
      },
      { signal: options.signal },
    );
    core.metadata.forget(topics.map((topic) => topic.name));
    for (const topic of response.topics) throwIfError(topic.errorCode, `topic "${topic.name}"`, topic.errorMessage);
  });
}

export async function deleteTopics(core: ClusterCore, names: readonly string[], options: CallOptions): Promise<void> {
  const response = await core.retrying(options.signal, () =>
    core.request(
      'controller',
      apiKeys.DeleteTopics,
      (version) => ({
        ...(version >= 6 ? { topics: names.map((name) => ({ name })) } : { topicNames: names }),
        timeoutMs: core.requestTimeoutMs,
      }),
      { signal: options.signal },
    ),
  );
  core.metadata.forget(names);
  for (const topic of response.responses) throwIfError(topic.errorCode, `topic "${topic.name}"`, topic.errorMessage);
}

export async function describeTopicConfig(
  core: ClusterCore,
  topic: string,
  options: CallOptions,
): Promise<TopicConfigEntry[]> {
  const response = await core.retrying(options.signal, () =>
    core.request(
      'any',
      apiKeys.DescribeConfigs,
      { resources: [{ resourceType: topicConfigResource, resourceName: topic, configurationKeys: null }] },
      { signal: options.signal },
    ),
  );
  const result = response.results[0];
  if (!result) throw new KafkaError(errorCodes.UNKNOWN_SERVER_ERROR, `settings of topic "${topic}"`);
  throwIfError(result.errorCode, `settings of topic "${topic}"`, result.errorMessage);
  return result.configs
    .map(({ name, value, configSource }) => ({ name, value, isDefault: configSource !== setForTopic }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
