import type { WarehouseFiles } from '../warehouse/index.ts';
import { decodeSealedJson, sha256Hex } from './canonical-json.ts';
import { isVoidedBy, readOrDamage, signalOption } from './chain-reader.ts';
import type { ChainState } from './chain-state.ts';
import { snapshotFormatVersion } from './era-turn.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { absolutePath, type ChainId } from './ledger-paths.ts';
import type { LedgerFile, LedgerRecord, SnapshotPointer } from './ledger-record.ts';
import { decodeRecord } from './record-codec.ts';

const headerBytes = 4096;

/**
 * All records of a chain from the oldest on, up to `state`: those of ended eras from their snapshots, those of the newest
 * from its folder. Memory: one era. Verifies the snapshots' hashes and that every record follows the one before.
 */
export async function* readHistory(
  files: WarehouseFiles,
  chain: ChainId,
  state: ChainState,
  signal?: AbortSignal,
): AsyncGenerator<LedgerRecord> {
  const follow = new LinkChecker(chain);
  for (const snapshot of await snapshotsOldestFirst(files, chain, state.snapshot, signal)) {
    yield* readSnapshot(files, chain, snapshot, follow, signal);
  }
  const places = unsaved(state);
  for (const [i, { folder, sequence }] of places.entries()) {
    const read = await readOrDamage(files, chain, folder, sequence, signal);
    if (read instanceof LedgerError) {
      const next = places[i + 1];
      if (next && isVoidedBy(await readOrDamage(files, chain, next.folder, next.sequence, signal))) continue;
      throw read;
    }
    follow.check(read.record, read.hash);
    yield read.record;
  }
}

/** The records that no snapshot holds yet: the closing record of the era before, and the newest era. */
function unsaved(state: ChainState): { folder: string; sequence: number }[] {
  const era = Array.from({ length: state.eraRecordCount }, (_, i) => state.eraFirstSequence + i);
  const records = era.map((sequence) => ({ folder: state.eraFolder, sequence }));
  if (state.previousFolder === null) return records;
  return [{ folder: state.previousFolder, sequence: state.eraFirstSequence - 1 }, ...records];
}

/** The files that readers of the table should see from this partition, oldest first. */
export async function* liveFiles(
  files: WarehouseFiles,
  chain: ChainId,
  state: ChainState,
  signal?: AbortSignal,
): AsyncGenerator<LedgerFile> {
  for await (const record of readHistory(files, chain, state, signal)) {
    if (record.kind === 'commit') yield* record.files;
  }
}

/** Snapshots lead back one by one, so the way is walked over their headers first. */
async function snapshotsOldestFirst(
  files: WarehouseFiles,
  chain: ChainId,
  newest: SnapshotPointer | null,
  signal: AbortSignal | undefined,
): Promise<SnapshotPointer[]> {
  const found: SnapshotPointer[] = [];
  for (let pointer = newest; pointer; ) {
    found.push(pointer);
    const path = absolutePath(chain.table, pointer.path);
    const head = await files.read(path, { offset: 0, length: headerBytes, ...signalOption(signal) });
    pointer = readHeader(head, path).previous;
  }
  return found.reverse();
}

async function* readSnapshot(
  files: WarehouseFiles,
  chain: ChainId,
  pointer: SnapshotPointer,
  follow: LinkChecker,
  signal: AbortSignal | undefined,
): AsyncGenerator<LedgerRecord> {
  const path = absolutePath(chain.table, pointer.path);
  const bytes = await files.read(path, signalOption(signal));
  if (sha256Hex(bytes) !== pointer.sha256) throw unreadableRecord(path, 'its content is not what the ledger recorded');
  for (let start = bytes.indexOf(10) + 1; start < bytes.length; ) {
    const end = bytes.indexOf(10, start) + 1;
    const { record, hash } = decodeRecord(bytes.subarray(start, end), path);
    follow.check(record, hash);
    yield record;
    start = end;
  }
}

function readHeader(head: Buffer, path: string): { previous: SnapshotPointer | null } {
  let header: Record<string, unknown>;
  try {
    header = decodeSealedJson(head.subarray(0, head.indexOf(10) + 1));
  } catch (error) {
    throw unreadableRecord(path, 'the header line is broken', error);
  }
  if (header['kind'] === 'snapshot' && header['formatVersion'] === snapshotFormatVersion) {
    return header as unknown as { previous: SnapshotPointer | null };
  }
  throw new LedgerError('unsupported-format', `${path}: expected a snapshot of format ${snapshotFormatVersion}`, {
    path,
  });
}

/** Follows numbers and hashes from the first record of the chain on. */
class LinkChecker {
  readonly #chain: ChainId;
  #sequence = 0;
  #hash = '';

  constructor(chain: ChainId) {
    this.#chain = chain;
  }

  check(record: LedgerRecord, hash: string): void {
    const { topicId, partition } = this.#chain;
    const step = record.kind === 'repair' ? 2 : 1;
    const follows = record.sequence === this.#sequence + step && record.previousHash === this.#hash;
    if (!follows || record.partition !== partition || record.topicId !== topicId) {
      throw new LedgerError(
        'broken-chain',
        `record ${record.sequence} of partition ${record.partition} does not follow record ${this.#sequence} of partition ${partition}`,
      );
    }
    this.#sequence = record.sequence;
    this.#hash = hash;
  }
}
