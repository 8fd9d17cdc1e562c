import type { Registry } from 'prom-client';
import { BadInputError, type Clock, createLogger, type Logger, systemClock } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import type { AssignorName, ClientConfigSource, KafkaCluster } from '../../wire/client/index.ts';
import type { BatchHandler, PositionedSink } from './consumed-batch.ts';
import { type Decode, type DecodeRow, decodeJson } from './decode-records.ts';
import { timeMsOf, writeJson } from './json-value.ts';

export interface RetryPolicy {
  /** How often the same events are tried; 5 when left out. Errors that say `isRetriable` are waited out for as long as it takes. */
  attempts: number;
  /** First wait, doubled each time up to `maxMs`: 200 ms and 30 s when left out. */
  firstMs: number;
  maxMs: number;
}

export interface ConsumerOptions<T> {
  /** `host:port`; left out where a `cluster` is given. */
  brokers?: readonly string[] | undefined;
  /** A client that is there already; it is not closed. */
  cluster?: KafkaCluster | undefined;
  /** TLS, SASL, `client.rack`: path of a client.properties, or its keys. */
  clientConfig?: ClientConfigSource | null | undefined;
  topics: readonly string[];
  handler: BatchHandler<T> | PositionedSink<T>;
  /** JSON when left out. */
  decode?: Decode<T> | undefined;
  /** The same for a row of a warehouse, a JSON object without nulls. Left out: `decode` gets it as JSON text. */
  decodeRow?: DecodeRow<T> | undefined;
  /** Consumer group that shares the partitions out and remembers positions; `sluice-online` when left out. Null: all partitions, nothing is remembered. */
  group?: string | null | undefined;
  /**
   * Where to begin in partitions for which nothing is remembered: with the first record, with what comes from now on, or with events of
   * that time or later (RFC 3339, `2026-11-01`, epoch ms, or a function that is asked each time). `beginning` when left out.
   */
  from?: 'beginning' | 'end' | string | number | (() => number) | undefined;
  /** Where the tables live, a URL or opened. Events that the log has no more are taken from there. */
  warehouse?: string | WarehouseFiles | undefined;
  /** Where both log and warehouse have all events since `from`: which of them is read. `warehouse` when left out. */
  prefer?: 'log' | 'warehouse' | undefined;
  /** Called as the topic when left out. */
  table?: string | undefined;
  /** Column by which `from` chooses rows: the one that the table's folders go by. The record's timestamp when left out. */
  timeField?: string | undefined;
  /** Stop at the ends that the partitions have now. All partitions are read, so the group must have no members. */
  untilEnd?: boolean | undefined;
  /** How many partitions are handled at once; 4 when left out. */
  concurrency?: number | undefined;
  /** Events in a batch; 1,000 when left out. */
  batchEvents?: number | undefined;
  /** Fetched bytes that wait to be handled; 64 MB when left out. */
  maxBytes?: number | undefined;
  retries?: Partial<RetryPolicy> | undefined;
  /** Takes what cannot be decoded, and events that fail in every attempt. Left out: the consumer stops at them. */
  deadLetterTopic?: string | undefined;
  /** What becomes of records that cannot be decoded; with a dead-letter topic they go there, else the consumer stops. */
  undecodable?: 'dead-letter' | 'skip' | 'fail' | undefined;
  /** What becomes of offsets that neither log nor warehouse have any more: stop, or count them and go on behind. `fail` when left out. */
  expired?: 'fail' | 'skip' | undefined;
  /** 1 s when left out. */
  commitIntervalMs?: number | undefined;
  /** How long `stop` and a rebalance wait for handlers under way; 30 s when left out. */
  stopTimeoutMs?: number | undefined;
  sessionTimeoutMs?: number | undefined;
  instanceId?: string | undefined;
  assignor?: AssignorName | undefined;
  /** Where the metrics go; a registry of its own when left out. */
  registry?: Registry | undefined;
  clock?: Clock | undefined;
  logger?: Logger | undefined;
  signal?: AbortSignal | undefined;
}

