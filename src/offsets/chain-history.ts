import type { WarehouseFiles } from '../warehouse/index.ts';
import { decodeSealedJson, sha256Hex } from './canonical-json.ts';
import type { ChainFormat, ChainRecordHead, ChainTail } from './chain-format.ts';
import { isVoidedBy, readOrDamage, signalOption } from './chain-reader.ts';
import type { ChainState } from './chain-state.ts';
import { snapshotFormatVersion } from './era-turn.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { absolutePath, type ChainId } from './ledger-paths.ts';
import type { LedgerRecord, SnapshotPointer } from './ledger-record.ts';
import { partitionFormat } from './partition-format.ts';

const headerBytes = 4096;

/** All records of a partition's chain from the oldest on, or from behind the sequence `after`, up to `state`. */
export function readHistory(
  files: WarehouseFiles,
  chain: ChainId,
  state: ChainState,
  signal?: AbortSignal,
  after = 0,
): AsyncGenerator<LedgerRecord> {
  return readRecords(files, partitionFormat(chain), state, signal, after);
}

/**
 * All records of a chain from the oldest on, up to `state`: those of ended eras from their snapshots, those of the newest
 * from its folder. Memory: one era. Verifies the snapshots' hashes and that every record follows the one before. Of eras that
 * ended at or before the sequence `after` nothing is read.
 */
export async function* readRecords<R extends ChainRecordHead, S extends ChainTail>(
  files: WarehouseFiles,
  format: ChainFormat<R, S>,
  state: ChainTail,
  signal?: AbortSignal,
  after = 0,
): AsyncGenerator<R> {
  const follow = new LinkChecker(format, after > 0);
  const newest = after >= state.eraFirstSequence - 1 ? null : state.snapshot;
  for (const snapshot of await snapshotsOldestFirst(files, format.table, newest, after, signal)) {
    for await (const record of readSnapshot(files, format, snapshot, follow, signal)) {
      if (record.sequence > after) yield record;
    }
  }
  const places = unsaved(state).filter(({ sequence }) => sequence > after);
  for (const [i, { folder, sequence }] of places.entries()) {
    const read = await readOrDamage<R>(files, format, folder, sequence, signal);
    if (read instanceof LedgerError) {
      const next = places[i + 1];
      if (next && isVoidedBy(format, await readOrDamage<R>(files, format, next.folder, next.sequence, signal)))
        continue;
      throw read;
    }
    follow.check(read.record, read.hash);
    yield read.record;
  }
}

/** The records that no snapshot holds yet: the closing record of the era before, and the newest era. */
function unsaved(state: ChainTail): { folder: string; sequence: number }[] {
  const era = Array.from({ length: state.eraRecordCount }, (_, i) => state.eraFirstSequence + i);
  const records = era.map((sequence) => ({ folder: state.eraFolder, sequence }));
  if (state.previousFolder === null) return records;
  return [{ folder: state.previousFolder, sequence: state.eraFirstSequence - 1 }, ...records];
}

/** Snapshots lead back one by one, so the way is walked over their headers first. */
async function snapshotsOldestFirst(
  files: WarehouseFiles,
  table: string,
  newest: SnapshotPointer | null,
  after: number,
  signal: AbortSignal | undefined,
): Promise<SnapshotPointer[]> {
  const found: SnapshotPointer[] = [];
  for (let pointer = newest; pointer; ) {
    found.push(pointer);
    const path = absolutePath(table, pointer.path);
    const head = await files.read(path, { offset: 0, length: headerBytes, ...signalOption(signal) });
    const { previous, firstSequence } = readHeader(head, path);
    pointer = after > 0 && firstSequence <= after + 1 ? null : previous;
  }
  return found.reverse();
}

async function* readSnapshot<R extends ChainRecordHead, S extends ChainTail>(
  files: WarehouseFiles,
  format: ChainFormat<R, S>,
  pointer: SnapshotPointer,
  follow: LinkChecker<R>,
  signal: AbortSignal | undefined,
): AsyncGenerator<R> {
  const path = absolutePath(format.table, pointer.path);
  const bytes = await files.read(path, signalOption(signal));
  if (sha256Hex(bytes) !== pointer.sha256) throw unreadableRecord(path, 'its content is not what the ledger recorded');
  for (let start = bytes.indexOf(10) + 1; start < bytes.length; ) {
    const end = bytes.indexOf(10, start) + 1;
    const { record, hash } = format.decode(bytes.subarray(start, end), path);
    follow.check(record, hash);
    yield record;
    start = end;
  }
}

interface SnapshotHeader {
  previous: SnapshotPointer | null;
  firstSequence: number;
}

function readHeader(head: Buffer, path: string): SnapshotHeader {
  let header: Record<string, unknown>;
  try {
    header = decodeSealedJson(head.subarray(0, head.indexOf(10) + 1));
  } catch (error) {
    throw unreadableRecord(path, 'the header line is broken', error);
  }
  if (header['kind'] === 'snapshot' && header['formatVersion'] === snapshotFormatVersion) {
    return header as unknown as SnapshotHeader;
  }
  throw new LedgerError('unsupported-format', `${path}: expected a snapshot of format ${snapshotFormatVersion}`, {
    path,
  });
}

/** Follows numbers and hashes from the first record of the chain on. */
class LinkChecker<R extends ChainRecordHead> {
  readonly #format: ChainFormat<R, ChainTail>;
  #sequence = 0;
  #hash = '';
  /** The record before the first one was not read. */
  #isFirst: boolean;

  constructor(format: ChainFormat<R, ChainTail>, isFromMiddle: boolean) {
    this.#format = format;
    this.#isFirst = isFromMiddle;
  }

  check(record: R, hash: string): void {
    const step = this.#format.isVoiding(record) ? 2 : 1;
    const follows = record.sequence === this.#sequence + step && record.previousHash === this.#hash;
    if (!(follows || this.#isFirst) || this.#format.isForeign(record)) {
      throw new LedgerError(
        'broken-chain',
        `${this.#format.folder}: record ${record.sequence} does not follow record ${this.#sequence}`,
      );
    }
    this.#isFirst = false;
    this.#sequence = record.sequence;
    this.#hash = hash;
  }
}
