import { type ChainState, describeOffsets, type LedgerRecord, readChain, readHistory } from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import {
  ColumnScan,
  isWarehouseError,
  parsePartFileName,
  readParquetFooter,
  TablePaths,
  type WarehouseFiles,
} from '../warehouse/index.ts';
import { type AuditContext, type AuditedChain, auditChain } from './audit-chain.ts';
import { auditOffsets, type OffsetReader, type StrayFile } from './audit-deep.ts';
import { auditAddedFile, rangesOf } from './audit-file.ts';
import type { LogBounds } from './audit-log-bounds.ts';
import { type AuditReport, type PartitionAudit, ProblemList } from './audit-report.ts';
import { AuditTable } from './audit-table.ts';
import { listVisibleFiles } from './audit-visible-files.ts';

export interface AuditOptions {
  /** Only this table. */
  table?: string | undefined;
  /** Read `_offset` of every file and name the offsets that are missing or double. */
  deep?: boolean | undefined;
  /** What the log holds, to compare the checkpoints with. */
  logBounds?: readonly LogBounds[] | undefined;
  onFile?: (count: number) => void;
  signal?: AbortSignal | undefined;
}

const maxAttempts = 3;

/**
 * Offset conservation of a whole warehouse: every partition's records add up without a hole, every file is there and says
 * in its footer what the ledger says, and readers see no file that no record names. May run beside a load: what is
 * committed after the audit looked at a chain is not its concern.
 *
 * Memory: one entry per visible file of one table, one era of one chain, and with `deep` three bits per offset of one commit.
 */
export async function auditWarehouse(files: WarehouseFiles, options: AuditOptions): Promise<AuditReport> {
  const problems = new ProblemList();
  let fileCount = 0;
  const onFile = (): void => options.onFile?.(++fileCount);
  const context = { files, problems, signal: options.signal, onFile };
  const found = await describeOffsets(files, { table: options.table, withPast: true, signal: options.signal });
  const chains: AuditedChain[] = [];
  for (const { state, problem, ...chain } of found) {
    if (problem) problems.add(chain, describeError(problem));
    else chains.push({ ...chain, state: state! });
  }
  const partitions: PartitionAudit[] = [];
  for (const table of new Set(found.map((chain) => chain.table))) {
    const ofTable = chains.filter((chain) => chain.table === table);
    const view = await AuditTable.open(files, table, options.signal);
    partitions.push(...(await auditTable(table, ofTable, options, { ...context, table: view })));
  }
  if (options.logBounds) compareWithLog(chains, options.logBounds, problems);
  const listed = problems.take();
  return { ok: listed.length === 0, partitions, problems: listed, fileCount };
}

async function auditTable(
  table: string,
  chains: readonly AuditedChain[],
  options: AuditOptions,
  context: AuditContext,
): Promise<PartitionAudit[]> {
  const { root } = new TablePaths(table);
  const unnamed = await listVisibleFiles(context.files, root, options.signal);
  const audits: PartitionAudit[] = [];
  for (const chain of chains) {
    audits.push(await onWholeChain(chain, context, (own) => auditChain(chain, own, (path) => unnamed.delete(path))));
  }
  await auditAddedFiles(table, context, unnamed);
  const strays = await judgeUnnamed(table, chains, unnamed, context);
  if (!options.deep) return audits;
  const columns = new ColumnScan();
  const readOffsets: OffsetReader = (path, size, partition) => {
    const where = partition === null ? null : { column: '_partition', equals: partition };
    return columns.integers(rangesOf(context.files, path, options.signal), size, '_offset', options.signal, where);
  };
  try {
    for (const [i, chain] of chains.entries()) {
      const claimed = strays.get(keyOf(chain)) ?? [];
      await onWholeChain(chain, context, (own) => auditOffsets(chain, audits[i]!, claimed, readOffsets, own));
    }
  } finally {
    await columns.close();
  }
  return audits;
}

/** The files that rewrites brought: as their records say, and seen by readers. */
async function auditAddedFiles(table: string, context: AuditContext, unnamed: Map<string, number>): Promise<void> {
  const { files, problems, signal, onFile, table: view } = context;
  const { root } = new TablePaths(table);
  for (const file of [...view.state.added.values()]) {
    unnamed.delete(file.path);
    const found = await auditAddedFile(files, root, file, view.stagedPath(file.path), signal);
    onFile();
    if (found.length > 0 && (await view.isReplacedNow(file.path))) continue;
    for (const problem of found) problems.add({ table, topic: file.topic }, problem);
  }
}

