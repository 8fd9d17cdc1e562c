/**
 * A seeded world around one table: loaders that commit to their partitions, compactors, a reloader, an undoer and a janitor, all
 * over one `MemoryDisk`. Calls interleave at random, get lost, come late; actors crash and come back as somebody else.
 *
 * The twin: a row has a content hash that follows from its partition and offset alone. So at any moment the live files together
 * must have the hash of all offsets below the checkpoints, whatever was merged, replaced, restored or left half done.
 */
import { createHash } from 'node:crypto';
import {
  LedgerError,
  type LiveFile,
  liveFiles,
  PartitionChain,
  readChain,
  rewriteFileName,
  rewriteStaging,
  TableChain,
  type TableFile,
} from '../../../src/offsets/index.ts';
import { type RewriteContext, tidyTable, undoRewrite } from '../../../src/rewrites/index.ts';
import { type Clock, silentLogger } from '../../../src/shared/index.ts';
import { addContentHashes } from '../../../src/warehouse/index.ts';
import { type CallFault, CrashedError, MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const topicId = 'cd'.repeat(16);
const table = 'events';
const folder = 'dt=2026-11-21/hr=07';
const zero = '0'.repeat(32);

export function rowHash(partition: number, offset: bigint): string {
  return createHash('sha256').update(`${partition}/${offset}`).digest('hex').slice(0, 32);
}

function rangeHash(partition: number, first: bigint, next: bigint): string {
  let sum = zero;
  for (let offset = first; offset < next; offset++) sum = addContentHashes(sum, rowHash(partition, offset));
  return sum;
}

export interface WorldOptions {
  partitions: number;
  stepsPerActor: number;
  faultRate: number;
  crashRate: number;
}

export class RewriteWorld {
  readonly disk = new MemoryDisk();
  readonly random: () => number;
  readonly #options: WorldOptions;
  #serial = 0;
  #isCalm = false;
  readonly done = { commits: 0, compactions: 0, reloads: 0, undos: 0, crashes: 0, conflicts: 0 };
  readonly errors: unknown[] = [];

  constructor(seed: number, options: WorldOptions) {
    this.random = seededRandom(seed);
    this.#options = options;
  }

  readonly #clock: Clock = {
    nowMs: () => this.disk.nowMs,
    monotonicMs: () => 0,
    sleep: () => this.#pause(),
  };

  #unique = (): string => `u${(this.#serial++).toString(36)}`;

  /** A few turns of the event loop: that is how the actors interleave. */
  async #pause(): Promise<void> {
    for (let turns = Math.floor(this.random() * 3); turns >= 0; turns--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #fault = (): CallFault => {
    this.disk.nowMs += 1000;
    if (this.disk.delayedCount > 0 && this.random() < 0.05) this.disk.runDelayed();
    if (this.#isCalm) return 'none';
    if (this.random() < this.#options.crashRate) return this.random() < 0.5 ? 'crash-before' : 'crash-after';
    const faults: CallFault[] = ['lost-before', 'lost-after', 'delayed', 'partial'];
    return this.random() < this.#options.faultRate ? faults[Math.floor(this.random() * faults.length)]! : 'none';
  };

  #client(): MemoryFiles {
    return new MemoryFiles(this.disk, { turn: () => this.#pause(), fault: this.#fault });
  }

  async #context(files: MemoryFiles): Promise<RewriteContext> {
    const options = { clock: this.#clock, unique: this.#unique, retryMs: 1, eraRecords: 7, pruneGraceMs: 0 };
    const chain = await TableChain.open(files, table, options);
    const signal = new AbortController().signal;
    return { files, table, chain, clock: this.#clock, logger: silentLogger, signal };
  }

  /** Runs until every actor has done its steps, then lets the dust settle as the next processes would. */
  async run(): Promise<void> {
    const loaders = Array.from({ length: this.#options.partitions }, (_, partition) =>
      this.#live((files) => this.#load(files, partition)),
    );
    const actors = [this.#compact, this.#compact, this.#reload, this.#undo, this.#tidy].map((act) =>
      this.#live(async (files) => {
        const context = await this.#context(files);
        for (let round = 0; round < 3; round++) await act.call(this, context);
      }),
    );
    await Promise.all([...loaders, ...actors]);
    this.#isCalm = true;
    while (this.disk.delayedCount > 0) this.disk.runDelayed();
    const context = await this.#context(this.#client());
    for (let partition = 0; partition < this.#options.partitions; partition++)
      await this.#claim(context.files, partition);
    await tidyTable(context, { abandonedMs: -1, graceMs: 1e12 });
  }

  async #live(act: (files: MemoryFiles) => Promise<void>): Promise<void> {
    for (let step = 0; step < this.#options.stepsPerActor; step++) {
      try {
        await act(this.#client());
      } catch (error) {
        if (error instanceof CrashedError) this.done.crashes++;
        else if (error instanceof LedgerError && error.code === 'conflict') this.done.conflicts++;
        else if (!isExpected(error)) this.errors.push(error);
      }
    }
  }

  async #claim(files: RewriteContext['files'], partition: number): Promise<PartitionChain> {
    const options = { clock: this.#clock, unique: this.#unique, retryMs: 1, eraRecords: 9, pruneGraceMs: 0 };
    const chain = await PartitionChain.open(files, { table, topic: table, topicId, partition }, options);
    const owner = { clusterId: 'c', group: 'g', member: this.#unique(), generation: ++this.#serial, host: 'h' };
    await chain.claim(owner, { startOffset: 0n, takeOver: 'test' });
    return chain;
  }

  async #load(files: MemoryFiles, partition: number): Promise<void> {
    const chain = await this.#claim(files, partition);
    for (let roll = 0; roll < 3; roll++) {
      const first = chain.checkpoint!;
      const next = first + BigInt(1 + Math.floor(this.random() * 3));
      const staged = `${chain.stagingFolder}/${this.#unique()}.parquet`;
      const bytes = Buffer.from(`${partition}: ${first} to ${next} ${staged}`);
      await files.create(staged, { bytes });
      const file = {
        staged: staged.slice(table.length + 2),
        path: `${folder}/part+${table}+${partition}+${first}+${next - 1n}+${chain.nextSequence}.parquet`,
        size: bytes.length,
        firstOffset: first,
        lastOffset: next - 1n,
        rowCount: Number(next - first),
        minTimeMs: 1n,
        maxTimeMs: 2n,
        contentHash: rangeHash(partition, first, next),
        schemaId: 1,
      };
      const notLanded = { dead: [], filtered: [], control: [], gaps: [] };
      const rest = { deadLetters: null, notLanded, landedCount: next - first, cause: 'bytes', leaderEpoch: 0 } as const;
      await chain.commit({ first, next, files: [file], ...rest });
      await chain.finishMoves();
      await chain.turnEraIfDue();
      this.done.commits++;
    }
  }

  async #visible(context: RewriteContext): Promise<TableFile[]> {
    const found: TableFile[] = [];
    for await (const { sequence: _sequence, staged: _staged, ...file } of liveFiles(context.files, table)) {
      if (await context.files.stat(`/${table}/${file.path}`)) found.push(file);
    }
    return found;
  }

  async #compact(context: RewriteContext): Promise<void> {
    const all = await this.#visible(context);
    const replaced = all.filter(() => this.random() < 0.4).slice(0, 4);
    if (replaced.length < 2) return;
    await this.#rewrite(context, 'compact', replaced, null);
    this.done.compactions++;
  }

  /** Reads the offsets of one file of a single partition again, unless other files reach into them. */
  async #reload(context: RewriteContext): Promise<void> {
    const all = await this.#visible(context);
    const singles = all.filter(
      (file) => file.ranges.length === 1 && BigInt(file.rowCount) === file.ranges[0]!.next - file.ranges[0]!.first,
    );
    const file = singles[Math.floor(this.random() * singles.length)];
    if (!file) return;
    const [range] = file.ranges;
    const { topicId: id, partition, first, next } = range!;
    await this.#rewrite(context, 'reload', [file], { topicId: id, partition, first, next });
    this.done.reloads++;
  }

  async #rewrite(
    context: RewriteContext,
    operation: 'compact' | 'reload',
    replaced: TableFile[],
    scope: { topicId: string; partition: number; first: bigint; next: bigint } | null,
  ): Promise<void> {
    const { chain, files } = context;
    const intent = await chain.append((state) => {
      return { kind: 'intent', operation, staging: rewriteStaging(state.sequence + 1), scope, reason: 'test' };
    });
    const staged = `${intent!.staging}/${this.#unique()}.parquet`;
    const bytes = Buffer.from(`${operation} ${staged}`);
    await files.create(`/${table}/${staged}`, { bytes });
    const ranges = replaced.flatMap((file) => file.ranges);
    const hash = ranges.map(({ contentHash }) => contentHash).reduce(addContentHashes, zero);
    const rowCount = replaced.reduce((sum, file) => sum + file.rowCount, 0);
    const notLanded = { dead: [], filtered: [], control: [], gaps: [] };
    const accounts = scope ? [{ ...scope, landedCount: scope.next - scope.first, notLanded, deadLetters: null }] : [];
    await chain.append((state) => ({
      kind: 'rewrite',
      operation,
      intent: intent!.sequence,
      replaced,
      added: [
        {
          ...replaced[0]!,
          partition: null,
          ranges,
          rowCount,
          contentHash: hash,
          size: bytes.length,
          staged,
          path: `${folder}/${rewriteFileName(table, state.sequence + 1, 0)}`,
        },
      ],
      deduplicated: [],
      replayed: [],
      accounts,
      undoes: null,
      reason: 'test',
    }));
    await chain.finishMoves();
  }

  async #undo(context: RewriteContext): Promise<void> {
    const state = await context.chain.refresh();
    const all = [...state.rewrites.values()].filter(({ isActive, isExpired }) => isActive && !isExpired);
    const chosen = all[Math.floor(this.random() * all.length)];
    if (!chosen) return;
    await undoRewrite(context, chosen.sequence, 'test');
    this.done.undos++;
  }

  async #tidy(context: RewriteContext): Promise<void> {
    const abandonedMs = this.random() < 0.3 ? 0 : 100_000;
    await tidyTable(context, { abandonedMs, graceMs: this.random() < 0.3 ? 200_000 : 1e9 });
  }

  /** What the live files hold together, and what they should. */
  async compare(): Promise<{ found: string; expected: string; rows: number; live: LiveFile[] }> {
    const files = new MemoryFiles(this.disk);
    let [found, expected, rows] = [zero, zero, 0];
    const live: LiveFile[] = [];
    for await (const file of liveFiles(files, table)) {
      live.push(file);
      found = addContentHashes(found, file.contentHash);
      rows += file.rowCount;
    }
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      const { next } = await readChain(files, { table, topicId, partition }, table);
      expected = addContentHashes(expected, rangeHash(partition, 0n, next ?? 0n));
    }
    return { found, expected, rows, live };
  }
}

/** Lost answers, lost races, and plans that others have made void; anything else is a bug. */
function isExpected(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? '';
  return ['fenced', 'in-doubt', 'contended', 'file-mismatch', 'uncertain', 'already-exists', 'bad-input'].includes(
    code,
  );
}
