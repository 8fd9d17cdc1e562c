import { isUtf8 } from 'node:buffer';
import { BadInputError } from '../../shared/index.ts';
import { BatchFetcher, type FetchedPartition } from '../../wire/client/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import type { MessagesAnswer, ShownMessage, ShownText } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import { type ConsoleRoute, numberOf } from '../route.ts';
import { type MessageFilter, parseFilter } from './message-filter.ts';

/** What one look may read and give back. */
const scanRecords = 50_000;
const scanBytes = 64 * 1024 * 1024;
const scanMs = 5000;
const answerBytes = 2 * 1024 * 1024;
const textBytes = 32 * 1024;
const maxPartitions = 64;

interface Question {
  topic: string;
  /** Null: all, up to 64 of them. */
  partition: number | null;
  from: { kind: 'latest' } | { kind: 'offset'; offset: bigint } | { kind: 'time'; atMs: bigint };
  limit: number;
  filter: MessageFilter | null;
}

/** Messages of a topic, by offset or time, with a filter. */
export function messageRoutes(context: ConsoleContext): ConsoleRoute[] {
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/topics\/([^/]+)\/messages$/,
      answer: async ({ params, query, signal }) => {
        const look = new MessageLook(context, questionOf(params[0]!, query));
        return { json: await look.run(signal) };
      },
    },
  ];
}

function questionOf(topic: string, query: URLSearchParams): Question {
  const [offset, time, partition] = [query.get('offset'), query.get('time'), query.get('partition')];
  return {
    topic,
    partition: partition ? numberOf(query, 'partition', 0, 2 ** 31 - 1, 0) : null,
    from: offset
      ? { kind: 'offset', offset: offsetOf(offset) }
      : time
        ? { kind: 'time', atMs: timeOf(time) }
        : { kind: 'latest' },
    limit: numberOf(query, 'limit', 1, 500, 50),
    filter: parseFilter(query.get('filter') ?? ''),
  };
}

function offsetOf(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new BadInputError(`expected offset to be a whole number, got "${text}"`);
}

function timeOf(text: string): bigint {
  const atMs = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(atMs)) return BigInt(Math.floor(atMs));
  throw new BadInputError(`expected time like 2026-11-20T23:00:00Z or epoch milliseconds, got "${text}"`);
}

/** One look into a topic, which ends when enough was found, or enough was read. */
class MessageLook {
  readonly #context: ConsoleContext;
  readonly #question: Question;
  readonly #messages: ShownMessage[] = [];
  readonly #next = new Map<number, bigint>();
  #ends = new Map<number, bigint>();
  #scanned = 0;
  #scannedBytes = 0;
  #answerBytes = 0;

  constructor(context: ConsoleContext, question: Question) {
    this.#context = context;
    this.#question = question;
  }

