/**
 * What can be done about a record that cannot be read.
 *
 * Only the last record of a chain can be made void: records behind it prove that it was good once, and a copy of it has to
 * be found. A void record may have been a commit, so its rows count as not landed: they are loaded again from the log,
 * which must still have them, and whatever the record brought into the table is set aside first. Nothing is deleted.
 *
 * The word is given as the next record, by the same rename-if-absent as any other: a live owner that has gone on since
 * keeps the number and the repair fails, otherwise that owner is fenced. The damaged file stays where it is, so its number
 * stays taken; a copy goes to `_sluice/repair/`.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../shared/index.ts';
import { isWarehouseError, TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { sha256Hex } from './canonical-json.ts';
import { DamagedRecordError, listEras, readChain, signalOption } from './chain-reader.ts';
import type { ChainState } from './chain-state.ts';
import { LedgerError } from './ledger-error.ts';
import { type ChainId, chainFolder, relativePath } from './ledger-paths.ts';
import { type LedgerOwner, ledgerFormatVersion, type RepairRecord } from './ledger-record.ts';
import { partitionFormat } from './partition-format.ts';
import { appendRecord } from './record-appender.ts';
import { moveStagedFiles } from './staged-moves.ts';
import { findVoidFiles, setVoidFilesAside, type VoidFiles } from './void-files.ts';

/** A chain whose last record cannot be read. */
export interface LedgerDamage {
  chain: ChainId;
  topic: string;
  /** Absolute path of the damaged record, its number, what is wrong with it. */
  path: string;
  sequence: number;
  problem: string;
  bytes: Buffer;
  /** The state before it: where the partition would go on. */
  before: ChainState;
  files: VoidFiles;
}

/** Null: the chain is in order. Throws the LedgerError of a damage that cannot be made void. */
export async function examineDamage(
  files: WarehouseFiles,
  chain: ChainId,
  topic: string,
  signal?: AbortSignal,
): Promise<LedgerDamage | null> {
  try {
    await readChain(files, chain, topic, signal);
    return null;
  } catch (error) {
    if (!(error instanceof DamagedRecordError) || !error.isLast) throw error;
    const { sequence, message } = error;
    const before: ChainState = error.before;
    const path = error.path!;
    const bytes = await files.read(path, signalOption(signal));
    const found = await findVoidFiles(files, chain, before.topic, sequence, signal);
    const pending = new Set(
      before.pending.flatMap((record) => (record.kind === 'commit' ? stagedOf(chain, record) : [])),
    );
    const staged = found.staged.filter((staged) => !pending.has(staged));
    const problem = message.slice(path.length + 2, message.indexOf('; the partition stops'));
    return { chain, topic: before.topic, path, sequence, problem, bytes, before, files: { ...found, staged } };
  }
}

function stagedOf(
  chain: ChainId,
  commit: { files: { staged: string }[]; deadLetters: { staged: string } | null },
): string[] {
  const { root } = new TablePaths(chain.table);
  const all = commit.deadLetters ? [...commit.files, commit.deadLetters] : commit.files;
  return all.map(({ staged }) => `${root}/${staged}`);
}

/** Makes the damaged record void. The caller has made sure that the log still has `damage.before.next`, or that no file is concerned. */
export async function voidDamagedRecord(
  files: WarehouseFiles,
  damage: LedgerDamage,
  by: { host: string; reason: string; clock?: Clock; signal?: AbortSignal },
): Promise<RepairRecord> {
  const { chain, before, sequence, bytes } = damage;
  const { signal } = by;
  const unique = (): string => randomBytes(8).toString('hex');
  for (const commit of before.pending) {
    if (commit.kind === 'commit') await moveStagedFiles(files, chain.table, commit, signal);
  }
  const aside = `${new TablePaths(chain.table).system}/repair/${chain.topicId}-${chain.partition}-${sequence}-${unique()}`;
  await files.create(`${aside}/record.json`, { bytes }, signalOption(signal));
  await closeAnnouncedEra(files, chainFolder(chain), before.era, signal);

  const owner: LedgerOwner = {
    clusterId: before.clusterId ?? '',
    group: 'operator',
    member: unique(),
    generation: -1,
    host: by.host,
  };
  const record: RepairRecord = {
    formatVersion: ledgerFormatVersion,
    kind: 'repair',
    era: before.era,
    sequence: sequence + 1,
    topic: before.topic,
    topicId: chain.topicId,
    partition: chain.partition,
    owner,
    attempt: unique(),
    writtenAtMs: await files.nowMs(signalOption(signal)),
    previousHash: before.lastHash,
    publishedThrough: before.sequence,
    next: before.next!,
    voids: sequence,
    damaged: { size: bytes.length, sha256: sha256Hex(bytes) },
    aside: relativePath(chain.table, aside),
    reason: by.reason,
  };
  const context = {
    files,
    format: partitionFormat(chain),
    clock: by.clock ?? systemClock,
    unique,
    attempts: 5,
    retryMs: 200,
  };
  const result = await appendRecord(context, before.eraFolder, record, signal);
  if (result.outcome === 'lost') {
    throw new LedgerError(
      'fenced',
      `${damage.path} is not the last record any more: somebody could read it and has gone on`,
    );
  }
  await setVoidFilesAside(files, chain, record, signal);
  return record;
}

/**
 * The damaged record may have closed its era, and its writer may be about to go on in the era it announced, where the number
 * of our record would not stop it: that era's folder is empty and goes.
 */
export async function closeAnnouncedEra(
  files: WarehouseFiles,
  folder: string,
  damagedEra: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { era, name } of await listEras(files, folder, signal)) {
    if (era !== damagedEra + 1) continue;
    try {
      await files.delete(`${folder}/${name}`, signalOption(signal));
    } catch (error) {
      if (!isWarehouseError(error, 'folder-not-empty')) throw error;
      throw new LedgerError('fenced', `${name} has records: somebody could read the damaged record and has gone on`);
    }
  }
}
