import {
  type CreatePartitionsRequestCreatePartitionsTopic,
  CreatePartitionsRequestSchema,
  type CreatePartitionsResponseCreatePartitionsTopicResult,
  CreatePartitionsResponseSchema,
  type DeepPartial,
} from '../../wire/index.ts';
import { LogError } from '../storage/log-error.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';
import { refuseNewPartitions } from './partition-limits.ts';

/** Gives topics more partitions. Each topic is answered by itself. */
export const createPartitionsHandler = defineHandler({
  request: CreatePartitionsRequestSchema,
  response: CreatePartitionsResponseSchema,
  async handle(request, { services }) {
    const results: DeepPartial<CreatePartitionsResponseCreatePartitionsTopicResult>[] = [];
    const seen = new Set<string>();
    for (const wanted of request.topics) {
      const { name } = wanted;
      try {
        if (seen.size === seen.add(name).size) {
          throw new LogError('INVALID_REQUEST', 'expected each topic once in a request');
        }
        checkRequest(wanted, services);
        if (!request.validateOnly) await services.logs.addPartitions(name, wanted.count);
        results.push({ name });
      } catch (error) {
        results.push({ name, ...errorAnswer(error, services.logger) });
      }
    }
    return { results };
  },
});

function checkRequest(
  { name, count, assignments }: CreatePartitionsRequestCreatePartitionsTopic,
  services: BrokerServices,
): void {
  const topic = services.logs.topic(name);
  if (!topic) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`);
  if (topic.isInternal) throw new LogError('INVALID_TOPIC_EXCEPTION', `${name} holds the state of the broker`);
  const existing = topic.partitions.length;
  if (count <= existing) {
    throw new LogError('INVALID_PARTITIONS', `expected more than the ${existing} partitions ${name} has, got ${count}`);
  }
  const { nodeId } = services.config;
  const isOurs = assignments?.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId) ?? true;
  if (assignments && (assignments.length !== count - existing || !isOurs)) {
    throw new LogError(
      'INVALID_REPLICA_ASSIGNMENT',
      `expected broker ${nodeId} alone for each of the ${count - existing} new partitions`,
    );
  }
  const refusal = refuseNewPartitions(services, count - existing);
  if (refusal) throw new LogError('POLICY_VIOLATION', refusal.errorMessage);
}
