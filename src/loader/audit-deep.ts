import { type CommitRecord, readHistory } from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { type AuditContext, type AuditedChain, mayBeStaged } from './audit-chain.ts';
import { auditPlainFile } from './audit-file.ts';
import { OffsetMap } from './audit-offset-map.ts';
import { maxNamedOffsets, type PartitionAudit } from './audit-report.ts';

/** Gives the `_offset` column of a Parquet file in pieces, in any order. */
export type OffsetReader = (path: string, size: number) => AsyncIterable<BigInt64Array>;

/** A file that readers see and no record names, but that says it belongs to the partition. */
export interface StrayFile {
  /** Absolute. */
  path: string;
  size: number;
  /** Inclusive. */
  firstOffset: bigint;
  lastOffset: bigint;
}

/** Offsets per map: what the memory of a deep audit is bounded by (three bits each), however large a commit is. */
const mapOffsets = 2 ** 26;

/** Names the exact offsets that are missing or double, by reading `_offset` of every file of the chain. */
export async function auditOffsets(
  chain: AuditedChain,
  audit: PartitionAudit,
  strays: readonly StrayFile[],
  readOffsets: OffsetReader,
  context: AuditContext,
): Promise<void> {
  const missing = new NamedOffsets(audit.missing);
  const double = new NamedOffsets(audit.double);
  for await (const record of readHistory(context.files, chain, chain.state, context.signal)) {
    if (record.kind !== 'commit') continue;
    const places = await placesOf(chain, record, strays, context);
    for (let first = record.first; first < record.next; first += BigInt(mapOffsets)) {
      const size = Number(record.next - first);
      const map = new OffsetMap(first, Math.min(size, mapOffsets));
      await fill(map, chain, record, places, readOffsets, context);
      for (const offset of map.missing()) missing.add(offset);
      for (const offset of map.double()) double.add(offset);
    }
  }
  if (missing.count > 0) context.problems.add(chain, `${missing.describe()} missing`);
  if (double.count > 0) context.problems.add(chain, `${double.describe()} double`);
}

interface Place {
  path: string;
  size: number;
  firstOffset: bigint;
  lastOffset: bigint;
}

/** Where the commit's offsets may be found: its own files as far as they exist, and strays that reach into its range. */
async function placesOf(
  chain: AuditedChain,
  commit: CommitRecord,
  strays: readonly StrayFile[],
  { files, signal }: AuditContext,
): Promise<Place[]> {
  const { root } = new TablePaths(chain.table);
  const places: Place[] = [];
  for (const file of commit.files) {
    const { path } = await auditPlainFile(files, root, file, mayBeStaged(chain.state, commit), signal);
    const status = path === null ? null : await files.stat(path, signal ? { signal } : {});
    // The file may hold other offsets than it should: it is read whatever range it claims.
    if (path !== null && status)
      places.push({ path, size: status.size, firstOffset: commit.first, lastOffset: commit.next - 1n });
  }
  return [...places, ...strays.filter((stray) => stray.lastOffset >= commit.first && stray.firstOffset < commit.next)];
}

async function fill(
  map: OffsetMap,
  chain: AuditedChain,
  commit: CommitRecord,
  places: readonly Place[],
  readOffsets: OffsetReader,
  context: AuditContext,
): Promise<void> {
  const { dead, filtered, control, gaps } = commit.notLanded;
  for (const run of [...dead, ...filtered, ...control, ...gaps]) map.excuse(run.first, run.next);
  for (const { path, size } of places) {
    context.signal?.throwIfAborted();
    try {
      for await (const offsets of readOffsets(path, size)) map.see(offsets);
    } catch (error) {
      if (context.signal?.aborted) throw error;
      context.problems.add(chain, `${path}: its offsets cannot be read: ${describeError(error)}`);
    }
    context.onFile();
  }
}

/** Counts offsets and keeps the first of them. */
class NamedOffsets {
  readonly #names: bigint[];
  count = 0;

  constructor(names: bigint[]) {
    this.#names = names;
  }

  add(offset: bigint): void {
    this.count++;
    if (this.#names.length < maxNamedOffsets) this.#names.push(offset);
  }

  /** `3 offsets (5, 6, 9) are`. */
  describe(): string {
    const shown = this.#names.slice(0, 10).join(', ');
    const more = this.count > 10 ? ', ...' : '';
    return `${this.count} offset${this.count === 1 ? '' : 's'} (${shown}${more}) ${this.count === 1 ? 'is' : 'are'}`;
  }
}

/** Offsets of the records in a dead-letter file, one JSON object a line, read in pieces. */
export async function* readDeadLetterOffsets(
  files: WarehouseFiles,
  path: string,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<bigint> {
  const pieceBytes = 4 * 1024 * 1024;
  let rest = Buffer.alloc(0);
  for (let offset = 0; offset < size; offset += pieceBytes) {
    const piece = await files.read(path, { offset, length: pieceBytes, ...(signal ? { signal } : {}) });
    rest = Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield BigInt((JSON.parse(rest.toString('utf8', start, end)) as { offset: string }).offset);
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
}