  async run(signal: AbortSignal): Promise<MessagesAnswer> {
    const { topic, from, limit } = this.#question;
    const partitions = await this.#partitions(signal);
    const starts = await this.#starts(partitions, signal);
    const fetcher = new BatchFetcher({ cluster: this.#context.cluster, isolation: 'read_committed', maxWaitMs: 200 });
    const deadlineMs = this.#context.clock.monotonicMs() + scanMs;
    try {
      for (const [partition, start] of starts) {
        this.#next.set(partition, start);
        if (start < this.#ends.get(partition)!) fetcher.assign(topic, partition, start);
      }
      while (this.#hasMore && !this.#isFull && this.#context.clock.monotonicMs() < deadlineMs) {
        for (const fetched of await fetcher.poll({ signal })) this.#take(fetcher, fetched);
      }
    } finally {
      await fetcher.close();
    }
    const newestFirst = from.kind === 'latest';
    const sorted = this.#messages.sort(byTime);
    return {
      messages: newestFirst ? sorted.slice(-limit).reverse() : sorted.slice(0, limit),
      scanned: this.#scanned,
      isCut: this.#hasMore,
      next: partitions.length === 1 ? this.#next.get(partitions[0]!)! : null,
      partitions: partitions.map((partition) => ({ partition, end: this.#ends.get(partition)! })),
    };
  }

  async #partitions(signal: AbortSignal): Promise<number[]> {
    const { topic, partition } = this.#question;
    const [found] = await this.#context.cluster.topics({ signal }, [topic]);
    if (!found) throw new BadInputError(`expected an existing topic, got "${topic}"`);
    const numbers = found.partitions.map((one) => one.partition);
    if (partition === null) return numbers.slice(0, maxPartitions);
    if (numbers.includes(partition)) return [partition];
    throw new BadInputError(`expected a partition of "${topic}" from 0 to ${numbers.length - 1}, got ${partition}`);
  }

  async #starts(partitions: readonly number[], signal: AbortSignal): Promise<Map<number, bigint>> {
    const { topic, from, limit, filter } = this.#question;
    const { cluster } = this.#context;
    const options = { isolation: 'read_committed', signal } as const;
    const begins = await cluster.listOffsets(topic, partitions, 'earliest', options);
    const ends = await cluster.listOffsets(topic, partitions, 'latest', options);
    this.#ends = new Map([...ends].map(([partition, { offset }]) => [partition, offset]));
    const times = from.kind === 'time' ? await cluster.listOffsets(topic, partitions, from.atMs, options) : null;
    // With a filter the newest that fit may lie far back.
    const back = BigInt(filter ? Math.floor(scanRecords / partitions.length) : limit);
    return new Map(
      partitions.map((partition) => {
        const [begin, end] = [begins.get(partition)!.offset, this.#ends.get(partition)!];
        const wanted =
          from.kind === 'offset' ? from.offset : times ? (times.get(partition)?.offset ?? -1n) : end - back;
        const start = from.kind === 'time' && wanted < 0n ? end : wanted;
        return [partition, start < begin ? begin : start];
      }),
    );
  }

  get #isFull(): boolean {
    const isEnough = this.#question.from.kind !== 'latest' && this.#messages.length >= this.#question.limit;
    return (
      isEnough || this.#scanned >= scanRecords || this.#scannedBytes >= scanBytes || this.#answerBytes >= answerBytes
    );
  }

  get #hasMore(): boolean {
    return [...this.#next].some(([partition, next]) => next < this.#ends.get(partition)!);
  }

  #take(fetcher: BatchFetcher, fetched: FetchedPartition): void {
    const { topic, partition, batches, fetchOffset, nextOffset } = fetched;
    if (fetched.error) throw fetched.error;
    for (const { bytes, header, isAborted } of batches) {
      if (this.#isFull) return;
      this.#scannedBytes += bytes.length;
      if (!isAborted && !header.isControl) {
        const cursor = new RecordCursor(bytes);
        while (cursor.next()) {
          if (cursor.offset < fetchOffset) continue;
          if (this.#isFull) return;
          this.#look(partition, cursor);
          this.#next.set(partition, cursor.offset + 1n);
        }
      }
      this.#next.set(partition, header.lastOffset + 1n);
    }
    this.#next.set(partition, nextOffset);
    if (nextOffset >= this.#ends.get(partition)!) fetcher.unassign(topic, partition);
  }

  #look(partition: number, cursor: RecordCursor): void {
    this.#scanned++;
    const [key, value] = [cursor.key(), cursor.value()];
    const { filter } = this.#question;
    if (filter && !filter(key?.toString('utf8') ?? '', value?.toString('utf8') ?? '')) return;
    const headers = cursor.headers().map(({ name, value: bytes }) => ({ name, value: shown(bytes) }));
    const message = {
      partition,
      offset: cursor.offset,
      timestamp: cursor.timestamp,
      key: shown(key),
      value: shown(value),
      headers,
    };
    this.#messages.push(message);
    this.#answerBytes += 100 + (message.key?.text.length ?? 0) + (message.value?.text.length ?? 0);
    if (this.#question.from.kind === 'latest') this.#forgetOldest();
  }

  /** Only the newest are wanted: of those before only as many are kept as may still be among them. */
  #forgetOldest(): void {
    const { limit } = this.#question;
    if (this.#messages.length < 4 * limit + 100) return;
    this.#messages.sort(byTime).splice(0, this.#messages.length - limit);
    this.#answerBytes = this.#messages.reduce((sum, { key, value }) => {
      return sum + 100 + (key?.text.length ?? 0) + (value?.text.length ?? 0);
    }, 0);
  }
}

function byTime(a: ShownMessage, b: ShownMessage): number {
  if (a.partition === b.partition) return a.offset < b.offset ? -1 : 1;
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  return a.partition - b.partition;
}

function shown(bytes: Buffer | null): ShownText | null {
  if (bytes === null) return null;
  const cut = bytes.subarray(0, textBytes);
  const isText = isUtf8(bytes);
  return { text: cut.toString(isText ? 'utf8' : 'base64'), encoding: isText ? 'utf8' : 'base64', size: bytes.length };
}