/** The options with everything that was left out. */
export interface ConsumerSettings<T> {
  topics: readonly string[];
  handler: BatchHandler<T> | PositionedSink<T>;
  decode: Decode<T>;
  decodeRow: DecodeRow<T>;
  group: string | null;
  /** Epoch ms where a time was given. */
  from: 'beginning' | 'end' | (() => number);
  warehouse: string | WarehouseFiles | null;
  prefer: 'log' | 'warehouse';
  table: string | null;
  timeField: string | null;
  untilEnd: boolean;
  concurrency: number;
  batchEvents: number;
  maxBytes: number;
  retries: RetryPolicy;
  deadLetterTopic: string | null;
  undecodable: 'dead-letter' | 'skip' | 'fail';
  expired: 'fail' | 'skip';
  commitIntervalMs: number;
  stopTimeoutMs: number;
  clock: Clock;
  logger: Logger;
}

/** Throws BadInputError for what does not fit together. */
export function settingsOf<T>(options: ConsumerOptions<T>): ConsumerSettings<T> {
  const { topics, warehouse = null, table = null, deadLetterTopic = null } = options;
  if (topics.length === 0) throw new BadInputError('expected at least one topic');
  if (table !== null && warehouse === null) throw new BadInputError('expected a warehouse with the table');
  if (table !== null && topics.length > 1)
    throw new BadInputError(`expected one topic with the table ${table}, got ${topics.length}`);
  const undecodable = options.undecodable ?? (deadLetterTopic === null ? 'fail' : 'dead-letter');
  if (undecodable === 'dead-letter' && deadLetterTopic === null)
    throw new BadInputError('expected a dead-letter topic');
  if (deadLetterTopic !== null && topics.includes(deadLetterTopic))
    throw new BadInputError(`expected a dead-letter topic that is not read, got "${deadLetterTopic}"`);
  return {
    ...{ topics, warehouse, table, deadLetterTopic, undecodable, handler: options.handler },
    decode: options.decode ?? decodeJson,
    decodeRow: options.decodeRow ?? rowDecoderOf(options.decode),
    group: options.group === undefined ? 'sluice-online' : options.group,
    from: startOf(options.from ?? 'beginning'),
    prefer: options.prefer ?? 'warehouse',
    timeField: options.timeField ?? null,
    untilEnd: options.untilEnd ?? false,
    concurrency: options.concurrency ?? 4,
    batchEvents: options.batchEvents ?? 1000,
    maxBytes: options.maxBytes ?? 64 * 1024 * 1024,
    retries: { attempts: 5, firstMs: 200, maxMs: 30_000, ...options.retries },
    expired: options.expired ?? 'fail',
    commitIntervalMs: options.commitIntervalMs ?? 1000,
    stopTimeoutMs: options.stopTimeoutMs ?? 30_000,
    clock: options.clock ?? systemClock,
    logger: options.logger ?? createLogger('warn', { part: 'consumer' }),
  };
}

function rowDecoderOf<T>(decode: Decode<T> | undefined): DecodeRow<T> {
  if (!decode) return (row) => row as T;
  return (row, place) => decode(Buffer.from(writeJson(row)), place);
}

function startOf(from: string | number | (() => number)): 'beginning' | 'end' | (() => number) {
  if (from === 'beginning' || from === 'end' || typeof from === 'function') return from;
  const timeMs = typeof from === 'string' && /^\d{4}-\d\d-\d\d$/.test(from) ? Date.parse(from) : timeMsOf(from);
  if (Number.isFinite(timeMs)) return () => timeMs;
  throw new BadInputError(`expected beginning, end, or a time like 2026-11-01 or 2026-11-01T07:00:00Z, got "${from}"`);
}

export function isSink<T>(handler: BatchHandler<T> | PositionedSink<T>): handler is PositionedSink<T> {
  return typeof handler !== 'function';
}

/** Epoch ms from which on events are wanted; null: all. */
export function fromMsOf({ from }: { from: 'beginning' | 'end' | (() => number) }): number | null {
  return typeof from === 'function' ? from() : null;
}