/** Eras may be removed while their records are read: then the work is done again from the chain's new tail. */
async function onWholeChain<T>(
  chain: AuditedChain,
  context: AuditContext,
  work: (context: AuditContext) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const problems = new ProblemList();
    try {
      const result = await work({ ...context, problems });
      context.problems.addAll(problems);
      return result;
    } catch (error) {
      if (!isWarehouseError(error, 'not-found') || attempt === maxAttempts) throw error;
      chain.state = await readChain(context.files, chain, chain.topic, context.signal);
    }
  }
}

/** Files that no record named: those committed since we looked are fine, the others are problems. By the chain they claim to be of. */
async function judgeUnnamed(
  table: string,
  chains: readonly AuditedChain[],
  unnamed: Map<string, number>,
  context: AuditContext,
): Promise<Map<string, StrayFile[]>> {
  const strays = new Map<string, StrayFile[]>();
  if (unnamed.size === 0) return strays;
  for (const chain of chains) {
    for await (const record of recordsSince(chain, context)) {
      if (record.kind === 'commit') for (const file of record.files) unnamed.delete(file.path);
    }
  }
  const { root } = new TablePaths(table);
  const state = await context.table.refresh();
  for (const [path, size] of unnamed) {
    if (state.added.has(path)) continue;
    const isReplaced = state.replaced.has(path);
    const status = await context.files.stat(`${root}/${path}`, context.signal ? { signal: context.signal } : {});
    if (isReplaced && (!status || context.table.isMoving(path))) continue;
    const why = isReplaced ? 'a rewrite has replaced it' : 'no record of the ledger names it';
    context.problems.add({ table }, `${path}: readers see it, but ${why}`);
    const claimed = await identify({ path: `${root}/${path}`, size }, chains, context);
    if (claimed) strays.set(claimed.key, [...(strays.get(claimed.key) ?? []), claimed.stray]);
  }
  return strays;
}

async function* recordsSince(chain: AuditedChain, { files, signal }: AuditContext): AsyncGenerator<LedgerRecord> {
  const state: ChainState = await readChain(files, chain, chain.topic, signal);
  if (state.sequence === chain.state.sequence) return;
  for await (const record of readHistory(files, chain, state, signal)) {
    if (record.sequence > chain.state.sequence) yield record;
  }
}

/** Which partition a stray file says it is of: by its footer, else by its name. */
async function identify(
  file: { path: string; size: number },
  chains: readonly AuditedChain[],
  { files, signal }: AuditContext,
): Promise<{ key: string; stray: StrayFile } | null> {
  try {
    const { metadata } = await readParquetFooter(rangesOf(files, file.path, signal), file.size);
    const topicId = metadata.get('sluice.topic-id');
    const [first, last] = [metadata.get('sluice.first-offset'), metadata.get('sluice.last-offset')];
    if (topicId !== undefined && first !== undefined && last !== undefined) {
      const partition = Number(metadata.get('sluice.partition'));
      return {
        key: keyOf({ topicId, partition }),
        stray: { ...file, firstOffset: BigInt(first), lastOffset: BigInt(last) },
      };
    }
  } catch (error) {
    if (signal?.aborted || isWarehouseError(error)) throw error;
    return null; // not a Parquet file: it holds no offsets
  }
  const name = parsePartFileName(file.path.slice(file.path.lastIndexOf('/') + 1));
  const chain = chains.find(({ topic, partition, isCurrent }) => {
    return isCurrent && topic === name?.topic && partition === name.partition;
  });
  if (!name || !chain) return null;
  const { firstOffset, lastOffset } = name;
  return { key: keyOf(chain), stray: { ...file, firstOffset, lastOffset } };
}

function keyOf({ topicId, partition }: { topicId: string; partition: number }): string {
  return `${topicId}/${partition}`;
}

/** The ledger must not know more than the log had, nor may the log have lost what the ledger still needs. */
function compareWithLog(chains: readonly AuditedChain[], logBounds: readonly LogBounds[], problems: ProblemList): void {
  const bounds = new Map(logBounds.map((log) => [keyOf(log), log]));
  for (const chain of chains) {
    if (!chain.isCurrent || chain.state.next === null) continue;
    const { next } = chain.state;
    const log = bounds.get(keyOf(chain));
    if (!log) problems.add(chain, `the cluster has no such partition of topic id ${chain.topicId}`);
    else if (next > log.end) problems.add(chain, `the checkpoint is ${next}, but the log ends at ${log.end}`);
    else if (next < log.start)
      problems.add(chain, `the checkpoint is ${next}, but the log begins at ${log.start} only`);
  }
}
