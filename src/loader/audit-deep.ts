import { type CommitRecord, readHistory } from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { type AuditContext, type AuditedChain, mayBeStaged } from './audit-chain.ts';
import { locate } from './audit-file.ts';
import { OffsetMap } from './audit-offset-map.ts';
import { maxNamedOffsets, type PartitionAudit, ProblemList } from './audit-report.ts';

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
  let scan = await scanChain(chain, strays, readOffsets, context);
  // Files with offsets of other commits in them count for those as well, which is known only after all were read.
  if (scan.foreign.length > 0) scan = await scanChain(chain, [...strays, ...scan.foreign], readOffsets, context);
  context.problems.addAll(scan.problems);
  for (const name of ['missing', 'double'] as const) {
    audit[name] = scan[name].sorted();
    if (scan[name].count > 0) context.problems.add(chain, `${scan[name].describe()} ${name}`);
  }
}

interface ChainScan {
  missing: NamedOffsets;
  double: NamedOffsets;
  foreign: StrayFile[];
  problems: ProblemList;
}

async function scanChain(
  chain: AuditedChain,
  strays: readonly StrayFile[],
  readOffsets: OffsetReader,
  context: AuditContext,
): Promise<ChainScan> {
  const problems = new ProblemList();
  const result: ChainScan = { missing: new NamedOffsets(), double: new NamedOffsets(), foreign: [], problems };
  for await (const record of readHistory(context.files, chain, chain.state, context.signal)) {
    if (record.kind !== 'commit') continue;
    const scan = new CommitScan(chain, record, readOffsets, { ...context, problems });
    await scan.open(strays);
    for (let first = record.first; first < record.next; first += BigInt(mapOffsets)) {
      const size = Math.min(Number(record.next - first), mapOffsets);
      for (const map of [await scan.landedMap(first, size), await scan.deadMap(first, size)]) {
        for (const offset of map?.missing() ?? []) result.missing.add(offset);
        for (const offset of map?.double() ?? []) result.double.add(offset);
      }
    }
    result.foreign.push(...scan.foreignFiles());
  }
  return result;
}

interface ScannedFile {
  path: string;
  size: number;
  isStray: boolean;
  /** How many of its offsets are not the commit's, and between which bounds (inclusive) these lie. */
  foreignCount: number;
  foreignFirst: bigint;
  foreignLast: bigint;
}

const noForeign = { foreignCount: 0, foreignFirst: 0n, foreignLast: 0n };

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
      if (found) this.#files.push({ ...found, isStray: false, ...noForeign });
    }
    for (const { path, size, firstOffset, lastOffset } of strays) {
      const reaches = lastOffset >= first && firstOffset < next;
      if (reaches && !this.#files.some((own) => own.path === path))
        this.#files.push({ path, size, isStray: true, ...noForeign });
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
          const inside = map.see(offsets);
          if (inside < offsets.length && first === this.#commit.first) this.#noteForeign(file, offsets);
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

  /** The commit's own files that hold offsets of other commits. */
  foreignFiles(): StrayFile[] {
    const { first, next } = this.#commit;
    return this.#files.flatMap(({ path, size, isStray, foreignCount, foreignFirst, foreignLast }) => {
      if (isStray || foreignCount === 0) return [];
      this.#context.problems.add(this.#chain, `${path}: ${foreignCount} of its offsets are not in [${first}, ${next})`);
      return [{ path, size, firstOffset: foreignFirst, lastOffset: foreignLast }];
    });
  }

  #noteForeign(file: ScannedFile, offsets: BigInt64Array): void {
    for (const offset of offsets) {
      if (offset >= this.#commit.first && offset < this.#commit.next) continue;
      if (file.foreignCount === 0 || offset < file.foreignFirst) file.foreignFirst = offset;
      if (file.foreignCount === 0 || offset > file.foreignLast) file.foreignLast = offset;
      file.foreignCount++;
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

  sorted(): bigint[] {
    return this.names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** `3 offsets (5, 6, 9) are`. */
  describe(): string {
    const shown = this.sorted().slice(0, 10).join(', ');
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
