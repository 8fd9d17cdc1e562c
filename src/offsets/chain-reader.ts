/**
 * Reads the state of a partition's chain: the closing record of the previous era and the records of the newest one.
 *
 * Which era is the newest: a folder that holds a record was named by the closing record before it, and nobody creates a
 * named folder twice. Folders without records are either announced by the newest closing record, or left behind by a
 * claimant that lost. They are at most one era ahead, so two looks at most find the newest record. An era may be removed
 * while we read it; then we look again.
 */
import type { FileStatus, WarehouseFiles } from '../warehouse/index.ts';
import { applyRecord, type ChainState, emptyState, stateAfterEraEnd } from './chain-state.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { type ChainId, chainFolder, parseEraFolderName, parseRecordName, recordName } from './ledger-paths.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { mapBounded } from './map-bounded.ts';
import { decodeRecord, maxRecordBytes } from './record-codec.ts';

const readsUnderWay = 16;
const maxLooks = 6;

export interface ReadRecord {
  record: LedgerRecord;
  hash: string;
  size: number;
  /** Absolute. */
  path: string;
}

interface EraFolder {
  era: number;
  name: string;
}

/** The state after the last record. `topic` is only used when there is no chain yet. Verifies hashes and contiguity of all it reads. */
export async function readChain(
  files: WarehouseFiles,
  chain: ChainId,
  topic: string,
  signal?: AbortSignal,
): Promise<ChainState> {
  for (let look = 0; look < maxLooks; look++) {
    const state = await readOnce(files, chain, topic, signal);
    if (state) return state;
  }
  throw new LedgerError(
    'broken-chain',
    `${chainFolder(chain)}: no era is whole: the newest one with records has no closing record before it`,
    { path: chainFolder(chain) },
  );
}

