// What the log says about requests with an idempotency key.
import { SluiceError } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition, type KafkaCluster } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import type { WrittenEvent } from '../event-writer.ts';

/** Header of an event that came with a key; see docs/formats.md, "Idempotency keys". */
export const requestHeader = 'sluice-request';
const headerBytes = Buffer.from(requestHeader);

export interface RememberedRequest {
  /** Of the body. */
  fingerprint: string;
  count: number;
  /** By index. */
  written: (WrittenEvent | undefined)[];
  /** Of the newest of its events. */
  atMs: number;
}

export function requestMark(hash: string, fingerprint: string, index: number, count: number): Buffer {
  return Buffer.from(`${hash}.${fingerprint}.${index}.${count}`, 'latin1');
}

export interface ReadRequestsOptions {
  cluster: KafkaCluster;
  topic: string;
  sinceMs: number;
  maxEvents: number;
  signal: AbortSignal;
}

/** The requests whose events were written since then, in the order of their times. */
export async function readRequests(
  options: ReadRequestsOptions,
): Promise<{ requests: Map<string, RememberedRequest>; eventCount: number }> {
  const { cluster, topic, sinceMs, signal } = options;
  const [found] = await cluster.topics({ signal }, [topic]);
  const partitions = found?.partitions.map(({ partition }) => partition) ?? [];
  const isolation = 'read_uncommitted';
  const starts = await cluster.listOffsets(topic, partitions, BigInt(Math.trunc(sinceMs)), { isolation, signal });
  const ends = await cluster.listOffsets(topic, partitions, 'latest', { isolation, signal });
  const reading = new RequestReading(options.maxEvents);
  await using fetcher = new BatchFetcher({ cluster, isolation, maxWaitMs: 250 });
  const open = new Map<number, bigint>();
  for (const partition of partitions) {
    const [start, end] = [starts.get(partition)!.offset, ends.get(partition)!.offset];
    if (start < 0n || start >= end) continue;
    open.set(partition, end);
    fetcher.assign(topic, partition, start);
  }
  while (open.size > 0) {
    for (const fetched of await fetcher.poll({ signal })) {
      reading.take(fetched);
      if (fetched.nextOffset < open.get(fetched.partition)!) continue;
      open.delete(fetched.partition);
      fetcher.unassign(topic, fetched.partition);
    }
  }
  return reading.result();
}

class RequestReading {
  readonly #maxEvents: number;
  readonly #requests = new Map<string, RememberedRequest>();
  #eventCount = 0;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  take({ topic, partition, batches, error }: FetchedPartition): void {
    if (error) throw new SluiceError('read-back', `${topic}-${partition} cannot be read`, { cause: error });
    for (const { bytes, header } of batches) {
      if (header.isControl) continue;
      const cursor = new RecordCursor(bytes);
      if (!cursor.payload.includes(headerBytes)) continue;
      while (cursor.next()) if (cursor.headerCount > 0) this.#takeRecord(cursor, partition);
    }
  }

  result(): { requests: Map<string, RememberedRequest>; eventCount: number } {
    const byTime = [...this.#requests].sort(([, a], [, b]) => a.atMs - b.atMs);
    return { requests: new Map(byTime), eventCount: this.#eventCount };
  }

  #takeRecord(cursor: RecordCursor, partition: number): void {
    const mark = cursor
      .headers()
      .find(({ name }) => name === requestHeader)
      ?.value?.toString('latin1');
    const match = /^([0-9a-f]{32})\.([0-9a-f]{16})\.(\d{1,9})\.(\d{1,9})$/.exec(mark ?? '');
    if (!match) return;
    const [hash, fingerprint, index, count] = [match[1]!, match[2]!, Number(match[3]), Number(match[4])];
    let request = this.#requests.get(hash);
    if (!request) {
      request = { fingerprint, count, written: [], atMs: 0 };
      this.#requests.set(hash, request);
      this.#eventCount += count;
      if (this.#eventCount > this.#maxEvents) {
        throw new SluiceError('too-many-keys', `expected at most ${this.#maxEvents} events with idempotency keys`);
      }
    }
    request.written[index] ??= { partition, offset: cursor.offset };
    request.atMs = Math.max(request.atMs, Number(cursor.timestamp));
  }
}
