// For senders that number their batches themselves, so that their sequences outlive the process (src/ingest/tail).
import { apiKeys, errorCodes } from '../index.ts';
import type { TopicPartition } from './consumer-protocol.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { KafkaError, throwIfError } from './kafka-error.ts';
import type { ProducerIdentity } from './producer-batch.ts';

interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** A producer id that nobody had before (KIP-98). Patient, as the calls of KafkaCluster are. */
export async function newProducerIdentity(
  { core }: KafkaCluster,
  { signal }: CallOptions = {},
): Promise<ProducerIdentity> {
  return await core.retrying(signal, async () => {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const { errorCode, producerId, producerEpoch } = await core.request('any', apiKeys.InitProducerId, request, {
      signal,
    });
    throwIfError(errorCode, 'InitProducerId');
    return { producerId, producerEpoch };
  });
}

/**
 * One attempt to append one encoded batch with acks=all: its base offset; for a batch that the broker knows by its sequence, the offset of
 * the one it has, or -1 when it does not remember. Throws a KafkaError with the broker's code, or a ConnectionError, after which the
 * batch may be in the log or come to it later; only a definite answer about the same sequence settles it.
 */
export async function appendBatch(
  { core }: KafkaCluster,
  { topic, partition }: TopicPartition,
  batch: Buffer,
  { signal }: CallOptions = {},
): Promise<bigint> {
  const what = `Produce to ${topic}-${partition}`;
  try {
    const { leaderId } = await core.leaderOf(topic, partition, signal);
    const request = {
      acks: -1,
      timeoutMs: core.requestTimeoutMs,
      topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
    };
    const response = await core.request(leaderId, apiKeys.Produce, request, { signal, lane: 'append' });
    const answer = response.responses[0]?.partitionResponses[0];
    if (!answer) throw new KafkaError(errorCodes.UNKNOWN_SERVER_ERROR, what, { detail: 'the answer is empty' });
    if (answer.errorCode === errorCodes.DUPLICATE_SEQUENCE_NUMBER) return -1n;
    throwIfError(answer.errorCode, what, answer.errorMessage);
    return answer.baseOffset;
  } catch (error) {
    core.metadata.forget([topic]); // the leader may have moved
    throw error;
  }
}
