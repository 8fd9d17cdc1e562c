import {
  apiKeys,
  type DeepPartial,
  errorByCode,
  errorCodes,
  type ProduceRequestPartitionProduceData,
  ProduceRequestSchema,
  type ProduceRequestTopicProduceData,
  type ProduceResponsePartitionProduceResponse,
  ProduceResponseSchema,
} from '../../wire/index.ts';
import { RequestRefusedError } from '../server/index.ts';
import type { AppendResult, TopicState } from '../storage/log-types.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';
import { refuseOldProduce } from './produce-old-versions.ts';
import { findTopic, unknownTopicCode } from './topic-lookup.ts';

type PartitionAnswer = DeepPartial<ProduceResponsePartitionProduceResponse>;

/**
 * Appends batches as they came; nothing here looks into a record. acks=-1 is answered when all of it is on stable storage,
 * acks=1 when the operating system has it, acks=0 not at all (but the request counts as unanswered until it is written, which
 * slows the sender down). Partitions succeed and fail each by itself. Transactions are not offered.
 *
 * All appends happen before the first `await`: pipelined requests keep their order without waiting for each other.
 *
 * Versions 0 to 2 are advertised, because librdkafka takes its absence for a broker without compression (KAFKA-18659), and
 * refused.
 */
export const produceHandler = defineHandler({
  request: ProduceRequestSchema,
  response: ProduceResponseSchema,
  advertisedMinVersion: 0,
  answerOldVersion: refuseOldProduce,
  handle(request, { services }) {
    const { acks } = request;
    const refusal = refuseRequest(acks, request.transactionalId);
    const waits: Promise<void>[] = [];
    const responses = request.topicData.map((data) => {
      const topic = findTopic(services.logs, data);
      const partitionResponses = data.partitionData.map((partition) =>
        refusal !== errorCodes.NONE
          ? { index: partition.index, errorCode: refusal, baseOffset: -1n }
          : appendTo(topic, data, partition, acks, services, waits),
      );
      return { name: data.name, topicId: data.topicId, partitionResponses };
    });
    const answer = () => (acks === 0 ? silentAnswer(responses) : { responses });
    return waits.length === 0 ? answer() : Promise.all(waits).then(answer);
  },
});

/** Nobody reads an answer to acks=0: closing the connection is the only way to say that something went wrong. */
function silentAnswer(responses: { partitionResponses: PartitionAnswer[] }[]): null {
  for (const { partitionResponses } of responses) {
    for (const { errorCode, errorMessage } of partitionResponses) {
      if (!errorCode) continue;
      throw new RequestRefusedError(
        `Produce with acks=0: ${errorByCode(errorCode).name} ${errorMessage ?? ''}`.trimEnd(),
      );
    }
  }
  return null;
}

function refuseRequest(acks: number, transactionalId: string | null): number {
  if (acks < -1 || acks > 1) return errorCodes.INVALID_REQUIRED_ACKS;
  return transactionalId === null ? errorCodes.NONE : errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

/** Appends and gives the answer, which `waits` may still turn into an error. */
function appendTo(
  topic: TopicState | undefined,
  reference: ProduceRequestTopicProduceData,
  { index, records }: ProduceRequestPartitionProduceData,
  acks: number,
  services: BrokerServices,
  waits: Promise<void>[],
): PartitionAnswer {
  const log = topic?.partitions[index];
  if (!topic || !log)
    return {
      index,
      errorCode: topic ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : unknownTopicCode(reference),
      baseOffset: -1n,
    };
  if (topic.isInternal) {
    const errorMessage = `expected a topic for clients, got the internal topic ${topic.name}`;
    return { index, errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, baseOffset: -1n, errorMessage };
  }
  if (records === null || records.length === 0) {
    const errorMessage = 'expected a record batch, got none';
    return { index, errorCode: errorCodes.INVALID_RECORD, baseOffset: -1n, errorMessage };
  }
  let result: AppendResult;
  try {
    result = log.append(records);
  } catch (error) {
    return { index, baseOffset: -1n, ...errorAnswer(error, services.logger) };
  }
  const answer = {
    index,
    errorCode: errorCodes.NONE as number,
    baseOffset: result.baseOffset,
    logAppendTimeMs: result.logAppendTimeMs,
    logStartOffset: result.logStartOffset,
    errorMessage: null as string | null,
  };
  const stored = acks === -1 ? result.durable : result.written;
  waits.push(
    stored.catch((error) => {
      Object.assign(
        answer,
        { baseOffset: -1n, logAppendTimeMs: -1n, logStartOffset: -1n },
        errorAnswer(error, services.logger),
      );
    }),
  );
  return answer;
}

/** Whether a request may start while earlier ones of the same connection are still being answered. */
export function isPipelined(apiKey: number): boolean {
  return apiKey === apiKeys.Produce;
}
