import type { Clock, Logger, LogLevel } from '../shared/index.ts';
import type { ValueFormat } from '../values/index.ts';
import type { ContractFile, LayoutOptions, ParquetCodec, TableSchema } from '../warehouse/index.ts';
import type { ClientConfigSource } from '../wire/client/index.ts';
import type { LoadProgress } from './load-progress.ts';

/** A partition that is loaded without a consumer group: the child of a bounded job. */
export interface ManualPartition {
  topic: string;
  partition: number;
  /** Exclusive; left out: the last stable offset at the start of the load. */
  endOffset?: bigint;
}

/** Who owns the partitions of a manual assignment in the ledger: `job:<id>`, and the attempt as its generation. */
export interface ManualAssignment {
  kind: 'manual';
  partitions: ManualPartition[];
  jobId: string;
  attempt: number;
}

/** What `sluice load`, `sluice up` and the jobs hand to `runLoad`. Everything that is left out has the default stated. */
export interface LoadOptions {
  /** host:port of any broker of the cluster. */
  brokers: string[];
  /** TLS, SASL and rack, in the words of Kafka's client.properties: a file, or the properties. Left out: plain text. */
  clientConfig?: ClientConfigSource | null;
  /** Topics to load, each into the table of the same name. */
  topics: string[];
  /** `file:///DIR` or `webhdfs://NN1:PORT[,NN2:PORT]/PATH`. */
  warehouseUrl: string;
  /** User name towards HDFS. */
  user?: string;
  /** Consumer group that shares the partitions out and shows the position to lag tools. Default `sluice-loader`. */
  group?: string;
  /** Static membership (KIP-345): a restarted process takes its own place again at once. One worker only. */
  instanceId?: string;
  /** Workers, each a member of the group with its own connections. Default 1. */
  workers?: number;
  /** `threads`: one thread a worker (default). `in-process`: all in the calling thread. */
  workerMode?: 'threads' | 'in-process';
  /** Stop at the last stable offsets taken at the start. Default false: run until `signal`. */
  untilEnd?: boolean;
  /** Default: through the group. */
  assignment?: { kind: 'group' } | ManualAssignment;
  /** Field with the event time; left out or null: the record's own timestamp. */
  timeField?: string | null;
  /** How the values of the topics are written; left out or null: JSON. */
  format?: ValueFormat | null;
  /** Declared columns; left out: inferred from the records and widened as new fields appear. */
  schema?: TableSchema | null;
  /** Contracts of all topics or of some; their columns come before `schema`, what they say of files before `codec` and the like. */
  contract?: ContractFile | null;
  /** Encoded bytes of a partition's open files at which it rolls. Default 128 MiB. */
  rollBytes?: number;
  /** Age of the oldest record not committed at which a partition rolls. Default 60,000. */
  rollAgeMs?: number;
  /** Rows of a partition's open files at which it rolls: a cap, no target. Default 10,000,000. */
  rollRecords?: number;
  /** Roll so often, counted from midnight on the wall clock of the table's zone: 900,000 rolls at :00, :15, :30 and :45. */
  rollEveryMs?: number;
  /** How old a record may be, counted from its reading, when readers see it; rolls begin as much earlier as commits take. */
  freshnessMs?: number;
  /** Files that one roll of a partition may make; more time folders or values than that make it roll. Default 1,000. */
  maxFolders?: number;
  /** Time zone and folders of the tables. What is left out is as the table has it; a new one has UTC and hours. */
  layout?: LayoutOptions;
  engine?: 'duckdb' | 'parquetjs';
  codec?: ParquetCodec;
  rowGroupRows?: number;
  /** Timestamps further ahead of the record's own than this are dead letters. Default one day. */
  maxFutureMs?: number;
  /** One budget for the whole process, shared out evenly to the workers. Default 1 GiB. */
  memoryBytes?: number;
  /** More dead letters than this make the load `partial`. Default 0. */
  maxDeadLetters?: number;
  /**
   * Share of refused records in one roll (of at least 100 records) beyond which the partition stops without committing,
   * because a setting is more likely wrong than that much data. Default 1: never.
   */
  skipBudget?: number;
  /** When the log has expired past a checkpoint: stop the partition (default), or record the gap and go on. */
  onGap?: 'stop' | 'record';
  /** Reason for claiming partitions that another group or job holds; left out or null: do not. */
  takeOver?: string | null;
  /** The operator says that a topic of another id than the table's is what it should be. Default false. */
  acceptRecreatedTopic?: boolean;
  sessionTimeoutMs?: number;
  rebalanceTimeoutMs?: number;
  /** How often an idle owner looks whether it still owns the partition and whether somebody asks for a roll. Default 5,000. */
  ownerCheckMs?: number;
  /** Local folder for files being written. Default: the system's folder for temporary files. */
  scratchDirectory?: string;
  onProgress?: (progress: LoadProgress) => void;
  /** Ends the load in good order: roll, release, leave the group. */
  signal?: AbortSignal;
  logger?: Logger;
  /** Of the loggers that threads make for themselves. Default `warn`. */
  logLevel?: LogLevel;
  clock?: Clock;
}

/** `LoadOptions` with every default filled in, and nothing in it that cannot be sent to a thread. */
export interface WorkerSettings {
  workerIndex: number;
  brokers: string[];
  clientConfig: ClientConfigSource | null;
  topics: string[];
  warehouseUrl: string;
  user: string | null;
  group: string;
  instanceId: string | null;
  /** Null: through the group. */
  manual: { jobId: string; attempt: number; partitions: { topic: string; partition: number }[] } | null;
  /** `<topic>/<partition>` -> exclusive end offset; null: continuous. */
  endOffsets: Map<string, bigint> | null;
  timeField: string | null;
  format: ValueFormat | null;
  schema: TableSchema | null;
  contract: ContractFile | null;
  rollBytes: number;
  rollAgeMs: number;
  rollRecords: number;
  rollEveryMs: number | null;
  freshnessMs: number | null;
  maxFolders: number;
  layout: LayoutOptions;
  engine: 'duckdb' | 'parquetjs';
  codec: ParquetCodec;
  rowGroupRows: number;
  maxFutureMs: number;
  memoryBytes: number;
  skipBudget: number;
  onGap: 'stop' | 'record';
  takeOver: string | null;
  acceptRecreatedTopic: boolean;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  ownerCheckMs: number;
  scratchDirectory: string;
}
