import { abortScope, type Clock, describeError, type Logger, SluiceError } from '../../shared/index.ts';
import {
  BatchFetcher,
  type FetchedPartition,
  isKafkaError,
  type KafkaCluster,
  ProducerClient,
} from '../../wire/client/index.ts';
import { errorCodes, RecordCursor } from '../../wire/index.ts';
import { decodeRecord, encodeRecord, type RegistryRecord } from './registry-record.ts';

export interface SchemaTopicOptions {
  cluster: KafkaCluster;
  topic: string;
  /** When the topic has to be created; -1: the broker's default. */
  replicationFactor: number;
  clock: Clock;
  logger: Logger;
  /** Every record in its order, also those that were written here. */
  onRecord: (record: RegistryRecord, offset: bigint) => void;
}

const waitMs = 30_000;

/**
 * The compacted topic that schemas are kept in: one partition, read from its beginning and followed. What is written here counts
 * when it has been read back, so that whatever others wrote before it is known by then.
 */
export class SchemaTopic {
  readonly #options: SchemaTopicOptions;
  readonly #fetcher: BatchFetcher;
  readonly #closing = abortScope();
  #producer: ProducerClient | null = null;
  #next = 0n;
  #waiters: { offset: bigint; resolve: () => void }[] = [];
  #following: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  private constructor(options: SchemaTopicOptions) {
    this.#options = options;
    this.#fetcher = new BatchFetcher({
      cluster: options.cluster,
      isolation: 'read_committed',
      maxBytes: 16 * 1024 * 1024,
    });
  }

  /** Creates the topic if it is not there, and reads it to its end. */
  static async open(options: SchemaTopicOptions, signal: AbortSignal): Promise<SchemaTopic> {
    await ensureTopic(options, signal);
    const opened = new SchemaTopic(options);
    try {
      await opened.#begin(signal);
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** The offset after the last record that was read. */
  get next(): bigint {
    return this.#next;
  }

  /** Writes records and waits until they have been read back; the offset of the first. */
  async append(records: readonly RegistryRecord[], signal: AbortSignal): Promise<bigint> {
    this.#throwIfFailed();
    const { cluster, topic } = this.#options;
    this.#producer ??= new ProducerClient({
      cluster,
      lingerMs: 0,
      deliveryTimeoutMs: waitMs,
      allowAutoTopicCreation: false,
    });
    const offsets: bigint[] = [];
    try {
      for (const record of records) {
        const { key, value } = encodeRecord(record);
        await this.#producer.send(
          topic,
          { key, value },
          { partition: 0, onDelivered: ({ offset }) => offsets.push(offset), signal },
        );
      }
      await this.#producer.flush({ signal });
    } catch (error) {
      // Whether it was written is not known; should it have been, it will be read like anybody's.
      await this.#producer.close({ timeoutMs: 0 }).catch(() => {});
      this.#producer = null;
      throw error;
    }
    await this.#untilRead(offsets.at(-1)! + 1n, signal);
    return offsets[0]!;
  }

  /** Reads everything that others have written until now. */
  async catchUp(signal: AbortSignal): Promise<void> {
    const { cluster, topic } = this.#options;
    const ends = await cluster.listOffsets(topic, [0], 'latest', { isolation: 'read_committed', signal });
    await this.#untilRead(ends.get(0)!.offset, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort(new SluiceError('closed', 'the registry was closed'));
    await this.#following;
    await this.#producer?.close().catch(() => {});
    await this.#fetcher.close();
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { cluster, topic } = this.#options;
    const starts = await cluster.listOffsets(topic, [0], 'earliest', { isolation: 'read_committed', signal });
    this.#next = starts.get(0)!.offset;
    this.#fetcher.assign(topic, 0, this.#next);
    this.#following = this.#follow();
    await this.catchUp(signal);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    try {
      for (;;) for (const fetched of await this.#fetcher.poll({ signal })) this.#take(fetched);
    } catch (error) {
      if (signal.aborted) return;
      this.#failure = new SluiceError('registry-topic', `the topic of schemas cannot be read: ${describeError(error)}`);
      this.#options.logger.error({ reason: describeError(error) }, 'SchemaTopicLost');
      this.#wake();
    }
  }

  #take(fetched: FetchedPartition): void {
    if (fetched.error) throw fetched.error;
    for (const { bytes, header, isAborted } of fetched.batches) {
      if (isAborted || header.isControl) continue;
      const cursor = new RecordCursor(bytes);
      while (cursor.next()) {
        if (cursor.offset < this.#next) continue;
        const record = decodeRecord(cursor.key(), cursor.value());
        if (record) this.#options.onRecord(record, cursor.offset);
      }
    }
    if (fetched.nextOffset > this.#next) this.#next = fetched.nextOffset;
    this.#wake();
  }

  #wake(): void {
    const ready = this.#waiters.filter(({ offset }) => this.#failure !== null || offset <= this.#next);
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  async #untilRead(offset: bigint, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, this.#closing.signal, AbortSignal.timeout(waitMs)]);
    limit.throwIfAborted();
    if (this.#failure === null && offset > this.#next) {
      await new Promise<void>((resolve, reject) => {
        this.#waiters.push({ offset, resolve });
        limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true });
      });
    }
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure;
  }
}

/** One partition, so that all registries read one order; compacted, or kept for ever where the broker compacts nothing. */
async function ensureTopic(options: SchemaTopicOptions, signal: AbortSignal): Promise<void> {
  const { cluster, topic, logger } = options;
  const compacted = await createTopic(options, { 'cleanup.policy': 'compact' }, signal);
  if (compacted === 'refused') {
    logger.warn({ topic, reason: 'the broker does not offer cleanup.policy=compact' }, 'SchemaTopicNotCompacted');
    await createTopic(options, { 'retention.ms': '-1', 'retention.bytes': '-1' }, signal);
  }
  if (compacted !== 'created') await checkTopic(cluster, topic, signal);
}

async function createTopic(
  { cluster, topic, replicationFactor }: SchemaTopicOptions,
  configs: Record<string, string>,
  signal: AbortSignal,
): Promise<'created' | 'exists' | 'refused'> {
  try {
    await cluster.createTopics([{ name: topic, partitions: 1, replicationFactor, configs }], { signal });
    return 'created';
  } catch (error) {
    if (isKafkaError(error, errorCodes.TOPIC_ALREADY_EXISTS)) return 'exists';
    if (isKafkaError(error, errorCodes.INVALID_CONFIG)) return 'refused';
    throw error;
  }
}

async function checkTopic(cluster: KafkaCluster, topic: string, signal: AbortSignal): Promise<void> {
  const [found] = await cluster.topics({ signal }, [topic]);
  if (found && found.partitions.length !== 1) {
    throw new SluiceError(
      'registry-topic',
      `expected one partition of the topic ${topic}, found ${found.partitions.length}`,
    );
  }
  const configs = new Map((await cluster.topicConfig(topic, { signal })).map(({ name, value }) => [name, value]));
  const isKept = configs.get('cleanup.policy')?.includes('compact') || configs.get('retention.ms') === '-1';
  if (!isKept) {
    const came = `cleanup.policy=${configs.get('cleanup.policy')}, retention.ms=${configs.get('retention.ms')}`;
    throw new SluiceError(
      'registry-topic',
      `expected the topic ${topic} to have cleanup.policy=compact, found ${came}: schemas would be lost`,
    );
  }
}
