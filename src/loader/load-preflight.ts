import { checkTopicIdentity, LedgerError, readLayout, SchemaStore, settleLayout } from '../offsets/index.ts';
import { BadInputError, type Clock, describeError, type Logger } from '../shared/index.ts';
import { checkRegistry } from '../values/index.ts';
import {
  contractOf,
  isWarehouseError,
  mergeSchemas,
  openWarehouse,
  parquetProblem,
  SchemaConflictError,
  splitPartitionColumns,
  type WarehouseFiles,
} from '../warehouse/index.ts';
import { AuthenticationError, BrokerUnreachableError, isKafkaError, KafkaCluster } from '../wire/client/index.ts';
import { errorCodes } from '../wire/index.ts';
import type { LoadOptions } from './load-options.ts';
import type { CommonSettings } from './load-settings.ts';
import { hostLabel } from './membership.ts';
import { keepTableReading } from './table-reading.ts';
import { type KnownTopic, knownTopic } from './topic-id.ts';

/** The cluster does not let us in. */
const refusals = [errorCodes.SASL_AUTHENTICATION_FAILED, errorCodes.UNSUPPORTED_SASL_MECHANISM];

/** What a load has found out before it starts its workers. */
export interface LoadTarget {
  cluster: KafkaCluster;
  clusterId: string;
  files: WarehouseFiles;
  topics: KnownTopic[];
}

/**
 * Looks at everything the user named: brokers, topics, warehouse, columns. What is wrong with it is a BadInputError with one
 * clear line, and nothing has been changed by then.
 */
export async function openTarget(
  options: LoadOptions,
  settings: CommonSettings,
  context: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<LoadTarget> {
  const { clock, logger, signal } = context;
  const { brokers, clientConfig } = settings;
  const cluster = new KafkaCluster({ brokers, clientConfig, clientId: 'sluice-load', clock, logger });
  let files: WarehouseFiles | null = null;
  try {
    const clusterId = await reachCluster(cluster, signal);
    if (settings.format !== null) await checkRegistry(settings.format, signal);
    const topics = await findTopics(cluster, clusterId, settings, signal);
    files = await openFiles(settings, context);
    for (const { name } of topics) await checkColumns(files, name, options, settings, signal);
    const { layout, timeField } = settings;
    for (const { name } of topics) await settleLayout(files, name, { ...layout, timeField }, signal);
    for (const topic of topics) await checkIdentity(files, topic, clusterId, settings, signal);
    const { format, contract, schema } = settings;
    for (const { name } of topics) await keepTableReading(files, name, { format, contract, schema }, signal);
    return { cluster, clusterId, files, topics };
  } catch (error) {
    await files?.close();
    await cluster.close();
    throw error;
  }
}

async function reachCluster(cluster: KafkaCluster, signal: AbortSignal): Promise<string> {
  try {
    return await cluster.clusterId({ signal });
  } catch (error) {
    const isRefused = error instanceof AuthenticationError || isKafkaError(error, ...refusals);
    if (isRefused || error instanceof BrokerUnreachableError) throw new BadInputError(error.message, { cause: error });
    throw error;
  }
}

async function findTopics(
  cluster: KafkaCluster,
  clusterId: string,
  { topics: names, brokers, manual }: CommonSettings,
  signal: AbortSignal,
): Promise<KnownTopic[]> {
  const found = new Map((await cluster.topics({ signal }, names)).map((topic) => [topic.name, topic]));
  const topics = names.map((name) => {
    const topic = found.get(name);
    if (!topic) {
      throw new BadInputError(
        `expected a topic "${name}" at ${brokers.join(',')}, found none; see "sluice topics list"`,
      );
    }
    return knownTopic(topic, clusterId);
  });
  for (const { topic, partition } of manual?.partitions ?? []) {
    const known = topics.find(({ name }) => name === topic);
    if (!known?.partitions.includes(partition)) {
      throw new BadInputError(`expected partition ${partition} of topic "${topic}", found none`);
    }
  }
  return topics;
}

async function openFiles(
  { warehouseUrl, user }: CommonSettings,
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<WarehouseFiles> {
  try {
    return await openWarehouse(warehouseUrl, { clock, logger, signal, ...(user === null ? {} : { user }) });
  } catch (error) {
    if (isWarehouseError(error, 'unavailable')) {
      throw new BadInputError(`the warehouse ${warehouseUrl} does not answer: ${describeError(error)}`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function checkColumns(
  files: WarehouseFiles,
  table: string,
  options: LoadOptions,
  { layout, engine, codec }: CommonSettings,
  signal: AbortSignal,
): Promise<void> {
  const contract = contractOf(options.contract ?? null, table);
  const schema = contract?.schema ?? options.schema;
  const writer = contract?.writer ?? {};
  const problem = parquetProblem(engine, schema ?? null, { codec: writer.codec ?? codec, writer });
  if (problem !== null) throw new BadInputError(`table ${table}: ${problem}`);
  const kept = await new SchemaStore(files, table).current({ signal });
  if (!schema) return;
  const partitionBy = layout.partitionBy ?? (await readLayout(files, table, signal)).partitionBy;
  const split = splitPartitionColumns(schema, partitionBy);
  if (!kept) return;
  try {
    mergeSchemas(kept, split.schema);
  } catch (error) {
    if (!(error instanceof SchemaConflictError)) throw error;
    throw new BadInputError(`table ${table}: ${error.message}`, { cause: error });
  }
}

/** The first load of a topic notes its id. */
async function checkIdentity(
  files: WarehouseFiles,
  { name, topicId }: KnownTopic,
  clusterId: string,
  { acceptRecreatedTopic }: CommonSettings,
  signal: AbortSignal,
): Promise<void> {
  const found = { topic: name, topicId, clusterId, acceptedBy: hostLabel(0) };
  try {
    await checkTopicIdentity(files, name, found, { acceptRecreated: acceptRecreatedTopic, signal });
  } catch (error) {
    if (!(error instanceof LedgerError && error.code === 'topic-recreated')) throw error;
    throw new BadInputError(error.message, { cause: error });
  }
}
