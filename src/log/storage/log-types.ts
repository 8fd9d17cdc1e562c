import type { Clock, Logger } from '../../shared/index.ts';
import type { LogFileSystem } from './log-file-system.ts';
import type { PreallocationOptions } from './preallocation.ts';

/** What an append was given. `durable` is what acks=all waits for, `written` what acks=1 waits for. */
export interface AppendResult {
  /** Offset given to the first record. */
  baseOffset: bigint;
  /** Offset of the last record, inclusive. */
  lastOffset: bigint;
  /** Set (epoch ms) when the topic uses LogAppendTime, -1 otherwise. */
  logAppendTimeMs: bigint;
  logStartOffset: bigint;
  /** True when this was a retry of an idempotent producer and nothing was appended; the offsets are those of the original. */
  isDuplicate: boolean;
  /** Resolves when the operating system has the bytes. Rejects with LogError KAFKA_STORAGE_ERROR when they could not be written: then they are not in the log. */
  readonly written: Promise<void>;
  /**
   * Resolves when the bytes are on stable storage and below the high watermark; rejects like `written`. Asking for it is what
   * asks for a sync in the next group; where nobody asks (acks=0 and 1, and no reader waits) the sync comes within `flushIntervalMs`.
   */
  readonly durable: Promise<void>;
}

export interface ReadResult {
  /** Whole record batches, the first of which contains the asked offset; empty at the end. Never past the high watermark. */
  records: Buffer;
  highWatermark: bigint;
  lastStableOffset: bigint;
  logStartOffset: bigint;
}

export interface TopicConfig {
  /** -1 = no bound. */
  retentionMs: number;
  retentionBytes: number;
  segmentBytes: number;
  segmentMs: number;
  maxMessageBytes: number;
  /** `compact` keeps the last record of each key, and refuses records without one. */
  cleanupPolicy: 'delete' | 'compact' | 'compact,delete';
  /** How long a tombstone (a record without a value) outlives the cleaning that removed what it deletes. */
  deleteRetentionMs: number;
  /** Share of a log that must be new since the last cleaning before it is cleaned again. */
  minCleanableDirtyRatio: number;
  /** Younger records are not cleaned. */
  minCompactionLagMs: number;
  messageTimestampType: 'CreateTime' | 'LogAppendTime';
  /** Records that this group has not committed are kept past retention; empty: no pin (segment-pin.ts). */
  pinGroup: string;
  /** Bytes of a partition that only the pin may keep; -1 = no bound. */
  pinMaxBytes: number;
  /** Above that: refuse producers, or drop the oldest records. */
  pinPolicy: 'refuse' | 'drop';
}

/** The offset the group has committed for the partition of that very topic id, or null. */
export type PinLookup = (group: string, topic: string, topicId: string, partition: number) => bigint | null;

/** The log of one partition. Offsets are bigint; log end and high watermark are exclusive. */
export interface PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** 32 hex digits. */
  readonly topicId: string;
  readonly logStartOffset: bigint;
  readonly logEndOffset: bigint;
  /** The last synced offset + 1: nothing at or above it is ever shown to anybody. */
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly leaderEpoch: number;
  /** Bytes of all segments. */
  readonly sizeBytes: number;
  /** From this offset on the topic's pinning group has committed nothing; null without a pin. */
  readonly pinnedFrom: bigint | null;

  /**
   * Checks (structure, CRC32C, size, sequence of idempotent producers), assigns offsets, appends. Synchronous up to the
   * assignment of offsets, so that calls in order get offsets in order. Throws LogError with a Kafka error name
   * (CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, ...), having changed nothing.
   * `records` is one or more v2 batches; its bytes are patched in place and owned by the log from then on.
   */
  append(records: Buffer): AppendResult;

  /** Throws LogError OFFSET_OUT_OF_RANGE outside [logStartOffset, highWatermark]. At least one whole batch, if any, even when larger than maxBytes. */
  read(offset: bigint, maxBytes: number): Promise<ReadResult>;

  /** First offset whose timestamp is >= the given one, below the high watermark; null when there is none. */
  offsetForTimestamp(timestampMs: bigint): Promise<{ offset: bigint; timestampMs: bigint } | null>;
  /** Offset and timestamp of the record with the largest timestamp (ListOffsets -3). */
  offsetOfMaxTimestamp(): Promise<{ offset: bigint; timestampMs: bigint } | null>;

  /** Calls back, once, when the high watermark passes `offset`, the log is deleted or closed. For long polls. Returns an unsubscribe. */
  onceHighWatermarkPasses(offset: bigint, wake: () => void): () => void;

  /** Removes records below `offset` (DeleteRecords, snapshots of our own logs): whole segments now, the rest by log start offset. */
  advanceLogStart(offset: bigint): Promise<void>;

  /**
   * Where the records of `leaderEpoch`, or of the newest epoch before it, end (KIP-101, KIP-320); null for an epoch that has not begun.
   * Never above the high watermark.
   */
  endOfEpoch(leaderEpoch: number): Promise<{ leaderEpoch: number; endOffset: bigint } | null>;

  /** What is remembered of idempotent producers, of synced records only; everything appended before the call is synced first. */
  describeProducers(): Promise<ProducerDescription[]>;
}

