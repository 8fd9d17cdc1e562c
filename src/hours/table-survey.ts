import {
  type ChainState,
  type LiveFile,
  listChains,
  liveFiles,
  partitionKey,
  readChain,
  type TableState,
} from '../offsets/index.ts';
import type { TimeFolders, WarehouseFiles } from '../warehouse/index.ts';

/** How far one partition has been loaded. */
export interface PartitionSurvey {
  topic: string;
  topicId: string;
  partition: number;
  /** Next offset to land; null: nobody has ever claimed the partition. */
  checkpoint: bigint | null;
  /** Last record of the chain that counts for the survey. */
  sequence: number;
}

/** A table at one moment: how far its partitions are, and which files its hours have. */
export interface TableSurvey {
  /** By `partitionKey`. */
  partitions: ReadonlyMap<string, PartitionSurvey>;
  /** By hour; hours without files are left out. In the order of the files' paths. */
  files: ReadonlyMap<string, readonly LiveFile[]>;
  /** Tells whether a rewrite has changed the table's files since. */
  rewrites: string;
}

const chainsUnderWay = 8;

/**
 * Reads the checkpoints first and the files after them, and leaves out what was committed in between: so whatever the
 * partitions had landed by their `sequence`, and nothing else, is among the files.
 */
export async function surveyTable(
  files: WarehouseFiles,
  times: TimeFolders,
  state: TableState,
  signal?: AbortSignal,
): Promise<TableSurvey> {
  const rewrites = rewriteMark(state);
  const partitions = await surveyPartitions(files, state.table, signal);
  const byHour = new Map<string, LiveFile[]>();
  for await (const file of liveFiles(files, state.table, { state, ...(signal ? { signal } : {}) })) {
    const { sequence, topicId, partition, path } = file;
    const covered = partitions.get(partitionKey({ topicId, partition: partition ?? -1 }))?.sequence ?? 0;
    if (sequence !== null && sequence > covered) continue;
    const hour = times.keyOf(path);
    if (hour === null) continue; // not a file of an hour: the audit names it
    const list = byHour.get(hour);
    if (list) list.push(file);
    else byHour.set(hour, [file]);
  }
  for (const list of byHour.values()) list.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { partitions, files: byHour, rewrites };
}

/** How far every partition of the table is; reads one era of each chain. */
export async function surveyPartitions(
  files: WarehouseFiles,
  table: string,
  signal?: AbortSignal,
): Promise<Map<string, PartitionSurvey>> {
  const chains = await listChains(files, table, signal);
  const found = new Map<string, PartitionSurvey>();
  for (let at = 0; at < chains.length; at += chainsUnderWay) {
    const part = chains.slice(at, at + chainsUnderWay);
    const states = await Promise.all(part.map((chain) => readChain(files, chain, '', signal)));
    for (const state of states) found.set(partitionKey(state), surveyOf(state));
  }
  return found;
}

/** Every rewrite takes a file out for ever, or only adds some: so two equal marks mean that none lies between. */
export function rewriteMark({ replaced, added }: Pick<TableState, 'replaced' | 'added'>): string {
  return `${replaced.size}/${added.size}`;
}

function surveyOf({ topic, topicId, partition, next, sequence }: ChainState): PartitionSurvey {
  return { topic, topicId, partition, checkpoint: next, sequence };
}
