import { hostname, userInfo } from 'node:os';
import type { KnownTopic, RangeLoadSettings } from '../loader/index.ts';
import {
  checkTopicIdentity,
  countOffsets,
  joinRuns,
  listTopics,
  type OffsetRun,
  PartitionAccounts,
  PartitionChain,
  readChain,
  rewriteStaging,
  runsOf,
  subtractRuns,
} from '../offsets/index.ts';
import { ColumnScan, TablePaths } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import { type FoundFile, findFiles } from './found-files.ts';
import { type DeadOffsets, type FileOffsets, planRebuild, type RebuildPlan } from './rebuild-plan.ts';
import { reloadRange } from './reload-range.ts';
import type { RewriteContext } from './rewrite-context.ts';

export interface RebuildOptions {
  /** To read again what no file explains; null: it is declared a gap, and shown as unproven. */
  source: {
    cluster: KafkaCluster;
    clusterId: string;
    topics: readonly KnownTopic[];
    settings: RangeLoadSettings;
  } | null;
  dryRun?: boolean;
  reason: string;
}

export interface RebuiltPartition {
  table: string;
  topic: string;
  topicId: string;
  partition: number;
  first: bigint;
  next: bigint;
  files: number;
  landed: bigint;
  dead: bigint;
  /** Offsets that were read from the log again. */
  reread: bigint;
  /** Offsets that nothing explains; the ledger has them as gaps. */
  unproven: bigint;
  unprovenRuns: OffsetRun[];
}

export interface RebuildReport {
  partitions: RebuiltPartition[];
  /** Visible files that are not Sluice's, or are damaged. */
  unknown: string[];
}

/**
 * Writes the chains of partitions that have lost them, from what the visible files and the dead letters say: footers for the
 * facts, the column `_offset` for the exact offsets. Chains that are there are left alone.
 */
export async function rebuildLedger(context: RewriteContext, options: RebuildOptions): Promise<RebuildReport> {
  const { files, unknown } = await findFiles(context);
  const report: RebuildReport = { partitions: [], unknown };
  const ids = new Map(
    files.flatMap((file) => file.ranges.map((range) => [`${range.topicId}/${range.partition}`, { file, range }])),
  );
  for (const { file, range } of [...ids.values()].sort((a, b) => a.range.partition - b.range.partition)) {
    const { topicId, partition } = range;
    const state = await readChain(
      context.files,
      { table: context.table, topicId, partition },
      file.topic,
      context.signal,
    );
    if (state.sequence > 0) continue;
    const rebuilt = await new PartitionRebuild(context, options, files, {
      topic: file.topic,
      topicId,
      partition,
    }).run();
    if (rebuilt) report.partitions.push(rebuilt);
  }
  return report;
}

/** Stretches of unexplained offsets that are nearer to each other are read again as one. */
const nearOffsets = 10_000n;

class PartitionRebuild {
  readonly #context: RewriteContext;
  readonly #options: RebuildOptions;
  readonly #found: readonly FoundFile[];
  readonly #place: { topic: string; topicId: string; partition: number };

  constructor(
    context: RewriteContext,
    options: RebuildOptions,
    found: readonly FoundFile[],
    place: { topic: string; topicId: string; partition: number },
  ) {
    this.#context = context;
    this.#options = options;
    this.#found = found;
    this.#place = place;
  }

  async run(): Promise<RebuiltPartition | null> {
    const { topicId, partition } = this.#place;
    const offsets = await this.#readOffsets();
    const staged = (path: string): string => `_sluice/staging/${topicId}/${partition}/rebuilt/${path}`;
    const plan = planRebuild(offsets, await this.#readDead(), staged);
    if (!plan) return null;
    let reread = 0n;
    let unproven = this.#unexplained(plan);
    if (!this.#options.dryRun) {
      await this.#writeChain(plan);
      await this.#adoptRewritten(plan);
      if (this.#options.source) {
        reread = await this.#reread(unproven);
        unproven = [];
      }
    }
    const sum = (pick: (commit: RebuildPlan['commits'][number]) => bigint): bigint =>
      plan.commits.reduce((total, commit) => total + pick(commit), 0n);
    return {
      table: this.#context.table,
      ...this.#place,
      first: plan.first,
      next: plan.next,
      files: offsets.length,
      landed: sum((commit) => commit.landedCount) + countOffsets(plan.rewritten),
      dead: sum((commit) => countOffsets(commit.notLanded.dead)),
      reread,
      unproven: countOffsets(unproven),
      unprovenRuns: unproven.slice(0, 100),
    };
  }

  /** What the table's chain, where it is whole, does not explain either. */
  #unexplained({ first, next, unproven }: RebuildPlan): OffsetRun[] {
    const accounts = new PartitionAccounts(this.#context.chain.state, this.#place);
    const { deduplicated } = accounts.resolve(first, next, { dead: [], filtered: [], control: [], gaps: [] });
    return subtractRuns(unproven, joinRuns(accounts.covered, deduplicated));
  }

  async #readOffsets(): Promise<FileOffsets[]> {
    const { topicId, partition } = this.#place;
    const { files, signal, table } = this.#context;
    const { root } = new TablePaths(table);
    const columns = new ColumnScan();
    const all: FileOffsets[] = [];
    try {
      for (const file of this.#found) {
        if (!file.ranges.some((range) => range.topicId === topicId && range.partition === partition)) continue;
        const read = (offset: number, length: number): Promise<Buffer> =>
          files.read(`${root}/${file.path}`, { offset, length, signal });
        const where = file.ranges.length === 1 ? null : { column: '_partition', equals: partition };
        let runs: OffsetRun[] = [];
        for await (const piece of columns.integers(read, file.size, '_offset', signal, where)) {
          runs = joinRuns(runs, runsOf(piece));
        }
        all.push({ file, runs });
      }
      return all;
    } finally {
      await columns.close();
    }
  }

