import { type CommitRecord, readHistory } from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { type AuditContext, type AuditedChain, mayBeStaged } from './audit-chain.ts';
import { locate } from './audit-file.ts';
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
  const missing = new NamedOffsets();
  const double = new NamedOffsets();
  for await (const record of readHistory(context.files, chain, chain.state, context.signal)) {
    if (record.kind !== 'commit') continue;
    const scan = new CommitScan(chain, record, readOffsets, context);
    await scan.open(strays);
    for (let first = record.first; first < record.next; first += BigInt(mapOffsets)) {
      const size = Math.min(Number(record.next - first), mapOffsets);
      for (const map of [await scan.landedMap(first, size), await scan.deadMap(first, size)]) {
        for (const offset of map?.missing() ?? []) missing.add(offset);
        for (const offset of map?.double() ?? []) double.add(offset);
      }
    }
    scan.complainAboutForeign();
  }
  audit.missing = missing.names;
  audit.double = double.names;
  if (missing.count > 0) context.problems.add(chain, `${missing.describe()} missing`);
  if (double.count > 0) context.problems.add(chain, `${double.describe()} double`);
}

interface ScannedFile {
  path: string;
  size: number;
  isStray: boolean;
  /** Offsets read so far, and those of them within the commit. */
  readCount: number;
  ownCount: number;
}

/** The files in which one commit's offsets may be found, read once per map. */
class CommitScan {
  readonly #chain: AuditedChain;
  readonly #commit: CommitRecord;
  readonly #readOffsets: OffsetReader;
  readonly #context: AuditContext;
  readonly #files: ScannedFile[] = [];
  #deadLetters: { path: string; size: number } | null = null;

  constructor(chain: AuditedChain, commit: CommitRecord, readOffsets: OffsetReader, context: AuditContext) {
    this.#chain = chain;
    this.#commit = commit;
    this.#readOffsets = readOffsets;
    this.#context = context;
  }

  /** Finds the commit's own files, as far as they exist, and strays that reach into its range. */
  async open(strays: readonly StrayFile[]): Promise<void> {
    const { first, next, files, deadLetters } = this.#commit;
    for (const file of files) {
      const found = await this.#locate(file);
      if (found) this.#files.push({ ...found, isStray: false, readCount: 0, ownCount: 0 });
    }
    for (const { path, size, firstOffset, lastOffset } of strays) {
      const reaches = lastOffset >= first && firstOffset < next;
      if (reaches) this.#files.push({ path, size, isStray: true, readCount: 0, ownCount: 0 });
    }
    if (deadLetters) this.#deadLetters = await this.#locate(deadLetters);
  }

  async landedMap(first: bigint, size: number): Promise<OffsetMap> {
    const { dead, filtered, control, gaps } = this.#commit.notLanded;
    const map = new OffsetMap(first, size);
    for (const run of [...dead, ...filtered, ...control, ...gaps]) map.excuse(run.first, run.next);
    for (const file of this.#files) {
      await this.#read(file.path, async () => {
        for await (const offsets of this.#readOffsets(file.path, file.size)) {
          if (first === this.#commit.first) file.readCount += offsets.length;
          file.ownCount += map.see(offsets);
        }
      });
    }
    return map;
  }

  /** The same for the dead letters; null when the commit has none. */
  async deadMap(first: bigint, size: number): Promise<OffsetMap | null> {
    const { notLanded, deadLetters } = this.#commit;
    if (!deadLetters) return null;
    const map = new OffsetMap(first, size);
    let end = first;
    for (const run of notLanded.dead) {
      map.excuse(end, run.first);
      end = run.next;
    }
    map.excuse(end, first + BigInt(size));
    const file = this.#deadLetters;
    if (!file) return map;
    const { files, signal } = this.#context;
    await this.#read(file.path, async () => {
      for await (const offset of readDeadLetterOffsets(files, file.path, file.size, signal)) {
        map.see(BigInt64Array.of(offset));
      }
    });
    return map;
  }

  /** Offsets of other commits in a file of this one: the other commit does not look for them here. */
  complainAboutForeign(): void {
    for (const { path, isStray, readCount, ownCount } of this.#files) {
      if (isStray || readCount === ownCount) continue;
      const { first, next } = this.#commit;
      this.#context.problems.add(
        this.#chain,
        `${path}: ${readCount - ownCount} of its offsets are not in [${first}, ${next})`,
      );
    }
  }

  async #locate(file: { path: string; staged: string; size: number }): Promise<{ path: string; size: number } | null> {
    const { files, signal } = this.#context;
    const { root } = new TablePaths(this.#chain.table);
    return await locate(files, root, file, mayBeStaged(this.#chain.state, this.#commit), signal);
  }

  async #read(path: string, read: () => Promise<void>): Promise<void> {
    const { signal, problems, onFile } = this.#context;
    try {
      await read();
    } catch (error) {
      if (signal?.aborted) throw error;
      problems.add(this.#chain, `${path}: its offsets cannot be read: ${describeError(error)}`);
    }
    onFile();
  }
}

/** Counts offsets and keeps the first of them. */
class NamedOffsets {
  readonly names: bigint[] = [];
  count = 0;

  add(offset: bigint): void {
    this.count++;
    if (this.names.length < maxNamedOffsets) this.names.push(offset);
  }

  /** `3 offsets (5, 6, 9) are`. */
  describe(): string {
    const shown = this.names.slice(0, 10).join(', ');
    const more = this.count > 10 ? ', ...' : '';
    return `${this.count} offset${this.count === 1 ? '' : 's'} (${shown}${more}) ${this.count === 1 ? 'is' : 'are'}`;
  }
}

/** Offsets of the records in a dead-letter file, one JSON object a line, read in pieces. */
async function* readDeadLetterOffsets(
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
