// Promises of our fetcher and producer against a real Apache Kafka: transactions, times, codecs, partitions as Java chooses
// them, kills of the broker in the middle.
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import {
  BatchFetcher,
  type FetchedPartition,
  type Isolation,
  KafkaCluster,
  ProducerClient,
} from '../../src/wire/client/index.ts';
import { type CompressionType, RecordCursor } from '../../src/wire/index.ts';
import { kafkaTool, type PeerKafka, startKafka, waitFor } from '../support/peers.ts';

let kafka: PeerKafka;
let cluster: KafkaCluster;
let topicCount = 0;
/** What the client logged last, for the message of a test that fails. */
const logged: string[] = [];
const log = (fields: object, event: string): void => {
  logged.push(`${new Date().toISOString().slice(14, 23)} ${event} ${JSON.stringify(fields)}`);
  if (logged.length > 300) logged.shift();
};

beforeAll(async () => {
  kafka = await startKafka();
  cluster = new KafkaCluster({
    brokers: [kafka.bootstrap],
    clientId: 'test',
    retryTimeoutMs: 60_000,
    logger: { ...silentLogger, warn: log, debug: log },
  });
});

afterAll(async () => {
  await cluster?.close();
  await kafka?.stop();
});

async function newTopic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
  const name = `records-${++topicCount}`;
  await cluster.createTopics([{ name, partitions, configs }]);
  return name;
}

const tool = (name: string, args: string[], input = ''): Promise<string> =>
  kafkaTool(name, ['--bootstrap-server', kafka.bootstrap, ...args], { input });

interface ReadRecord {
  partition: number;
  offset: bigint;
  timestamp: bigint;
  key: string | null;
  value: string;
}

/** Everything up to the end that the isolation allows: records that count, and the batches as they were marked. */
async function readAll(
  topic: string,
  isolation: Isolation,
  partitionCount = 1,
): Promise<{ records: ReadRecord[]; marks: string[] }> {
  const partitions = Array.from({ length: partitionCount }, (_, i) => i);
  const ends = await cluster.listOffsets(topic, partitions, 'latest', { isolation });
  const fetcher = new BatchFetcher({ cluster, isolation, maxWaitMs: 200 });
  const records: ReadRecord[] = [];
  const marks: string[] = [];
  for (const partition of partitions) fetcher.assign(topic, partition, 0n);
  const isDone = (): boolean => partitions.every((p) => fetcher.progress(topic, p)!.position >= ends.get(p)!.offset);
  while (!isDone()) for (const fetched of await fetcher.poll()) take(fetched);
  await fetcher.close();
  return { records, marks };

  function take({ partition, batches, error }: FetchedPartition): void {
    if (error) throw error;
    for (const { bytes, header, isAborted } of batches) {
      marks.push(isAborted ? 'aborted' : header.isControl ? 'control' : 'data');
      if (isAborted || header.isControl) continue;
      for (const cursor = new RecordCursor(bytes); cursor.next(); ) {
        const { offset, timestamp } = cursor;
        records.push({
          partition,
          offset,
          timestamp,
          key: cursor.key()?.toString() ?? null,
          value: String(cursor.value()),
        });
      }
    }
  }
}

const valuesOf = async (
  topic: string,
  isolation: Isolation = 'read_committed',
  partitionCount = 1,
): Promise<string[]> => (await readAll(topic, isolation, partitionCount)).records.map(({ value }) => value);

/** Kafka answers EndTxn before the marks of that transaction are in the log (KIP-98). */
async function allEnded(topic: string): Promise<void> {
  await waitFor('the marks of every transaction', 60_000, async () => {
    const [stable, high] = await Promise.all(
      (['read_committed', 'read_uncommitted'] as const).map((isolation) =>
        cluster.listOffsets(topic, [0], 'latest', { isolation }),
      ),
    );
    return stable!.get(0)!.offset === high!.get(0)!.offset;
  });
}

