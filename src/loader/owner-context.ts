import type { Clock, Logger } from '../shared/index.ts';
import type {
  Column,
  ContractWriter,
  ParquetEngine,
  RecordRules,
  TableLayout,
  TablePaths,
  TimeFolders,
  ValueDecoding,
  WarehouseFiles,
} from '../warehouse/index.ts';
import type { BatchFetcher, KafkaCluster } from '../wire/client/index.ts';
import type { WorkerSettings } from './load-options.ts';
import type { CommitSummary } from './load-progress.ts';
import type { Membership } from './membership.ts';
import type { RollTrace } from './roll-trace.ts';
import type { TableSchemas } from './table-schemas.ts';
import type { Delay } from './wait-out.ts';

/** The part of a BatchFetcher that a partition's owner works with. */
export type PartitionFetching = Pick<BatchFetcher, 'assign' | 'unassign' | 'pause' | 'resume' | 'progress'>;

/** What an owner asks the cluster about its partition. */
export type PartitionLookup = Pick<KafkaCluster, 'listOffsets' | 'endOffsetForEpoch' | 'describeGroup'>;

/** One topic's table, shared by the owners of its partitions within a worker. */
export interface TableContext {
  /** Name of the table: the topic's. */
  table: string;
  paths: TablePaths;
  schemas: TableSchemas;
  layout: TableLayout;
  /** The folders of the layout. */
  times: TimeFolders;
  /** Declarations of the fields that are folders. */
  partitionColumns: readonly Column[];
  /** How the topic's values become JSON; left out: they are JSON. Shared by the partitions of a worker. */
  decode?: ValueDecoding | undefined;
  /** What the topic's contract does to records; left out: nothing. */
  rules?: RecordRules | undefined;
  /** What the contract says of the table's files, before the settings of the load; left out: nothing. */
  writer?: ContractWriter | undefined;
}

/** What the owners of one worker share. */
export interface OwnerContext {
  settings: WorkerSettings;
  cluster: PartitionLookup;
  fetching: PartitionFetching;
  membership: Membership;
  files: WarehouseFiles;
  engine: ParquetEngine;
  clock: Clock;
  logger: Logger;
  onCommitted: (summary: CommitSummary) => void;
  onOwned: (topic: string, partition: number, checkpoint: bigint) => void;
  /** A roll has come to its end, landed or not. */
  onRolled?: (trace: RollTrace) => void;
  /** A step failed and will be tried again. */
  onDelayed?: (topic: string, partition: number, delay: Delay) => void;
}

/** Which partition, of which incarnation of the topic. */
export interface OwnedPartition {
  topic: string;
  /** As the ledger knows it, 32 hex digits. */
  topicId: string;
  /** As the cluster knows it; null where it gives no ids. */
  ownId: string | null;
  partition: number;
  /** Exclusive end of a bounded load; null: continuous. */
  endOffset: bigint | null;
}
