import {
  type ChainId,
  type ChainState,
  filesUpTo,
  type LiveFile,
  listChains,
  partitionKey,
  readChain,
  type TableState,
  tableFileOf,
} from '../offsets/index.ts';
import type { TimeFolders, WarehouseFiles } from '../warehouse/index.ts';
import type { SurveyCache } from './survey-cache.ts';

/** How far one partition has been loaded. */
export interface PartitionSurvey {
  topic: string;
  topicId: string;
  partition: number;
  /** Next offset to land; null: nobody has ever claimed the partition. */
  checkpoint: bigint | null;
  /** Last record of the chain that counts for the survey. */
  sequence: number;
  /** What rewinds have taken back, as one text. */
  retractions: string;
}

/** A table at one moment: how far its partitions are, and which files its hours have. */
export interface TableSurvey {
  /** By `partitionKey`. */
  partitions: ReadonlyMap<string, PartitionSurvey>;
  /**
   * By hour, in the order of the files' paths. Hours without files are left out; and unless the survey is whole, of hours that
   * were complete at the survey before only the files that came since are there.
   */
  files: ReadonlyMap<string, readonly LiveFile[]>;
  isWhole: boolean;
  /** Tells whether a rewrite has changed the table's files since. */
  rewrites: string;
}

const chainsUnderWay = 8;

interface Chain {
  id: ChainId;
  state: ChainState;
}

/**
 * Reads how far the partitions are, and the files of the commits up to there. With a survey before (`cache`) only the commits since
 * are read, unless a rewrite or a rewind lies between: then all of them.
 */
export async function surveyTable(
  files: WarehouseFiles,
  times: TimeFolders,
  table: TableState,
  cache: SurveyCache | null = null,
  signal?: AbortSignal,
): Promise<TableSurvey> {
  const rewrites = rewriteMark(table);
  const replaced = new Set(table.replaced);
  const added = [...table.added.values()].map((file): LiveFile => ({ ...file, sequence: null, staged: null }));
  const chains = await readChains(files, table.table, signal);
  const partitions = new Map(chains.map(({ state }) => [partitionKey(state), surveyOf(state)]));
  const known = cache && isContinued(cache, partitions, rewrites) ? cache : null;
  const found: LiveFile[] = known ? [...known.files] : added;
  for (const { id, state } of chains) {
    const after = known?.sequences.get(partitionKey(state)) ?? 0;
    for await (const { file, commit } of filesUpTo(files, id, state, signal, after)) {
      if (replaced.has(file.path)) continue;
      found.push({ ...tableFileOf(file, commit), sequence: commit.sequence, staged: null });
    }
  }
  return { partitions, files: byHour(found, times), isWhole: known === null, rewrites };
}

function isContinued(cache: SurveyCache, now: ReadonlyMap<string, PartitionSurvey>, rewrites: string): boolean {
  if (cache.rewrites !== rewrites) return false;
  for (const [key, sequence] of cache.sequences) {
    const partition = now.get(key);
    if (!partition || partition.sequence < sequence) return false;
    if (partition.retractions !== (cache.retractions.get(key) ?? noRetractions)) return false;
  }
  return true;
}

/** Files that lie in no folder of an hour are left to the audit. */
function byHour(found: readonly LiveFile[], times: TimeFolders): Map<string, LiveFile[]> {
  const hours = new Map<string, LiveFile[]>();
  for (const file of found) {
    const hour = times.keyOf(file.path);
    if (hour === null) continue;
    const list = hours.get(hour);
    if (list) list.push(file);
    else hours.set(hour, [file]);
  }
  for (const list of hours.values()) list.sort(byPath);
  return hours;
}

export function byPath(a: LiveFile, b: LiveFile): number {
  return a.path < b.path ? -1 : 1;
}

/** How far every partition of the table is; reads one era of each chain. */
export async function surveyPartitions(
  files: WarehouseFiles,
  table: string,
  signal?: AbortSignal,
): Promise<Map<string, PartitionSurvey>> {
  const chains = await readChains(files, table, signal);
  return new Map(chains.map(({ state }) => [partitionKey(state), surveyOf(state)]));
}

async function readChains(files: WarehouseFiles, table: string, signal: AbortSignal | undefined): Promise<Chain[]> {
  const ids = await listChains(files, table, signal);
  const chains: Chain[] = [];
  for (let at = 0; at < ids.length; at += chainsUnderWay) {
    const part = ids.slice(at, at + chainsUnderWay);
    chains.push(
      ...(await Promise.all(part.map(async (id) => ({ id, state: await readChain(files, id, '', signal) })))),
    );
  }
  return chains;
}

/** Every rewrite takes a file out for ever, or only adds some: so two equal marks mean that none lies between. */
export function rewriteMark({ replaced, added }: Pick<TableState, 'replaced' | 'added'>): string {
  return `${replaced.size}/${added.size}`;
}

const noRetractions = '[]';

function surveyOf({ topic, topicId, partition, next, sequence, retractions }: ChainState): PartitionSurvey {
  return { topic, topicId, partition, checkpoint: next, sequence, retractions: JSON.stringify(retractions) };
}
