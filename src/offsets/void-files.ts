/**
 * Takes everything out of the way that a void record may have staged or published. Nothing is deleted. The owner that
 * wrote the record may still be moving its files: first what is staged goes aside, so that nothing can become visible any
 * more, then what has become visible.
 */
import { parsePartFileName, readParquetFooter, TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { signalOption } from './chain-reader.ts';
import { LedgerError } from './ledger-error.ts';
import { absolutePath, type ChainId, parseStagingName, stagingRoot } from './ledger-paths.ts';
import type { RepairRecord } from './ledger-record.ts';

const maxLooks = 5;

/** Files that a record number may have brought: absolute paths. */
export interface VoidFiles {
  staged: string[];
  visible: string[];
}

export async function setVoidFilesAside(
  files: WarehouseFiles,
  chain: ChainId,
  record: RepairRecord,
  signal?: AbortSignal,
): Promise<void> {
  const aside = absolutePath(chain.table, record.aside);
  await files.mkdirs(aside, signalOption(signal));
  await moveAside(() => stagedBefore(files, chain, record.sequence, signal), files, aside, signal);
  await moveAside(() => visibleOf(files, chain, record.topic, record.voids, signal), files, aside, signal);
}

/** What would be set aside if record `sequence` were made void. */
export async function findVoidFiles(
  files: WarehouseFiles,
  chain: ChainId,
  topic: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<VoidFiles> {
  return {
    staged: await stagedBefore(files, chain, sequence + 1, signal),
    visible: await visibleOf(files, chain, topic, sequence, signal),
  };
}

/** Moves until a look finds nothing more: an answer may get lost, somebody may finish the same repair beside us. */
export async function moveAside(
  find: () => Promise<string[]>,
  files: WarehouseFiles,
  aside: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let lastError: unknown;
  for (let look = 0; look < maxLooks; look++) {
    const found = await find();
    if (found.length === 0) return;
    for (const path of found) {
      try {
        const name = path.split('/').slice(-3).join('~');
        await files.publishIfAbsent(path, `${aside}/${name}`, signalOption(signal));
      } catch (error) {
        signal?.throwIfAborted();
        lastError = error;
      }
    }
  }
  throw (
    lastError ??
    new LedgerError('contended', `${aside}: cannot move the files of the void record here`, { isRetriable: true })
  );
}

/** Everything staged under claims before `sequence`; the caller has finished the moves of earlier commits. */
async function stagedBefore(
  files: WarehouseFiles,
  chain: ChainId,
  sequence: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const root = stagingRoot(chain);
  const found: string[] = [];
  for (const { name } of await files.list(root, signalOption(signal))) {
    const claim = parseStagingName(name);
    if (claim === null || claim >= sequence) continue;
    for (const file of await files.list(`${root}/${name}`, signalOption(signal)))
      found.push(`${root}/${name}/${file.name}`);
  }
  return found;
}

async function visibleOf(
  files: WarehouseFiles,
  chain: ChainId,
  topic: string,
  sequence: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const paths = new TablePaths(chain.table);
  const found: string[] = [];
  for await (const folder of foldersOfTable(files, paths.root, signal)) {
    for (const { name, size } of await files.list(folder, signalOption(signal))) {
      const part = parsePartFileName(name);
      const isOurs = part?.topic === topic && part.partition === chain.partition && part.sequence === BigInt(sequence);
      if (isOurs && (await isOfTopic(files, `${folder}/${name}`, size, chain.topicId, signal)))
        found.push(`${folder}/${name}`);
    }
  }
  const dead = paths.deadLetterFolder(chain.topicId, chain.partition);
  for (const { name } of await files.list(dead, signalOption(signal))) {
    if (new RegExp(`\\+0*${sequence}\\.jsonl$`).test(name)) found.push(`${dead}/${name}`);
  }
  return found;
}

/** Time folders, whatever the table's layout is, and below them those of fields: all are NAME=VALUE. */
export async function* foldersOfTable(
  files: WarehouseFiles,
  root: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const folders = await listFolders(files, root, signal);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    folders.push(...(await listFolders(files, folder, signal)));
    yield folder;
  }
}

async function listFolders(files: WarehouseFiles, path: string, signal: AbortSignal | undefined): Promise<string[]> {
  const entries = await files.list(path, signalOption(signal));
  return entries.flatMap((entry) =>
    entry.type === 'directory' && /^[A-Za-z][^=]*=/.test(entry.name) ? [`${path}/${entry.name}`] : [],
  );
}

/** Names do not carry the topic's id, and an earlier incarnation of the topic may have a file of the same number. */
async function isOfTopic(
  files: WarehouseFiles,
  path: string,
  size: number,
  topicId: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const read = async (offset: number, length: number): Promise<Buffer> =>
    await files.read(path, { offset, length, ...signalOption(signal) });
  return (await readParquetFooter(read, size)).metadata.get('sluice.topic-id') === topicId;
}
