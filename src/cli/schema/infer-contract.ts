import { existsSync } from 'node:fs';
import { BadInputError } from '../../shared/index.ts';
import { inferSchema, type SampleRecord } from '../../warehouse/index.ts';
import { BatchFetcher, type KafkaCluster } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import { openInput } from '../input/open-input.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { contractText } from './column-table.ts';

export interface InferOptions {
  brokers?: string[];
  commandConfig?: string;
  records: number;
  json?: boolean;
}

const maxRecordBytes = 16 * 1024 * 1024;

/** `sluice schema infer FILE-or-TOPIC`: the contract that a load without one would come to, to be read and edited. */
export async function inferContract(place: string, options: InferOptions): Promise<number> {
  const { signal } = stopSignal();
  const { brokers, records: limit } = options;
  const records = brokers
    ? await withCluster({ ...options, brokers }, (cluster) => sampleTopic(cluster, place, limit, signal), { signal })
    : await sampleFile(place, limit, signal);
  const schema = inferSchema(records);
  if (schema.columns.length === 0) {
    throw new BadInputError(
      `${place}: expected records that are JSON objects, found none among ${formatCount(records.length)}`,
    );
  }
  if (options.json) printJson({ ...schema, records: records.length });
  else
    process.stdout.write(`# inferred from ${formatCount(records.length)} records of ${place}\n${contractText(schema)}`);
  return exitCodes.complete;
}

async function sampleFile(path: string, limit: number, signal: AbortSignal): Promise<SampleRecord[]> {
  if (path !== '-' && !existsSync(path)) {
    throw new BadInputError(`expected a file or, with --brokers, a topic: there is no file ${path}`);
  }
  const input = await openInput(path, {
    format: 'auto',
    maxRecordBytes,
    keepEmptyLines: false,
    arrayPath: null,
    csvStrings: false,
    csvDelimiter: null,
  });
  const records: SampleRecord[] = [];
  for await (const chunk of input.chunks(signal)) {
    for (const value of chunk) {
      records.push({ key: null, value: Buffer.from(value) });
      if (records.length >= limit) return records;
    }
  }
  return records;
}

/** The first records of every partition, in about equal parts. */
async function sampleTopic(
  cluster: KafkaCluster,
  topic: string,
  limit: number,
  signal: AbortSignal,
): Promise<SampleRecord[]> {
  const [found] = await cluster.topics({ signal }, [topic]);
  if (!found)
    throw new BadInputError(`expected an existing topic, got "${topic}"; sluice topics list shows what there is`);
  const partitions = found.partitions.map(({ partition }) => partition);
  const isolation = 'read_committed' as const;
  const starts = await cluster.listOffsets(topic, partitions, 'earliest', { isolation, signal });
  const ends = await cluster.listOffsets(topic, partitions, 'latest', { isolation, signal });
  const fetcher = new BatchFetcher({ cluster, isolation, maxWaitMs: 250 });
  const share = Math.ceil(limit / partitions.length);
  const records: SampleRecord[] = [];
  const open = new Map<number, number>();
  for (const partition of partitions) {
    if (starts.get(partition)!.offset >= ends.get(partition)!.offset) continue;
    open.set(partition, share);
    fetcher.assign(topic, partition, starts.get(partition)!.offset);
  }
  try {
    while (open.size > 0 && records.length < limit) {
      for (const fetched of await fetcher.poll({ signal })) {
        if (fetched.error) throw fetched.error;
        const { partition, nextOffset } = fetched;
        let left = open.get(partition) ?? 0;
        for (const batch of fetched.batches) {
          if (batch.isAborted || batch.header.isControl) continue;
          const cursor = new RecordCursor(batch.bytes);
          for (; left > 0 && cursor.next(); left--) {
            records.push({ key: copyOf(cursor.key()), value: copyOf(cursor.value()) });
          }
        }
        open.set(partition, left);
        if (left === 0 || nextOffset >= ends.get(partition)!.offset) {
          open.delete(partition);
          fetcher.unassign(topic, partition);
        }
      }
    }
    return records;
  } finally {
    await fetcher.close();
  }
}

function copyOf(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}
