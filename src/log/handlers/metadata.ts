import {
  type DeepPartial,
  errorCodes,
  MetadataRequestSchema,
  type MetadataResponseMetadataResponseTopic,
  MetadataResponseSchema,
  zeroUuid,
} from '../../wire/index.ts';
import type { TopicState } from '../storage/log-types.ts';
import { defineHandler, errorAnswer, ownEndpoint, type RequestContext } from './api-handler.ts';
import { refuseNewPartitions } from './partition-limits.ts';
import { findTopic, unknownTopicCode } from './topic-lookup.ts';

type TopicAnswer = DeepPartial<MetadataResponseMetadataResponseTopic>;

/**
 * Topics and where their partitions are: always here. Null means all topics, as does an empty list in version 0. An unknown
 * topic asked for by name is created when both sides allow it, and answered as existing: it is usable at once.
 */
export const metadataHandler = defineHandler({
  request: MetadataRequestSchema,
  response: MetadataResponseSchema,
  async handle(request, context) {
    const { logs, config } = context.services;
    const { nodeId, host, port } = ownEndpoint(context);
    const isAll = request.topics === null || (context.apiVersion === 0 && request.topics.length === 0);
    const topics: TopicAnswer[] = [];
    if (isAll) {
      for (const topic of logs.topics()) topics.push(describeTopic(topic, config.nodeId));
    } else {
      const mayCreate = config.autoCreateTopics && request.allowAutoTopicCreation;
      for (const { name, topicId } of request.topics!) {
        topics.push(await answerTopic({ name, topicId }, mayCreate, context));
      }
    }
    return { brokers: [{ nodeId, host, port }], clusterId: logs.clusterId, controllerId: nodeId, topics };
  },
});

async function answerTopic(
  wanted: { name: string | null; topicId: string },
  mayCreate: boolean,
  context: RequestContext,
): Promise<TopicAnswer> {
  const { logs, config } = context.services;
  // Versions 10 and 11 can carry an id in the request, but no answer to one.
  if (wanted.name === null && context.apiVersion < 12) return { name: '', errorCode: errorCodes.INVALID_REQUEST };
  const found = findTopic(logs, wanted);
  if (found) return describeTopic(found, config.nodeId);
  const unknown = { ...wanted, errorCode: unknownTopicCode(wanted) };
  if (!mayCreate || wanted.name === null || wanted.topicId !== zeroUuid) return unknown;
  try {
    const refusal = refuseNewPartitions(context.services, config.defaultPartitions);
    if (refusal) return { ...wanted, errorCode: refusal.errorCode };
    const created = await logs.createTopic(wanted.name, { partitionCount: config.defaultPartitions });
    context.services.logger.info({ topic: wanted.name, partitions: config.defaultPartitions }, 'TopicAutoCreated');
    return describeTopic(created, config.nodeId);
  } catch (error) {
    // Somebody else was faster.
    const existing = findTopic(logs, wanted);
    if (existing) return describeTopic(existing, config.nodeId);
    const { errorCode } = errorAnswer(error, context.services.logger);
    return { ...wanted, errorCode: errorCode === errorCodes.TOPIC_ALREADY_EXISTS ? unknown.errorCode : errorCode };
  }
}

function describeTopic(topic: TopicState, nodeId: number): TopicAnswer {
  return {
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map((log) => ({
      partitionIndex: log.partition,
      leaderId: nodeId,
      leaderEpoch: log.leaderEpoch,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
    })),
  };
}
