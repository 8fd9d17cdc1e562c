import { type CommitRecord, isRetracted, type NotLanded, PartitionAccounts, readHistory } from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { type AuditContext, type AuditedChain, mayBeStaged } from './audit-chain.ts';
import { locate } from './audit-file.ts';
import { OffsetMap } from './audit-offset-map.ts';
import { maxNamedOffsets, type PartitionAudit, ProblemList } from './audit-report.ts';

/** Gives the `_offset` column of a Parquet file in pieces, in any order; `partition`: of the rows of that partition only. */
export type OffsetReader = (path: string, size: number, partition: number | null) => AsyncIterable<BigInt64Array>;

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
  const accounts = new PartitionAccounts(context.table.state, chain);
  for await (const span of spansOf(chain, accounts, context)) {
    const scan = new SpanScan(chain, span, accounts, readOffsets, { ...context, problems });
    await scan.open(strays);
    for (let first = span.first; first < span.next; first += BigInt(mapOffsets)) {
      const size = Math.min(Number(span.next - first), mapOffsets);
      for (const map of [await scan.landedMap(first, size), await scan.deadMap(first, size)]) {
        for (const offset of map?.missing() ?? []) result.missing.add(offset);
        for (const offset of map?.double() ?? []) result.double.add(offset);
      }
    }
    result.foreign.push(...scan.foreignFiles());
  }
  return result;
}

/** Consecutive commits whose offsets are looked at together. */
interface Span {
  first: bigint;
  next: bigint;
  commits: CommitRecord[];
}

/**
 * One commit a span; where rewrites have merged the files of many commits, as many as fit into one map, so that a merged file is
 * not read again for each of them. Then what backfills brought.
 */
async function* spansOf(chain: AuditedChain, accounts: PartitionAccounts, context: AuditContext): AsyncGenerator<Span> {
  const isMerged = context.table.addedFor(chain).length > 0;
  let span: Span | null = null;
  for await (const record of readHistory(context.files, chain, chain.state, context.signal)) {
    if (record.kind !== 'commit' || isRetracted(chain.state, record)) continue;
    const isNext: boolean = span !== null && span.next === record.first;
    if (span && isMerged && isNext && record.next - span.first <= BigInt(mapOffsets)) {
      span.next = record.next;
      span.commits.push(record);
      continue;
    }
    if (span) yield span;
    span = { first: record.first, next: record.next, commits: [record] };
  }
  if (span) yield span;
  const { first, next } = chain.state;
  for (const run of accounts.outside(first ?? 0n, next ?? 0n)) yield { ...run, commits: [] };
}

interface ScannedFile {
  path: string;
  size: number;
  /** Not a file of the span's own commits. */
  isStray: boolean;
  /** Only rows of this partition are ours; null: all are. */
  partition: number | null;
  /** How many of its offsets are not the span's, and between which bounds (inclusive) these lie. */
  foreignCount: number;
  foreignFirst: bigint;
  foreignLast: bigint;
}

const noForeign = { foreignCount: 0, foreignFirst: 0n, foreignLast: 0n };

/** The files in which the offsets of a span may be found, read once per map. */
class SpanScan {
  readonly #chain: AuditedChain;
  readonly #span: Span;
  readonly #accounts: PartitionAccounts;
  readonly #readOffsets: OffsetReader;
  readonly #context: AuditContext;
  readonly #files: ScannedFile[] = [];
  readonly #deadLetters: { path: string; size: number }[] = [];

  constructor(
    chain: AuditedChain,
    span: Span,
    accounts: PartitionAccounts,
    readOffsets: OffsetReader,
    context: AuditContext,
  ) {
    this.#chain = chain;
    this.#span = span;
    this.#accounts = accounts;
    this.#readOffsets = readOffsets;
    this.#context = context;
  }