describe('transactions of kafkajs', () => {
  it('committed ones are read, aborted ones are marked and left out, an open one holds the reader back', async () => {
    const topic = await newTopic();
    const client = new Kafka({ brokers: [kafka.bootstrap], clientId: 'tx', logLevel: logLevel.NOTHING });
    const producer = client.producer({ transactionalId: `tx-${topic}`, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const send = async (values: string[], end: 'commit' | 'abort'): Promise<void> => {
      const transaction = await producer.transaction();
      for (const value of values) await transaction.send({ topic, messages: [{ value }] });
      await transaction[end]();
    };
    await send(['c1', 'c2'], 'commit');
    await send(['a1', 'a2', 'a3'], 'abort');
    const plain = new ProducerClient({ cluster });
    plain.send(topic, { value: 'p1' });
    await plain.flush();
    await send(['a4'], 'abort');
    await send(['c3'], 'commit');
    await allEnded(topic);
    const { records, marks } = await readAll(topic, 'read_committed');
    expect(records.map(({ value }) => value)).toEqual(['c1', 'c2', 'p1', 'c3']);
    expect(marks.filter((mark) => mark === 'aborted')).toHaveLength(4);
    expect(marks.filter((mark) => mark === 'control')).toHaveLength(4);
    const dirty = await valuesOf(topic, 'read_uncommitted');
    expect(dirty).toEqual(['c1', 'c2', 'a1', 'a2', 'a3', 'p1', 'a4', 'c3']);

    const open = await producer.transaction();
    await open.send({ topic, messages: [{ value: 'c4' }] });
    plain.send(topic, { value: 'p2' });
    await plain.close();
    const committed = { isolation: 'read_committed' } as const;
    const stable = (await cluster.listOffsets(topic, [0], 'latest', committed)).get(0)!.offset;
    const high = (await cluster.listOffsets(topic, [0], 'latest', { isolation: 'read_uncommitted' })).get(0)!.offset;
    expect(high - stable).toBe(2n);
    expect(await valuesOf(topic)).toEqual(['c1', 'c2', 'p1', 'c3']);
    await open.commit();
    await allEnded(topic);
    expect(await valuesOf(topic)).toEqual(['c1', 'c2', 'p1', 'c3', 'c4', 'p2']);
    await producer.disconnect();
  });
});

describe("Kafka's transactional message copier", () => {
  it('with random aborts leaves each record exactly once for a committed reader', async () => {
    const [input, output] = [await newTopic(), await newTopic()];
    const values = Array.from({ length: 2000 }, (_, i) => `${i}`);
    const producer = new ProducerClient({ cluster });
    for (const value of values) await producer.send(input, { value });
    await producer.close();
    const copier = [
      '--broker-list',
      kafka.bootstrap,
      '--transactional-id',
      `copier-${input}`,
      '--consumer-group',
      `copier-${input}`,
    ];
    const load = ['--input-topic', input, '--input-partition', '0', '--output-topic', output, '--max-messages', '2000'];
    await kafkaTool('transactional-message-copier', [
      ...copier,
      ...load,
      '--transaction-size',
      '100',
      '--enable-random-aborts',
    ]);
    await allEnded(output);
    const { records, marks } = await readAll(output, 'read_committed');
    expect(records.map(({ value }) => value)).toEqual(values);
    expect(marks).toContain('aborted');
  });
});

describe('times', () => {
  it('offsets of a time are those that get-offsets finds', async () => {
    const topic = await newTopic(2);
    const producer = new ProducerClient({ cluster });
    for (let i = 0; i < 200; i++) {
      await producer.send(
        topic,
        { value: `${i}`, timestamp: BigInt(1_700_000_000_000 + i * 1000) },
        { partition: i % 2 },
      );
    }
    await producer.close();
    for (const atMs of [0, 1_700_000_050_500, 1_700_000_199_000]) {
      const ours = await cluster.listOffsets(topic, [0, 1], BigInt(atMs), { isolation: 'read_committed' });
      const found = (await tool('get-offsets', ['--topic', topic, '--time', String(atMs)])).trim().split('\n').sort();
      const lines = [...ours].map(([partition, { offset }]) => `${topic}:${partition}:${offset < 0n ? '' : offset}`);
      expect(lines.sort().filter((line) => !line.endsWith(':'))).toEqual(found.filter((line) => !line.endsWith(':')));
    }
    const beyond = await cluster.listOffsets(topic, [0], 1_800_000_000_000n, { isolation: 'read_committed' });
    expect(beyond.get(0)!.offset).toBe(-1n);
  });
});

describe('what Java writes and reads', () => {
  it.each<CompressionType>(['gzip', 'snappy', 'lz4', 'zstd'])(
    'records compressed with %s come through in both directions',
    async (codec) => {
      const topic = await newTopic();
      const lines = Array.from({ length: 300 }, (_, i) => `line ${i} ${'x'.repeat(i % 40)}`);
      await tool('console-producer', ['--topic', topic, '--compression-codec', codec], lines.join('\n'));
      expect(await valuesOf(topic)).toEqual(lines);
      const producer = new ProducerClient({ cluster, compression: codec });
      for (const value of lines) await producer.send(topic, { value });
      await producer.close();
      const read = await tool('console-consumer', [
        '--topic',
        topic,
        '--from-beginning',
        '--max-messages',
        '600',
        '--timeout-ms',
        '60000',
      ]);
      expect(read.trim().split('\n')).toEqual([...lines, ...lines]);
    },
  );

  it('keys go to the partitions that the Java client chooses', async () => {
    const [java, ours] = [await newTopic(7), await newTopic(7)];
    const keys = [
      '',
      'a',
      'ab',
      'abc',
      'abcd',
      'abcde',
      'größe',
      '日本語',
      ...Array.from({ length: 200 }, (_, i) => `user-${i * 7919}`),
    ];
    const properties = ['--property', 'parse.key=true', '--property', 'key.separator=|'];
    await tool('console-producer', ['--topic', java, ...properties], keys.map((key) => `${key}|v`).join('\n'));
    const producer = new ProducerClient({ cluster });
    for (const key of keys) await producer.send(ours, { key, value: 'v' });
    await producer.close();
    const placed = async (topic: string): Promise<Map<string | null, number>> =>
      new Map((await readAll(topic, 'read_committed', 7)).records.map(({ key, partition }) => [key, partition]));
    expect(await placed(ours)).toEqual(await placed(java));
  });
});

describe('batches that do not fit', () => {
  it('are halved until they do; a record that is too large alone fails, and the ones around it arrive in order', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '10000' });
    const producer = new ProducerClient({ cluster, batchBytes: 200_000 });
    const failures: string[] = [];
    const values = Array.from({ length: 500 }, (_, i) => (i === 250 ? 'L'.repeat(50_000) : `${i} ${'x'.repeat(500)}`));
    for (const value of values) {
      await producer.send(
        topic,
        { value },
        { onFailed: (error) => failures.push((error as { code?: string }).code ?? '') },
      );
    }
    await expect(producer.close()).rejects.toMatchObject({ kafkaName: 'MESSAGE_TOO_LARGE' });
    expect(failures).toEqual(['message-too-large']);
    expect(producer.acknowledgedCount).toBe(499);
    expect(await valuesOf(topic)).toEqual(values.filter((_, i) => i !== 250));
  });
});

