import type { WarehouseFiles } from '../../warehouse/index.ts';
import { readHistory } from '../chain-history.ts';
import { isNotFound, readChain, readTail } from '../chain-reader.ts';
import { type ChainState, isRetracted } from '../chain-state.ts';
import type { ChainId } from '../ledger-paths.ts';
import type { CommitRecord, LedgerFile } from '../ledger-record.ts';
import { listChains } from '../table-discovery.ts';
import { tableFormat } from './table-format.ts';
import type { TableFile } from './table-record.ts';
import type { TableState } from './table-state.ts';

/** A file of the table. */
export interface LiveFile extends TableFile {
  /** Of the partition's commit that brought it; null: a rewrite brought it. */
  sequence: number | null;
  /** Where it lies until the moves of its commit are made; null: it has its visible name. */
  staged: string | null;
}

/**
 * The files of a table as one consistent set: those of the partitions' chains, without those that rewrites replaced, with those
 * that rewrites added. A rewrite counts wholly or not at all. `hour`: only files below that folder (`dt=2026-11-21/hr=07`).
 * `table`: a state that is known already. Reads every chain of the table; memory: one era, and the table's state.
 */
export async function* liveFiles(
  files: WarehouseFiles,
  table: string,
  options: { hour?: string; state?: TableState; signal?: AbortSignal } = {},
): AsyncGenerator<LiveFile> {
  const { hour, signal } = options;
  const isWanted = (path: string): boolean => hour === undefined || path.startsWith(`${hour}/`);
  // The table's chain first: what it does not know yet of later rewrites leaves the files of before, all of them.
  const state = options.state ?? (await readTail(files, tableFormat(table), signal));
  const replaced = options.state ? new Set(state.replaced) : state.replaced;
  const added = [...state.added.values()].filter(({ path }) => isWanted(path));
  for (const chain of await listChains(files, table, signal)) {
    for await (const { file, commit, isStaged } of partitionFiles(files, chain, signal)) {
      if (!isWanted(file.path) || replaced.has(file.path)) continue;
      yield { ...tableFileOf(file, commit), sequence: commit.sequence, staged: isStaged ? file.staged : null };
    }
  }
  const pending = new Map(state.pending.flatMap((record) => record.added.map(({ path, staged }) => [path, staged])));
  for (const file of added) yield { ...file, sequence: null, staged: pending.get(file.path) ?? null };
}

interface PartitionFile {
  file: LedgerFile;
  commit: CommitRecord;
  /** Its move was not known to be made. */
  isStaged: boolean;
}

const maxReadings = 5;

/**
 * The files of one partition's chain that were not retracted, oldest first. Eras may be removed while their records are read: then
 * the chain is read again and goes on behind the last commit.
 */
export async function* partitionFiles(
  files: WarehouseFiles,
  chain: ChainId,
  signal?: AbortSignal,
): AsyncGenerator<PartitionFile> {
  let after = 0;
  for (let reading = 1; ; reading++) {
    const state = await readChain(files, chain, '', signal);
    try {
      let commit: PartitionFile[] = [];
      for await (const file of filesUpTo(files, chain, state, signal, after)) {
        if (commit[0] && commit[0].commit.sequence !== file.commit.sequence) {
          yield* commit;
          after = commit[0].commit.sequence;
          commit = [];
        }
        commit.push(file);
      }
      yield* commit;
      return;
    } catch (error) {
      if (!isNotFound(error) || reading === maxReadings) throw error;
    }
  }
}

/** The same up to a state that is known already, and of commits behind the sequence `after` only. */
export async function* filesUpTo(
  files: WarehouseFiles,
  chain: ChainId,
  state: ChainState,
  signal?: AbortSignal,
  after = 0,
): AsyncGenerator<PartitionFile> {
  for await (const record of readHistory(files, chain, state, signal, after)) {
    if (record.kind !== 'commit' || isRetracted(state, record)) continue;
    const isStaged = record.sequence > state.publishedThrough;
    for (const file of record.files) yield { file, commit: record, isStaged };
  }
}

/** A file of a partition's chain as the table's chain writes it. */
export function tableFileOf(
  file: LedgerFile,
  commit: Pick<CommitRecord, 'topic' | 'topicId' | 'partition'>,
): TableFile {
  const { path, size, rowCount, minTimeMs, maxTimeMs, contentHash, schemaId, firstOffset, lastOffset } = file;
  const { topic, topicId, partition } = commit;
  const range = { topicId, partition, first: firstOffset, next: lastOffset + 1n, rowCount, contentHash };
  return {
    path,
    size,
    topic,
    topicId,
    partition,
    ranges: [range],
    rowCount,
    minTimeMs,
    maxTimeMs,
    contentHash,
    schemaId,
  };
}
