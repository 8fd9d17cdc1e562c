/**
 * Reads the state of a chain: the closing record of the previous era and the records of the newest one.
 *
 * Which era is the newest: a folder that holds a record was named by the closing record before it, and nobody creates a
 * named folder twice. Folders without records are either announced by the newest closing record, or left behind by a
 * claimant that lost. They are at most one era ahead, so two looks at most find the newest record. An era may be removed
 * while we read it; then we look again.
 */
import type { FileStatus, WarehouseFiles } from '../warehouse/index.ts';
import type { ChainFormat, ChainRecordHead, ChainTail, ReadRecord } from './chain-format.ts';
import type { ChainState } from './chain-state.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { type ChainId, parseEraFolderName, parseRecordName, recordName } from './ledger-paths.ts';
import { mapBounded } from './map-bounded.ts';
import { partitionFormat } from './partition-format.ts';
import { maxRecordBytes } from './sealed-record.ts';

const readsUnderWay = 16;
const maxLooks = 6;

interface EraFolder {
  era: number;
  name: string;
}

/** The state of a partition's chain after its last record. `topic` is only used when there is no chain yet. */
export async function readChain(
  files: WarehouseFiles,
  chain: ChainId,
  topic: string,
  signal?: AbortSignal,
): Promise<ChainState> {
  return await readTail(files, partitionFormat(chain, topic), signal);
}

/** The state after the last record. Verifies hashes and contiguity of all it reads. */
export async function readTail<R extends ChainRecordHead, S extends ChainTail>(
  files: WarehouseFiles,
  format: ChainFormat<R, S>,
  signal?: AbortSignal,
): Promise<S> {
  for (let look = 0; look < maxLooks; look++) {
    const state = await readOnce(files, format, signal);
    if (state) return state;
  }
  throw new LedgerError(
    'broken-chain',
    `${format.folder}: no era is whole: the newest one with records has no closing record before it`,
    { path: format.folder },
  );
}

