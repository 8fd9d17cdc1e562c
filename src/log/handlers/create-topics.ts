import {
  type CreateTopicsRequestCreatableTopic,
  CreateTopicsRequestSchema,
  type CreateTopicsResponseCreatableTopicResult,
  CreateTopicsResponseSchema,
  type DeepPartial,
  errorCodes,
} from '../../wire/index.ts';
import { LogError } from '../storage/log-error.ts';
import type { TopicConfig, TopicState } from '../storage/log-types.ts';
import { checkTopicName } from '../storage/names.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';
import { refuseNewPartitions } from './partition-limits.ts';
import { effectiveTopicConfigs, parseTopicConfigs } from './topic-configs.ts';

type TopicAnswer = DeepPartial<CreateTopicsResponseCreatableTopicResult>;

/**
 * Creates topics, durably, before it answers. -1 means the broker's default, for partitions and for the replication factor;
 * the latter is 1 and cannot be anything else: replicated means an Apache Kafka cluster behind `brokers:`.
 */
export const createTopicsHandler = defineHandler({
  request: CreateTopicsRequestSchema,
  response: CreateTopicsResponseSchema,
  async handle(request, { services }) {
    const count = new Map<string, number>();
    for (const { name } of request.topics) count.set(name, (count.get(name) ?? 0) + 1);
    const topics: TopicAnswer[] = [];
    for (const wanted of request.topics) {
      if (count.get(wanted.name)! > 1) {
        if (topics.every((answer) => answer.name !== wanted.name)) topics.push(duplicate(wanted.name));
        continue;
      }
      topics.push(await createTopic(wanted, request.validateOnly, services));
    }
    return { topics };
  },
});

function duplicate(name: string): TopicAnswer {
  return { name, errorCode: errorCodes.INVALID_REQUEST, errorMessage: 'expected each topic once in a request' };
}

async function createTopic(
  wanted: CreateTopicsRequestCreatableTopic,
  validateOnly: boolean,
  services: BrokerServices,
): Promise<TopicAnswer> {
  const { logs } = services;
  const { name } = wanted;
  try {
    const { partitionCount, config } = checkTopic(wanted, services);
    if (!validateOnly) return describeCreated(await logs.createTopic(name, { partitionCount, config }));
    return { name, errorMessage: null, numPartitions: partitionCount, replicationFactor: 1 };
  } catch (error) {
    return { name, ...errorAnswer(error, services.logger) };
  }
}

/** Throws LogError for everything that is wrong with it. */
function checkTopic(
  { name, numPartitions, replicationFactor, assignments, configs }: CreateTopicsRequestCreatableTopic,
  services: BrokerServices,
): { partitionCount: number; config: Partial<TopicConfig> } {
  checkTopicName(name);
  if (services.logs.topic(name)) throw new LogError('TOPIC_ALREADY_EXISTS', `expected a new topic, but ${name} exists`);
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      throw new LogError('INVALID_REQUEST', 'expected either an assignment of replicas or numbers, got both');
    }
    checkAssignments(assignments, services.config.nodeId);
  }
  const partitionCount =
    assignments.length > 0
      ? assignments.length
      : numPartitions === -1
        ? services.config.defaultPartitions
        : numPartitions;
  if (partitionCount < 1)
    throw new LogError('INVALID_PARTITIONS', `expected at least 1 partition, got ${partitionCount}`);
  if (replicationFactor !== -1 && replicationFactor !== 1) {
    throw new LogError(
      'INVALID_REPLICATION_FACTOR',
      `expected a replication factor of 1 (or -1), got ${replicationFactor}: this is one broker`,
    );
  }
  const config = parseTopicConfigs(configs);
  const refusal = refuseNewPartitions(services, partitionCount);
  if (refusal) throw new LogError('POLICY_VIOLATION', refusal.errorMessage);
  return { partitionCount, config };
}

function checkAssignments(assignments: CreateTopicsRequestCreatableTopic['assignments'], nodeId: number): void {
  const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
  if (indexes.some((index, i) => index !== i)) {
    throw new LogError('INVALID_REPLICA_ASSIGNMENT', 'expected every partition from 0 up once');
  }
  if (assignments.some(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== nodeId)) {
    throw new LogError(
      'INVALID_REPLICA_ASSIGNMENT',
      `expected broker ${nodeId} alone for every partition: there is no other`,
    );
  }
}

function describeCreated(topic: TopicState): TopicAnswer {
  return {
    name: topic.name,
    topicId: topic.topicId,
    errorMessage: null,
    numPartitions: topic.partitions.length,
    replicationFactor: 1,
    configs: effectiveTopicConfigs(topic).map(({ name, value, readOnly, configSource }) => ({
      name,
      value,
      readOnly,
      configSource,
    })),
  };
}