export interface ProducerDescription {
  producerId: bigint;
  producerEpoch: number;
  /** Of the last record; -1 when only unsynced ones are known. */
  lastSequence: number;
  /** Wall clock of the last append, epoch ms. */
  lastAppendMs: number;
}

export interface TopicState {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionLog[];
  /** What applies: the defaults of the broker with the topic's own settings over them. */
  readonly config: TopicConfig;
  /** The topic's own settings only. */
  readonly configOverrides: Partial<TopicConfig>;
  readonly isInternal: boolean;
}

/** All logs under one data directory. One process at a time: the directory is locked. */
export interface LogManager {
  readonly clusterId: string;
  /** Bytes of appends that the operating system does not have yet. The server stops reading sockets while this is high. */
  readonly pendingBytes: number;
  /** Resolves when `pendingBytes` is below `bytes`; rejects when the signal is aborted. */
  whenPendingBelow(bytes: number, signal?: AbortSignal): Promise<void>;
  topics(): Iterable<TopicState>;
  topic(name: string): TopicState | undefined;
  topicById(topicId: string): TopicState | undefined;
  partition(topic: string, partition: number): PartitionLog | undefined;
  /** Durable (directory entries synced) when it resolves. Throws LogError TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS. */
  createTopic(
    name: string,
    options: { partitionCount: number; config?: Partial<TopicConfig>; isInternal?: boolean },
  ): Promise<TopicState>;
  deleteTopic(name: string): Promise<void>;
  addPartitions(name: string, partitionCount: number): Promise<void>;
  /**
   * Replaces the topic's own settings by what `change` makes of them; durable and in force when it resolves. One change at a time.
   * Throws LogError INVALID_CONFIG, and what `change` throws, having changed nothing. With `validateOnly` it only checks.
   */
  alterTopicConfig(
    name: string,
    change: (own: Partial<TopicConfig>) => Partial<TopicConfig>,
    options?: { validateOnly?: boolean },
  ): Promise<void>;
  /** A producer id never given before, also across crashes. */
  nextProducerId(): Promise<bigint>;
  /** Applies retention once; a background timer calls it too. */
  applyRetention(nowMs: number): Promise<void>;
  /** Who knows what groups have committed, for pinned topics. Until it is given, pins hold everything. */
  setPinLookup(lookUp: PinLookup): void;
  /** Compacts once what has enough to clean; a background timer calls it too. */
  cleanLogs(nowMs: number): Promise<void>;
  /** Syncs everything, writes the clean-shutdown marker, releases the lock. */
  close(): Promise<void>;
}

export interface OpenLogManagerOptions {
  /** Created when it is not there (its parent must be). */
  dataDirectory: string;
  /** Told once, when a write or sync has failed: nothing is served from then on, the process must end and recover. */
  onFatal: (error: Error) => void;
  /** For topics that do not set them. */
  defaults?: Partial<TopicConfig>;
  /** `node.id` of meta.properties; must stay the same for a data directory. Default 1. */
  nodeId?: number;
  fileSystem?: LogFileSystem;
  clock?: Clock;
  logger?: Logger;
  randomBytes?: (count: number) => Buffer;
  /** One entry of an offset index per so many bytes of log. Default 4096. */
  indexIntervalBytes?: number;
  /** What no acks=all append and no waiting reader has synced is synced after so long. Default 1000. */
  flushIntervalMs?: number;
  /** And as soon as so many bytes are written and not synced. Default 64 MiB. */
  flushBytes?: number;
  /** When segments get room ahead, and how much; see preallocation.ts. Default from 256 KiB on, 8 MiB at most. */
  preallocation?: PreallocationOptions;
  /** The newest bytes of all logs that are kept in memory for readers at the tail. Default 64 MiB. */
  tailCacheBytes?: number;
  /** How often retention runs. Default 5 minutes. */
  retentionIntervalMs?: number;
  /** How often compaction looks whether there is enough to clean. Default 15 s. */
  cleanerIntervalMs?: number;
  /** Memory for the keys of one cleaning, 32 bytes each; with more keys than fit a log is cleaned in several goes. Default 32 MiB. */
  cleanerMapBytes?: number;
  /** Producers that wrote nothing for so long are forgotten. Default one day. */
  producerExpirationMs?: number;
}
