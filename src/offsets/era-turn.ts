/**
 * Ends an era and prunes old ones. Only the holder does so, with all files visible.
 *
 * Order: snapshot file -> next era's folder -> closing record (the point where the era turns) -> prune. A folder's name is
 * random and made before the record that announces it, so nobody ever creates the same folder twice: late renames into a
 * removed era find no folder for ever.
 *
 * A snapshot file is text: a header line of sealed JSON
 *   {"formatVersion":1,"kind":"snapshot", <whose chain>,"era","firstSequence","records","previous":{path,sha256}|null,"checksum"}
 * followed by the bytes of the records, one line each, as they were in their folders: the closing record of the era before,
 * then this era's. So the whole chain, hashes included, can be read for ever.
 */
import type { WarehouseFiles } from '../warehouse/index.ts';
import { encodeSealedJson, sha256Hex } from './canonical-json.ts';
import type { ChainFormat, ChainRecordHead, ChainTail } from './chain-format.ts';
import { listEras, signalOption } from './chain-reader.ts';
import { LedgerError } from './ledger-error.ts';
import { absolutePath, recordName, relativePath } from './ledger-paths.ts';
import type { SnapshotPointer } from './ledger-record.ts';
import { mapBounded } from './map-bounded.ts';

export const snapshotFormatVersion = 1;

const readsUnderWay = 16;

/** Writes the snapshot of the current era, which is not era 0, and reads it back. */
export async function writeSnapshot<R extends ChainRecordHead>(
  files: WarehouseFiles,
  format: ChainFormat<R, ChainTail>,
  state: ChainTail,
  unique: string,
  signal?: AbortSignal,
): Promise<SnapshotPointer> {
  const folder = `${format.folder}/${state.eraFolder}`;
  const paths = [
    `${format.folder}/${state.previousFolder}/${recordName(state.eraFirstSequence - 1)}`,
    ...Array.from({ length: state.eraRecordCount }, (_, i) => `${folder}/${recordName(state.eraFirstSequence + i)}`),
  ];
  const all = await mapBounded(paths, readsUnderWay, (path) => files.read(path, signalOption(signal)));
  const records = all.filter((_, i) => !isVoiding(format, all[i + 1], paths[i + 1])); // a void record is kept elsewhere
  if (sha256Hex(records.at(-1)!) !== state.lastHash) {
    const path = `${folder}/${recordName(state.sequence)}`;
    throw new LedgerError('broken-chain', `${path}: changed after it was written`, { path });
  }
  const header = encodeSealedJson({
    formatVersion: snapshotFormatVersion,
    kind: 'snapshot',
    ...format.identity,
    era: state.era,
    firstSequence: state.eraFirstSequence - 1,
    records: records.length,
    previous: state.snapshot,
  });
  const bytes = Buffer.concat([header, ...records]);
  const path = `${format.folder}/snapshots/${snapshotName(state.sequence + 1, unique)}`;
  await createChecked(files, path, bytes, signal);
  return { path: relativePath(format.table, path), sha256: sha256Hex(bytes) };
}

/** Writes a new file and reads it back. */
export async function createChecked(
  files: WarehouseFiles,
  path: string,
  bytes: Buffer,
  signal?: AbortSignal,
): Promise<void> {
  await files.create(path, { bytes }, signalOption(signal));
  if ((await files.read(path, signalOption(signal))).equals(bytes)) return;
  throw new LedgerError('file-mismatch', `${path}: reads other than it was written`, { path });
}

/** Whether these are the bytes of the record that makes the one before it void. */
function isVoiding<R extends ChainRecordHead>(
  format: ChainFormat<R, ChainTail>,
  bytes: Buffer | undefined,
  path: string | undefined,
): boolean {
  if (!bytes?.includes('"kind":"repair"')) return false;
  try {
    return format.isVoiding(format.decode(bytes, path!).record);
  } catch {
    return false; // itself void
  }
}

/** Named by the closing record's sequence, so that those of losers can be told. */
function snapshotName(sequence: number, unique: string): string {
  return `${String(sequence).padStart(20, '0')}-${unique}.ndjson`;
}

/**
 * Removes snapshots of the same era by claimants that lost: those for a closing record in [firstSequence, lastSequence],
 * numbers that are all taken, other than the one that `state` points to.
 */
export async function sweepSnapshots(
  files: WarehouseFiles,
  format: { folder: string; table: string },
  firstSequence: number,
  state: ChainTail,
  signal?: AbortSignal,
): Promise<void> {
  const folder = `${format.folder}/snapshots`;
  const kept = state.snapshot && absolutePath(format.table, state.snapshot.path);
  for (const { name } of await files.list(folder, signalOption(signal))) {
    const sequence = Number(/^(\d{20})-/.exec(name)?.[1] ?? Number.NaN);
    const isRubbish = sequence >= firstSequence && sequence <= state.sequence && `${folder}/${name}` !== kept;
    if (isRubbish) await files.delete(`${folder}/${name}`, signalOption(signal));
  }
}

/**
 * Removes what the holder of the newest era knows to be dead and what is older than the grace: whole eras before the
 * previous one (era 0 stays, it keeps the beginning closed), and temporary files.
 */
export async function pruneEras(
  files: WarehouseFiles,
  format: { folder: string },
  state: ChainTail,
  graceMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const oldMs = (await files.nowMs(signalOption(signal))) - graceMs;
  for (const folder of await listEras(files, format.folder, signal)) {
    if (folder.era === 0 || folder.era >= state.era - 1) continue;
    const path = `${format.folder}/${folder.name}`;
    const status = await files.stat(path, signalOption(signal));
    if (status && status.modifiedMs <= oldMs) await files.delete(path, { recursive: true, ...signalOption(signal) });
  }
  const temporary = `${format.folder}/tmp`;
  for (const entry of await files.list(temporary, signalOption(signal))) {
    if (entry.type === 'file' && entry.modifiedMs <= oldMs) {
      await files.delete(`${temporary}/${entry.name}`, signalOption(signal));
    }
  }
}
