import {
  type DeepPartial,
  DescribeProducersRequestSchema,
  type DescribeProducersResponsePartitionResponse,
  DescribeProducersResponseSchema,
  errorCodes,
} from '../../wire/index.ts';
import type { TopicState } from '../storage/log-types.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';

type PartitionAnswer = DeepPartial<DescribeProducersResponsePartitionResponse>;

/**
 * What a partition remembers of its producers (KIP-664). A client settles lost answers with it, so it speaks of synced records
 * only, and of all that was appended before it was asked.
 */
export const describeProducersHandler = defineHandler({
  request: DescribeProducersRequestSchema,
  response: DescribeProducersResponseSchema,
  async handle(request, { services }) {
    const topics = [];
    for (const { name, partitionIndexes } of request.topics) {
      const topic = services.logs.topic(name);
      const partitions: PartitionAnswer[] = [];
      for (const index of partitionIndexes) partitions.push(await describePartition(topic, index, services));
      topics.push({ name, partitions });
    }
    return { topics };
  },
});

async function describePartition(
  topic: TopicState | undefined,
  partitionIndex: number,
  { logger }: BrokerServices,
): Promise<PartitionAnswer> {
  const log = topic?.partitions[partitionIndex];
  if (!log) {
    const errorMessage = 'there is no such partition';
    return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage };
  }
  try {
    const activeProducers = (await log.describeProducers()).map(
      ({ producerId, producerEpoch, lastSequence, lastAppendMs }) => ({
        producerId,
        producerEpoch,
        lastSequence,
        lastTimestamp: BigInt(Math.trunc(lastAppendMs)),
        // No transaction was ever begun here.
        coordinatorEpoch: -1,
        currentTxnStartOffset: -1n,
      }),
    );
    return { partitionIndex, errorMessage: null, activeProducers };
  } catch (error) {
    return { partitionIndex, ...errorAnswer(error, logger) };
  }
}