/** Null: an era went away while it was read. */
async function readOnce<R extends ChainRecordHead, S extends ChainTail>(
  files: WarehouseFiles,
  format: ChainFormat<R, S>,
  signal: AbortSignal | undefined,
): Promise<S | null> {
  const folders = await listEras(files, format.folder, signal);
  const newest = Math.max(-1, ...folders.map((folder) => folder.era));
  if (newest < 0) return format.empty();
  const found =
    (await findRecords(files, format.folder, folders, newest, signal)) ??
    (await findRecords(files, format.folder, folders, newest - 1, signal));
  // Era 0 is never removed: without a record in it, nobody has got further than making folders.
  if (!found) return newest <= 1 ? format.empty() : null;

  try {
    // An era that is closed already needs no base: its last record says it all.
    const last = await readOrDamage(files, format, found.name, parseRecordName(found.entries.at(-1)!.name)!, signal);
    if (!(last instanceof LedgerError) && format.nextFolder(last.record) !== null) {
      return await format.begin(files, last, found.name, signal);
    }
    const base =
      found.era === 0
        ? { ...format.empty(), eraFolder: found.name }
        : await readBase(files, format, folders, found, signal);
    return base && (await readEra(files, format, base, found.entries, signal));
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** The era folders of a chain, in any order. `folder`: the chain's. */
export async function listEras(files: WarehouseFiles, folder: string, signal?: AbortSignal): Promise<EraFolder[]> {
  const entries = await files.list(folder, signalOption(signal));
  return entries.flatMap((entry) => {
    const era = parseEraFolderName(entry.name);
    return era === null || entry.type !== 'directory' ? [] : [{ era, name: entry.name }];
  });
}

/** The record files of an era's folder in order; something else under a record's name is an error. */
async function listRecords(files: WarehouseFiles, path: string, signal?: AbortSignal): Promise<FileStatus[]> {
  const entries = (await files.list(path, signalOption(signal))).filter(({ name }) => parseRecordName(name) !== null);
  const wrong = entries.find((entry) => entry.type !== 'file');
  if (wrong) {
    const wrongPath = `${path}/${wrong.name}`;
    throw new LedgerError('broken-chain', `${wrongPath}: expected a record, found a folder`, { path: wrongPath });
  }
  return entries;
}

/** What it takes to read one record of a chain. */
type RecordPlace<R> = Pick<ChainFormat<R & ChainRecordHead, ChainTail>, 'folder' | 'decode'>;

/** Reads and decodes one record; `not-found` passes through as the file system's error. */
export async function readRecord<R>(
  files: WarehouseFiles,
  format: RecordPlace<R>,
  folder: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<ReadRecord<R>> {
  const path = `${format.folder}/${folder}/${recordName(sequence)}`;
  const bytes = await files.read(path, { length: maxRecordBytes + 1, ...signalOption(signal) });
  if (bytes.length > maxRecordBytes) throw unreadableRecord(path, `larger than ${maxRecordBytes} bytes`);
  return { ...format.decode(bytes, path), size: bytes.length, path };
}

interface FoundEra extends EraFolder {
  entries: FileStatus[];
}

async function findRecords(
  files: WarehouseFiles,
  chainPath: string,
  folders: readonly EraFolder[],
  era: number,
  signal: AbortSignal | undefined,
): Promise<FoundEra | null> {
  const found: FoundEra[] = [];
  for (const folder of folders.filter((candidate) => candidate.era === era)) {
    const entries = await listRecords(files, `${chainPath}/${folder.name}`, signal);
    if (entries.length > 0) found.push({ ...folder, entries });
  }
  if (found.length > 1) {
    const names = found.map((folder) => folder.name).join(' and ');
    throw new LedgerError('broken-chain', `${chainPath}: both ${names} hold records of era ${era}`, {
      path: chainPath,
    });
  }
  return found[0] ?? null;
}

/** The state before the era's first record. */
async function readBase<R extends ChainRecordHead, S extends ChainTail>(
  files: WarehouseFiles,
  format: ChainFormat<R, S>,
  folders: readonly EraFolder[],
  era: FoundEra,
  signal: AbortSignal | undefined,
): Promise<S | null> {
  const closing = parseRecordName(era.entries[0]!.name)! - 1;
  for (const folder of folders.filter((candidate) => candidate.era === era.era - 1)) {
    let read: ReadRecord<R>;
    try {
      read = await readRecord(files, format, folder.name, closing, signal);
    } catch (error) {
      if (isNotFound(error)) continue; // left behind by a claimant that lost
      throw error;
    }
    const { record, path } = read;
    if (format.nextFolder(record) === era.name && record.sequence === closing) {
      return await format.begin(files, read, folder.name, signal);
    }
    throw new LedgerError('broken-chain', `${path}: expected the record that closes its era and names ${era.name}`, {
      path,
    });
  }
  return null;
}

async function readEra<R extends ChainRecordHead, S extends ChainTail>(
  files: WarehouseFiles,
  format: ChainFormat<R, S>,
  base: S,
  entries: readonly FileStatus[],
  signal: AbortSignal | undefined,
): Promise<S> {
  const folder = base.eraFolder;
  const first = base.sequence + 1;
  entries.forEach((entry, i) => {
    const expected = recordName(first + i);
    if (entry.name === expected) return;
    const path = `${format.folder}/${folder}/${expected}`;
    throw new LedgerError('broken-chain', `${path}: missing, though ${entry.name} is there`, { path });
  });
  const records = await mapBounded(entries, readsUnderWay, (entry) =>
    readOrDamage(files, format, folder, parseRecordName(entry.name)!, signal),
  );
  let state = base;
  for (const [i, read] of records.entries()) {
    if (!(read instanceof LedgerError)) state = format.apply(state, read);
    else if (!isVoidedBy(format, records[i + 1]))
      throw new DamagedRecordError(read, first + i, state, i === records.length - 1);
  }
  return state;
}

/** A record that cannot be read, with the state before it. */
export class DamagedRecordError<S extends ChainTail = ChainState> extends LedgerError {
  readonly sequence: number;
  readonly before: S;
  readonly isLast: boolean;

  constructor(error: LedgerError, sequence: number, before: S, isLast: boolean) {
    super(error.code, error.message, { cause: error.cause, path: error.path! });
    this.sequence = sequence;
    this.before = before;
    this.isLast = isLast;
  }
}

/** The record, or the error that says why it cannot be read. */
export async function readOrDamage<R>(
  files: WarehouseFiles,
  format: RecordPlace<R>,
  folder: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<ReadRecord<R> | LedgerError> {
  try {
    return await readRecord(files, format, folder, sequence, signal);
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'unreadable-record') return error;
    throw error;
  }
}

/** Whether the record that follows an unreadable one says that it does not count. */
export function isVoidedBy<R extends ChainRecordHead>(
  format: { isVoiding(record: R): boolean },
  next: ReadRecord<R> | LedgerError | undefined,
): boolean {
  return next !== undefined && !(next instanceof LedgerError) && format.isVoiding(next.record);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === 'not-found';
}

/** `{ signal }` or nothing, as exactOptionalPropertyTypes wants it. */
export function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