describe('a broker that is killed in the middle', () => {
  it('three times: every record arrives exactly once and in order, reader and producer go on by themselves', async () => {
    const topic = await newTopic(3);
    const producer = new ProducerClient({ cluster, lingerMs: 2, batchBytes: 4096 });
    const fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 200 });
    const read: number[][] = [[], [], []];
    const sent = [0, 0, 0];
    let isSending = true;
    const isBehind = (): boolean => read.some((list, i) => list.length < sent[i]!);
    for (const partition of [0, 1, 2]) fetcher.assign(topic, partition, 0n);
    const reading = (async () => {
      while (isSending || isBehind()) {
        for (const { partition, batches, error, fetchOffset } of await fetcher.poll()) {
          if (error) throw error;
          for (const { bytes } of batches) {
            for (const cursor = new RecordCursor(bytes); cursor.next(); ) {
              if (cursor.offset >= fetchOffset) read[partition]!.push(Number(String(cursor.value())));
            }
          }
        }
      }
    })();
    reading.catch(() => {}); // awaited below
    const sending = (async () => {
      while (isSending) {
        for (const partition of [0, 1, 2])
          await producer.send(topic, { value: `${sent[partition]!++}` }, { partition });
        if (sent[0]! % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let kill = 0; kill < 3; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await kafka.kill('kafka');
      await kafka.start('kafka');
      await kafka.waitUntilReady();
    }
    isSending = false;
    await sending;
    await producer.close();
    expect([producer.failedCount, producer.acknowledgedCount]).toEqual([0, sent.reduce((sum, count) => sum + count)]);
    await Promise.race([reading, waitFor('the reader', 180_000, () => !isBehind())]).catch(async (error: Error) => {
      const ends = await cluster.listOffsets(topic, [0, 1, 2], 'latest', { isolation: 'read_uncommitted' });
      const where = [0, 1, 2].map((p) => {
        const missing = read[p]!.findIndex((value, i) => value !== i);
        const state = `${at(fetcher, topic, p)}, end ${ends.get(p)!.offset}, first missing ${missing}`;
        return `${p}: ${read[p]!.length} of ${sent[p]}, ${state}`;
      });
      throw new Error([error.message, ...where, ...logged].join('\n'), { cause: error });
    });
    await reading;
    await fetcher.close();
    for (const partition of [0, 1, 2]) {
      expect(read[partition]).toEqual(Array.from({ length: sent[partition]! }, (_, i) => i));
    }
  });

  it('records below the start of the log are an error of the partition, not a jump', async () => {
    const topic = await newTopic();
    const producer = new ProducerClient({ cluster });
    for (let i = 0; i < 100; i++) await producer.send(topic, { value: `${i}` });
    await producer.close();
    await deleteRecords(topic, 60);
    const fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 200 });
    fetcher.assign(topic, 0, 30n);
    const polled: FetchedPartition[] = [];
    await waitFor('the error', 30_000, async () => polled.push(...(await fetcher.poll())) > 0);
    expect(polled[0]).toMatchObject({
      fetchOffset: 30n,
      nextOffset: 30n,
      batches: [],
      error: { kafkaName: 'OFFSET_OUT_OF_RANGE' },
    });
    await fetcher.close();
  });
});

function at(fetcher: BatchFetcher, topic: string, partition: number): string {
  const { position, highWatermark, lastStableOffset } = fetcher.progress(topic, partition)!;
  return `at ${position}, stable ${lastStableOffset}, high ${highWatermark}`;
}

async function deleteRecords(topic: string, before: number): Promise<void> {
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const folder = mkdtempSync('/tmp/sluice-delete-records-');
  const file = `${folder}/offsets.json`;
  writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: before }] }));
  await tool('delete-records', ['--offset-json-file', file]);
  rmSync(folder, { recursive: true });
}
