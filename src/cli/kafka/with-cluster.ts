import { BadInputError, createLogger, describeError } from '../../shared/index.ts';
import { AuthenticationError, BrokerUnreachableError, isKafkaError, KafkaCluster } from '../../wire/client/index.ts';
import { errorCodes } from '../../wire/index.ts';
import { clientConfigOf } from './client-config.ts';

/** What the cluster answers when the question was wrong, not the cluster. */
const badInputCodes: readonly number[] = [
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.TOPIC_ALREADY_EXISTS,
  errorCodes.INVALID_TOPIC_EXCEPTION,
  errorCodes.INVALID_PARTITIONS,
  errorCodes.INVALID_REPLICATION_FACTOR,
  errorCodes.INVALID_CONFIG,
  errorCodes.INVALID_REQUEST,
  errorCodes.POLICY_VIOLATION,
  errorCodes.TOPIC_DELETION_DISABLED,
  errorCodes.GROUP_ID_NOT_FOUND,
  errorCodes.INVALID_GROUP_ID,
  errorCodes.NON_EMPTY_GROUP,
  errorCodes.SASL_AUTHENTICATION_FAILED,
  errorCodes.UNSUPPORTED_SASL_MECHANISM,
];

/** Which cluster, and how to be let in. */
export interface ClusterFlags {
  brokers: string[];
  commandConfig?: string;
}

export function isBadInput(error: unknown): boolean {
  if (error instanceof BadInputError || error instanceof AuthenticationError) return true;
  return isKafkaError(error, ...badInputCodes);
}

export function asBadInput(error: unknown): BadInputError {
  return error instanceof BadInputError ? error : new BadInputError(describeError(error));
}

/**
 * Connects, runs `work` and closes. A cluster that does not answer at all becomes a BadInputError, as do answers that
 * say that what was asked for does not exist or is not possible.
 */
export async function withCluster<T>(
  flags: ClusterFlags,
  work: (cluster: KafkaCluster) => Promise<T>,
  options: { signal?: AbortSignal } = {},
): Promise<T> {
  const cluster = new KafkaCluster({
    brokers: flags.brokers,
    clientConfig: clientConfigOf(flags),
    clientId: 'sluice-cli',
    retryTimeoutMs: 5_000,
    logger: createLogger('error', { part: 'client' }),
  });
  try {
    await reach(cluster, options.signal);
    return await work(cluster);
  } catch (error) {
    throw isBadInput(error) ? asBadInput(error) : error;
  } finally {
    await cluster.close();
  }
}

async function reach(cluster: KafkaCluster, signal: AbortSignal | undefined): Promise<void> {
  try {
    await cluster.reach({ signal });
  } catch (error) {
    if (error instanceof BrokerUnreachableError) throw new BadInputError(error.message, { cause: error });
    throw error;
  }
}
