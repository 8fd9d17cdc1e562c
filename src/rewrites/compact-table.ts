import type { OffsetRun, PartitionRuns } from '../offsets/index.ts';
import { LedgerError, rewriteFileName } from '../offsets/index.ts';
import { describeError, SluiceError } from '../shared/index.ts';
import { addContentHashes, copyToLocal, FileMerger, type ParquetCodec, TablePaths } from '../warehouse/index.ts';
import { checkSameRows, rangesOfFacts, rangesOfFiles, rewriteFooter, timesOf } from './merged-file.ts';
import { type CompactionGroup, type CompactionRules, planCompaction } from './plan-compaction.ts';
import type { RewriteContext } from './rewrite-context.ts';
import { RewriteSession, type StagedFile } from './rewrite-session.ts';
import { type TidyOptions, tidyTable } from './tidy-table.ts';

export interface CompactOptions {
  targetBytes?: number;
  /** Only this folder of the table: `dt=2026-11-21/hr=07`. */
  folder?: string | null;
  /** Hours with events younger than this are left alone. Default two hours. */
  olderThanMs?: number;
  /** Columns to sort the rows of a file by. */
  sortBy?: readonly string[];
  /** Of rows of one hour that agree in all these columns only one stays. */
  unique?: { columns: readonly string[]; keep: 'first' | 'last' } | null;
  codec?: ParquetCodec;
  rowGroupRows?: number;
  /** Only say what would be done. */
  dryRun?: boolean;
  /** For local copies: twice the target size. The system's folder when left out. */
  scratchDirectory?: string;
  /** Of the native library, as in `512MB`. */
  memoryLimit?: string;
  tidy?: Partial<TidyOptions>;
  onGroup?: (group: CompactedGroup) => void;
}

/** One merge, done or (in a dry run) to be done. */
export interface CompactedGroup {
  folder: string;
  files: number;
  rows: number;
  bytesBefore: number;
  /** Null: not done. */
  bytesAfter: number | null;
  deduplicated: number;
  /** Of the record in the table's chain. */
  sequence: number | null;
  /** Why it was not done; null: it was, or it was only looked at. */
  skipped: string | null;
}

export interface CompactReport {
  table: string;
  groups: CompactedGroup[];
  /** Merges that failed, though nothing had changed meanwhile. */
  failed: number;
}

const defaultTargetBytes = 256 * 1024 * 1024;

/** Merges the small files of hours that are over. Every merge is one record of the table's chain; a failed one changes nothing. */
export async function compactTable(context: RewriteContext, options: CompactOptions = {}): Promise<CompactReport> {
  const { chain, signal, table, logger } = context;
  if (!options.dryRun) await tidyTable(context, options.tidy);
  else await chain.refresh({ signal });
  const rules: CompactionRules = {
    targetBytes: options.targetBytes ?? defaultTargetBytes,
    folder: options.folder ?? null,
    olderThanMs: options.olderThanMs ?? 2 * 3_600_000,
    wholeFolders: Boolean(options.unique),
  };
  const report: CompactReport = { table, groups: [], failed: 0 };
  const merger = new FileMerger({ scratchDirectory: options.scratchDirectory, memoryLimit: options.memoryLimit });
  try {
    for (const group of await planCompaction(context, chain.state, rules)) {
      const done = options.dryRun ? describe(group) : await compactOne(context, merger, group, options, report);
      report.groups.push(done);
      options.onGroup?.(done);
      logger.info({ ...done }, 'FilesCompacted');
    }
  } finally {
    await merger.close();
  }
  return report;
}

function describe(group: CompactionGroup): CompactedGroup {
  return {
    folder: group.folder,
    files: group.files.length,
    rows: group.files.reduce((sum, file) => sum + file.rowCount, 0),
    bytesBefore: group.files.reduce((sum, file) => sum + file.size, 0),
    bytesAfter: null,
    deduplicated: 0,
    sequence: null,
    skipped: null,
  };
}

/** Somebody else may have rewritten the files meanwhile: then there is nothing to do any more. */
async function compactOne(
  context: RewriteContext,
  merger: FileMerger,
  group: CompactionGroup,
  options: CompactOptions,
  report: CompactReport,
): Promise<CompactedGroup> {
  try {
    return await new Compaction(context, merger, group, options).run();
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof SluiceError)) throw error;
    const isOvertaken = error instanceof LedgerError && error.code === 'conflict';
    if (!isOvertaken && !(error.code === 'wrong-size' && error.isRetriable)) report.failed++;
    return { ...describe(group), skipped: describeError(error) };
  }
}

class Compaction {
  readonly #context: RewriteContext;
  readonly #merger: FileMerger;
  readonly #group: CompactionGroup;
  readonly #options: CompactOptions;

  constructor(context: RewriteContext, merger: FileMerger, group: CompactionGroup, options: CompactOptions) {
    this.#context = context;
    this.#merger = merger;
    this.#group = group;
    this.#options = options;
  }