  /** Finds the commits' own files, as far as they exist, files that rewrites brought, and strays that reach into the range. */
  async open(strays: readonly StrayFile[]): Promise<void> {
    const { first, next, commits } = this.#span;
    const { table } = this.#context;
    for (const commit of commits) {
      for (const file of commit.files) {
        const found = table.isReplaced(file.path)
          ? null
          : await this.#locate(file, mayBeStaged(this.#chain.state, commit));
        if (found) this.#files.push({ ...found, isStray: false, partition: null, ...noForeign });
      }
      const dead = commit.deadLetters;
      const found = dead && (await this.#locate(dead, mayBeStaged(this.#chain.state, commit)));
      if (found) this.#deadLetters.push(found);
    }
    for (const file of table.addedFor(this.#chain)) {
      const { topicId, partition } = this.#chain;
      const reaches = file.ranges.some((range) => {
        return range.topicId === topicId && range.partition === partition && range.first < next && range.next > first;
      });
      const staged = table.stagedPath(file.path);
      const found = reaches && (await this.#locate({ ...file, staged: staged ?? file.path }, staged !== null));
      if (found) this.#files.push({ ...found, isStray: true, partition, ...noForeign });
    }
    for (const { path, size, firstOffset, lastOffset } of strays) {
      const reaches = lastOffset >= first && firstOffset < next;
      if (reaches && !this.#files.some((own) => own.path === path))
        this.#files.push({ path, size, isStray: true, partition: null, ...noForeign });
    }
  }

  async landedMap(first: bigint, size: number): Promise<OffsetMap> {
    const map = new OffsetMap(first, size);
    const classes = this.#accounts.resolve(this.#span.first, this.#span.next, this.#ledgerClasses());
    for (const runs of Object.values(classes)) for (const run of runs) map.excuse(run.first, run.next);
    for (const file of this.#files) {
      await this.#read(file.path, async () => {
        for await (const offsets of this.#readOffsets(file.path, file.size, file.partition)) {
          const inside = map.see(offsets);
          if (inside < offsets.length && first === this.#span.first) this.#noteForeign(file, offsets);
        }
      });
    }
    return map;
  }

  /** The same for the dead letters; null when the commits have none. */
  async deadMap(first: bigint, size: number): Promise<OffsetMap | null> {
    const { commits } = this.#span;
    if (!commits.some(({ deadLetters }) => deadLetters)) return null;
    const map = new OffsetMap(first, size);
    let end = first;
    for (const run of commits.flatMap(({ notLanded }) => notLanded.dead)) {
      map.excuse(end, run.first);
      end = run.next;
    }
    map.excuse(end, first + BigInt(size));
    const { files, signal } = this.#context;
    for (const file of this.#deadLetters) {
      await this.#read(file.path, async () => {
        for await (const offset of readDeadLetterOffsets(files, file.path, file.size, signal)) {
          map.see(BigInt64Array.of(offset));
        }
      });
    }
    return map;
  }

  #ledgerClasses(): NotLanded {
    const of = (name: keyof NotLanded) => this.#span.commits.flatMap(({ notLanded }) => notLanded[name]);
    return { dead: of('dead'), filtered: of('filtered'), control: of('control'), gaps: of('gaps') };
  }

  /** The commit's own files that hold offsets of other commits. */
  foreignFiles(): StrayFile[] {
    const { first, next } = this.#span;
    return this.#files.flatMap(({ path, size, isStray, foreignCount, foreignFirst, foreignLast }) => {
      if (isStray || foreignCount === 0) return [];
      this.#context.problems.add(this.#chain, `${path}: ${foreignCount} of its offsets are not in [${first}, ${next})`);
      return [{ path, size, firstOffset: foreignFirst, lastOffset: foreignLast }];
    });
  }

  #noteForeign(file: ScannedFile, offsets: BigInt64Array): void {
    for (const offset of offsets) {
      if (offset >= this.#span.first && offset < this.#span.next) continue;
      if (file.foreignCount === 0 || offset < file.foreignFirst) file.foreignFirst = offset;
      if (file.foreignCount === 0 || offset > file.foreignLast) file.foreignLast = offset;
      file.foreignCount++;
    }
  }

  async #locate(
    file: { path: string; staged: string; size: number },
    isStaged: boolean,
  ): Promise<{ path: string; size: number } | null> {
    const { files, signal } = this.#context;
    const { root } = new TablePaths(this.#chain.table);
    return await locate(files, root, file, isStaged, signal);
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