/** Null: an era went away while it was read. */
async function readOnce(
  files: WarehouseFiles,
  chain: ChainId,
  topic: string,
  signal: AbortSignal | undefined,
): Promise<ChainState | null> {
  const folders = await listEras(files, chain, signal);
  const newest = Math.max(-1, ...folders.map((folder) => folder.era));
  if (newest < 0) return emptyState(topic, chain.topicId, chain.partition);
  const found =
    (await findRecords(files, chain, folders, newest, signal)) ??
    (await findRecords(files, chain, folders, newest - 1, signal));
  // Era 0 is never removed: without a record in it, nobody has got further than making folders.
  if (!found) return newest <= 1 ? emptyState(topic, chain.topicId, chain.partition) : null;

  try {
    // An era that is closed already needs no base: its last record says it all.
    const last = await readOrDamage(files, chain, found.name, parseRecordName(found.entries.at(-1)!.name)!, signal);
    if (!(last instanceof LedgerError) && last.record.kind === 'era-end') {
      return stateAfterEraEnd(last.record, last.hash, found.name);
    }
    const base =
      found.era === 0
        ? { ...emptyState(topic, chain.topicId, chain.partition), eraFolder: found.name }
        : await readBase(files, chain, folders, found, signal);
    return base && (await readEra(files, chain, base, found.entries, signal));
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** The era folders of a chain, in any order. */
export async function listEras(files: WarehouseFiles, chain: ChainId, signal?: AbortSignal): Promise<EraFolder[]> {
  const entries = await files.list(chainFolder(chain), signalOption(signal));
  return entries.flatMap((entry) => {
    const era = parseEraFolderName(entry.name);
    return era === null || entry.type !== 'directory' ? [] : [{ era, name: entry.name }];
  });
}

/** The record files of an era's folder in order; something else under a record's name is an error. */
export async function listRecords(
  files: WarehouseFiles,
  chain: ChainId,
  folder: string,
  signal?: AbortSignal,
): Promise<FileStatus[]> {
  const path = `${chainFolder(chain)}/${folder}`;
  const entries = (await files.list(path, signalOption(signal))).filter(({ name }) => parseRecordName(name) !== null);
  const wrong = entries.find((entry) => entry.type !== 'file');
  if (wrong) {
    const wrongPath = `${path}/${wrong.name}`;
    throw new LedgerError('broken-chain', `${wrongPath}: expected a record, found a folder`, { path: wrongPath });
  }
  return entries;
}

/** Reads and decodes one record; `not-found` passes through as the file system's error. */
export async function readRecord(
  files: WarehouseFiles,
  chain: ChainId,
  folder: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<ReadRecord> {
  const path = `${chainFolder(chain)}/${folder}/${recordName(sequence)}`;
  const bytes = await files.read(path, { length: maxRecordBytes + 1, ...signalOption(signal) });
  if (bytes.length > maxRecordBytes) throw unreadableRecord(path, `larger than ${maxRecordBytes} bytes`);
  return { ...decodeRecord(bytes, path), size: bytes.length, path };
}

interface FoundEra extends EraFolder {
  entries: FileStatus[];
}

async function findRecords(
  files: WarehouseFiles,
  chain: ChainId,
  folders: readonly EraFolder[],
  era: number,
  signal: AbortSignal | undefined,
): Promise<FoundEra | null> {
  const found: FoundEra[] = [];
  for (const folder of folders.filter((candidate) => candidate.era === era)) {
    const entries = await listRecords(files, chain, folder.name, signal);
    if (entries.length > 0) found.push({ ...folder, entries });
  }
  if (found.length > 1) {
    const names = found.map((folder) => folder.name).join(' and ');
    const path = chainFolder(chain);
    throw new LedgerError('broken-chain', `${path}: both ${names} hold records of era ${era}`, { path });
  }
  return found[0] ?? null;
}

/** The state before the era's first record. */
async function readBase(
  files: WarehouseFiles,
  chain: ChainId,
  folders: readonly EraFolder[],
  era: FoundEra,
  signal: AbortSignal | undefined,
): Promise<ChainState | null> {
  const closing = parseRecordName(era.entries[0]!.name)! - 1;
  for (const folder of folders.filter((candidate) => candidate.era === era.era - 1)) {
    let read: ReadRecord;
    try {
      read = await readRecord(files, chain, folder.name, closing, signal);
    } catch (error) {
      if (isNotFound(error)) continue; // left behind by a claimant that lost
      throw error;
    }
    const { record, hash, path } = read;
    if (record.kind === 'era-end' && record.nextFolder === era.name && record.sequence === closing) {
      return stateAfterEraEnd(record, hash, folder.name);
    }
    throw new LedgerError('broken-chain', `${path}: expected the record that closes its era and names ${era.name}`, {
      path,
    });
  }
  return null;
}

async function readEra(
  files: WarehouseFiles,
  chain: ChainId,
  base: ChainState,
  entries: readonly FileStatus[],
  signal: AbortSignal | undefined,
): Promise<ChainState> {
  const folder = base.eraFolder;
  entries.forEach((entry, i) => {
    const expected = recordName(base.sequence + 1 + i);
    if (entry.name === expected) return;
    const path = `${chainFolder(chain)}/${folder}/${expected}`;
    throw new LedgerError('broken-chain', `${path}: missing, though ${entry.name} is there`, { path });
  });
  const records = await mapBounded(entries, readsUnderWay, (entry) =>
    readOrDamage(files, chain, folder, parseRecordName(entry.name)!, signal),
  );
  let state = base;
  for (const [i, read] of records.entries()) {
    if (!(read instanceof LedgerError)) state = applyRecord(state, read.record, read.hash, read.size, read.path);
    else if (!isVoidedBy(records[i + 1]))
      throw new DamagedRecordError(read, base.sequence + 1 + i, state, i === records.length - 1);
  }
  return state;
}

/** A record that cannot be read, with the state before it. */
export class DamagedRecordError extends LedgerError {
  readonly sequence: number;
  readonly before: ChainState;
  readonly isLast: boolean;

  constructor(error: LedgerError, sequence: number, before: ChainState, isLast: boolean) {
    super(error.code, error.message, { cause: error.cause, path: error.path! });
    this.sequence = sequence;
    this.before = before;
    this.isLast = isLast;
  }
}

/** The record, or the error that says why it cannot be read. */
export async function readOrDamage(
  files: WarehouseFiles,
  chain: ChainId,
  folder: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<ReadRecord | LedgerError> {
  try {
    return await readRecord(files, chain, folder, sequence, signal);
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'unreadable-record') return error;
    throw error;
  }
}

/** Whether the record that follows an unreadable one says that it does not count. */
export function isVoidedBy(next: ReadRecord | LedgerError | undefined): boolean {
  return next !== undefined && !(next instanceof LedgerError) && next.record.kind === 'repair';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === 'not-found';
}

/** `{ signal }` or nothing, as exactOptionalPropertyTypes wants it. */
export function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
