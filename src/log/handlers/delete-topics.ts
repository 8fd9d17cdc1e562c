import {
  type DeepPartial,
  DeleteTopicsRequestSchema,
  type DeleteTopicsResponseDeletableTopicResult,
  DeleteTopicsResponseSchema,
  errorCodes,
  zeroUuid,
} from '../../wire/index.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';
import { findTopic, type TopicReference, unknownTopicCode } from './topic-lookup.ts';

/** Deletes topics, by name or (from v6) by id, and the offsets that groups committed for them. */
export const deleteTopicsHandler = defineHandler({
  request: DeleteTopicsRequestSchema,
  response: DeleteTopicsResponseSchema,
  async handle(request, { apiVersion, services }) {
    const wanted: TopicReference[] =
      apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: zeroUuid }));
    const responses = [];
    for (const reference of wanted) responses.push(await deleteTopic(reference, services));
    return { responses };
  },
});

async function deleteTopic(
  reference: TopicReference,
  { logs, groups, logger }: BrokerServices,
): Promise<DeepPartial<DeleteTopicsResponseDeletableTopicResult>> {
  const { name, topicId } = reference;
  if (name !== null && topicId !== zeroUuid) {
    return { name, topicId, errorCode: errorCodes.INVALID_REQUEST, errorMessage: 'expected a name or an id, got both' };
  }
  const topic = findTopic(logs, reference);
  if (!topic) return { name, topicId, errorCode: unknownTopicCode(reference), errorMessage: 'there is no such topic' };
  const own = { name: topic.name, topicId: topic.topicId };
  if (topic.isInternal) {
    const errorMessage = `${topic.name} holds the state of the broker and cannot be deleted`;
    return { ...own, errorCode: errorCodes.TOPIC_DELETION_DISABLED, errorMessage };
  }
  try {
    await logs.deleteTopic(topic.name);
    await groups.forgetTopic(topic.name);
    logger.info({ topic: topic.name, topicId: topic.topicId }, 'TopicDeleted');
    return own;
  } catch (error) {
    return { ...own, ...errorAnswer(error, logger) };
  }
}