  async #readDead(): Promise<DeadOffsets[]> {
    const { topicId, partition } = this.#place;
    const { files, signal, table } = this.#context;
    const paths = new TablePaths(table);
    const folder = paths.deadLetterFolder(topicId, partition);
    const found: DeadOffsets[] = [];
    for (const { name, size } of await files.list(folder, { signal })) {
      if (!/^dead\+\d{20}\+\d{20}\+\d{20}\.jsonl$/.test(name)) continue; // those of rewrites stand in the table's chain
      const lines = (await files.read(`${folder}/${name}`, { signal })).toString('utf8').split('\n');
      const offsets = lines
        .filter((line) => line !== '')
        .map((line) => BigInt((JSON.parse(line) as { offset: string }).offset));
      found.push({ path: `${folder}/${name}`.slice(paths.root.length + 1), size, runs: runsOf(offsets) });
    }
    return found;
  }

  async #writeChain(plan: RebuildPlan): Promise<void> {
    const { files, table, clock, logger, signal } = this.#context;
    const { topic, topicId } = this.#place;
    const known = (await listTopics(files, table, signal)).find((identity) => identity.topicId === topicId);
    const clusterId = known?.clusterId ?? this.#options.source?.clusterId ?? '';
    const user = userInfo().username;
    if (!known && clusterId !== '') {
      const identity = { topic, topicId, clusterId, acceptedBy: `${user}: ${this.#options.reason}` };
      await checkTopicIdentity(files, table, identity, { acceptRecreated: true, signal });
    }
    const chain = await PartitionChain.open(files, { table, ...this.#place }, { clock, logger, signal });
    const owner = {
      clusterId,
      group: 'operator',
      member: `${user}-${process.pid}`,
      generation: -1,
      host: `${hostname()}:${process.pid}`,
    };
    await chain.claim(owner, { startOffset: plan.first, takeOver: `${user}: ${this.#options.reason}`, signal });
    for (const commit of plan.commits) {
      await chain.adopt({ ...commit, cause: 'requested', leaderEpoch: -1 }, { signal });
      await chain.finishMoves({ signal });
      await chain.turnEraIfDue({ signal });
    }
    await chain.release({ signal });
  }

  /** Rows of rewritten files are accounted for in the table's chain, which gets the files too when it does not know them. */
  async #adoptRewritten({ rewritten }: RebuildPlan): Promise<void> {
    if (rewritten.length === 0) return;
    const { chain, signal } = this.#context;
    const { topicId, partition } = this.#place;
    const { reason } = this.#options;
    const intent = await chain.append(
      ({ sequence }) => ({
        kind: 'intent',
        operation: 'backfill',
        staging: rewriteStaging(sequence + 1),
        scope: null,
        reason,
      }),
      { signal },
    );
    const record = await chain.append(
      (state) => ({
        kind: 'rewrite',
        operation: 'backfill',
        intent: intent!.sequence,
        replaced: [],
        added: this.#found
          .filter(({ isRewritten, path }) => isRewritten && !state.added.has(path) && !state.replaced.has(path))
          .map(({ isRewritten: _isRewritten, ...file }) => ({ ...file, staged: `${intent!.staging}/${file.path}` })),
        deduplicated: [],
        replayed: [],
        accounts: rewritten.map(({ first, next }) => ({
          topicId,
          partition,
          first,
          next,
          landedCount: next - first,
          notLanded: { dead: [], filtered: [], control: [], gaps: [] },
          deadLetters: null,
        })),
        undoes: null,
        reason,
      }),
      { signal },
    );
    await chain.finishMoves({ signal });
    await chain.append(() => ({ kind: 'expire', rewrites: [record!.sequence] }), { signal });
  }

  async #reread(unproven: readonly OffsetRun[]): Promise<bigint> {
    const { cluster, topics, settings } = this.#options.source!;
    const { topicId, partition } = this.#place;
    const topic = topics.find((known) => known.topicId === topicId);
    if (!topic) return 0n;
    let count = 0n;
    for (const { first, next } of joinNear(unproven)) {
      await reloadRange(this.#context, {
        cluster,
        topic,
        partition,
        first,
        next,
        settings,
        reason: this.#options.reason,
      });
      count += next - first;
    }
    return count;
  }
}

function joinNear(runs: readonly OffsetRun[]): OffsetRun[] {
  const joined: OffsetRun[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last && runs.length > 100 && run.first - last.next < nearOffsets) last.next = run.next;
    else joined.push({ ...run });
  }
  return joined;
}