  async run(): Promise<CompactedGroup> {
    const reason = `sluice compact: ${this.#group.files.length} files of ${this.#group.folder}`;
    const session = await RewriteSession.begin(this.#context, { operation: 'compact', scope: null, reason });
    return await session.run(async () => {
      const copies = await this.#copy();
      try {
        return await this.#merge(session, copies);
      } finally {
        await this.#merger.remove(copies);
      }
    });
  }

  async #copy(): Promise<string[]> {
    const { files, table, signal } = this.#context;
    const { root } = new TablePaths(table);
    await this.#merger.open();
    const copies: string[] = [];
    for (const { path, size } of this.#group.files) {
      const copy = this.#merger.newPath('.parquet');
      copies.push(copy);
      await copyToLocal(files, `${root}/${path}`, copy, size, signal);
    }
    return copies;
  }

  async #merge(session: RewriteSession, copies: readonly string[]): Promise<CompactedGroup> {
    const { signal } = this.#context;
    const { schema, folder } = this.#group;
    const unique = this.#options.unique ?? null;
    const deduplicated = unique ? await this.#findDoubles(copies, unique) : [];
    const facts = this.#facts(deduplicated.length === 0 ? null : await this.#countUnique(copies, deduplicated));
    const merged = await this.#merger.merge(copies, schema, {
      codec: this.#options.codec ?? 'zstd',
      rowGroupRows: this.#options.rowGroupRows ?? 122_880,
      sortBy: this.#options.sortBy ?? [],
      condition: null,
      unique,
      metadata: rewriteFooter(facts, 'compact'),
      signal,
    });
    try {
      // What was written is read again, row by row: the new footer tells the truth, and no row was lost or changed.
      checkSameRows(folder, facts.ranges, await this.#merger.facts([merged.path], schema, { signal }));
      const staged = await session.stage(merged.path, merged.size, 'parquet');
      const replaced = this.#group.files.map(({ sequence: _sequence, staged: _staged, ...file }) => file);
      const record = await session.commit(({ sequence }) => {
        const path = `${folder}/${rewriteFileName(facts.topic, sequence + 1, 0)}`;
        return {
          replaced,
          added: [{ ...facts, size: merged.size, staged, path }],
          deduplicated,
          replayed: [],
          accounts: [],
        };
      });
      const dropped = deduplicated.reduce(
        (sum, { runs }) => sum + runs.reduce((n, r) => n + Number(r.next - r.first), 0),
        0,
      );
      return {
        ...describe(this.#group),
        bytesAfter: merged.size,
        deduplicated: dropped,
        sequence: record.sequence,
      };
    } finally {
      await this.#merger.remove([merged.path]);
    }
  }

  /** What the new file will hold: everything the old ones hold, or what was counted without doubles. */
  #facts(counted: ReturnType<typeof rangesOfFiles> | null): Omit<StagedFile, 'size' | 'staged'> {
    const { files, schema } = this.#group;
    const { topic, topicId } = files[0]!;
    const ranges = counted ?? rangesOfFiles(files);
    return {
      topic,
      topicId,
      partition: ranges.length === 1 ? ranges[0]!.partition : null,
      ranges,
      rowCount: ranges.reduce((sum, range) => sum + range.rowCount, 0),
      ...timesOf(files),
      contentHash: ranges.map(({ contentHash }) => contentHash).reduce(addContentHashes, '0'.repeat(32)),
      schemaId: schema.id,
    };
  }

  async #findDoubles(
    copies: readonly string[],
    unique: NonNullable<CompactOptions['unique']>,
  ): Promise<PartitionRuns[]> {
    const { topicId } = this.#group.files[0]!;
    const doubles = await this.#merger.doubles(copies, unique, this.#context.signal);
    return [...doubles].map(([partition, offsets]) => ({ topicId, partition, runs: runsOf(offsets) }));
  }

  /** The rows that stay, counted from the old files; the old files are checked on the way. */
  async #countUnique(copies: readonly string[], deduplicated: readonly PartitionRuns[]) {
    const { files, schema, folder } = this.#group;
    const { signal } = this.#context;
    checkSameRows(folder, rangesOfFiles(files), await this.#merger.facts(copies, schema, { signal }));
    const condition = `NOT (${deduplicated.map(conditionOf).join(' OR ')})`;
    return rangesOfFacts(files[0]!.topicId, await this.#merger.facts(copies, schema, { condition, signal }));
  }
}

function conditionOf({ partition, runs }: PartitionRuns): string {
  const within = runs.map(({ first, next }) => `(_offset >= ${first} AND _offset < ${next})`);
  return `(_partition = ${partition} AND (${within.join(' OR ')}))`;
}

function runsOf(offsets: readonly bigint[]): OffsetRun[] {
  const runs: OffsetRun[] = [];
  for (const offset of offsets) {
    const last = runs.at(-1);
    if (last?.next === offset) last.next = offset + 1n;
    else runs.push({ first: offset, next: offset + 1n });
  }
  return runs;
}
