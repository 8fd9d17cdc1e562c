import { createHash } from 'node:crypto';
import {
  type CloseHoursReport,
  closeHours,
  decodeManifest,
  type HourCluster,
  type HourManifest,
} from '../../../src/hours/index.ts';
import {
  checkTopicIdentity,
  liveFiles,
  PartitionChain,
  rewriteFileName,
  rewriteStaging,
  settleLayout,
  TableChain,
  type TableFile,
} from '../../../src/offsets/index.ts';
import type { Clock } from '../../../src/shared/index.ts';
import {
  addContentHashes,
  type LayoutOptions,
  partFileName,
  TablePaths,
  TimeFolders,
  type WarehouseFiles,
} from '../../../src/warehouse/index.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';

// A small world for the closer of hours: logs that are arrays, loaders that write the real ledger, files whose content is their
// name, and a clock that only the test moves. The ledger, the table's chain and the closer are the real ones.

export const worldTopic = 'events';
export const worldTopicId = 'cd'.repeat(16);
const clusterId = 'cluster-1';

export interface WorldRecord {
  eventMs: number;
}

export class HourWorld {
  readonly disk = new MemoryDisk();
  readonly files = new MemoryFiles(this.disk);
  readonly logs: WorldRecord[][];
  readonly times: TimeFolders;
  readonly clock: Clock;
  readonly #layout: LayoutOptions;
  readonly #chains = new Map<number, PartitionChain>();
  #serial = 0;

  constructor(options: { partitions?: number; startMs: number; layout?: LayoutOptions }) {
    this.logs = Array.from({ length: options.partitions ?? 1 }, () => []);
    this.#layout = options.layout ?? {};
    this.times = new TimeFolders(this.#layout);
    this.disk.nowMs = options.startMs;
    const next = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));
    this.clock = { nowMs: () => this.disk.nowMs, monotonicMs: () => this.disk.nowMs, sleep: next };
  }

  /** The table comes to be. */
  async begin(): Promise<this> {
    const found = { topic: worldTopic, topicId: worldTopicId, clusterId, acceptedBy: 'test' };
    await settleLayout(this.files, worldTopic, this.#layout);
    await checkTopicIdentity(this.files, worldTopic, found);
    return this;
  }

  set nowMs(nowMs: number) {
    this.disk.nowMs = nowMs;
  }

  get nowMs(): number {
    return this.disk.nowMs;
  }

  produce(partition: number, ...eventTimes: number[]): void {
    this.logs[partition]!.push(...eventTimes.map((eventMs) => ({ eventMs })));
  }

  /** Somebody claims the partition, as after a hand-over or a crash: moves left undone are made by then. */
  async claim(partition: number): Promise<void> {
    const id = { table: worldTopic, topic: worldTopic, topicId: worldTopicId, partition };
    const chain = await PartitionChain.open(this.files, id, { clock: this.clock, eraRecords: 20 });
    const owner = { clusterId, group: 'g', member: `m${this.#serial++}`, generation: this.#serial, host: 'test' };
    await chain.claim(owner, { startOffset: 0n, confirmMembership: async () => true });
    this.#chains.set(partition, chain);
  }

  /** Commits up to `count` records, one file per hour. `moves` false: dies before they become visible. */
  async load(partition: number, count = Number.MAX_SAFE_INTEGER, moves = true): Promise<void> {
    if (!this.#chains.has(partition)) await this.claim(partition);
    const chain = this.#chains.get(partition)!;
    const first = Number(chain.checkpoint!);
    const next = Math.min(this.logs[partition]!.length, first + count);
    if (next === first) return;
    const byFolder = new Map<string, number[]>();
    for (let offset = first; offset < next; offset++) {
      const { folder } = this.times.at(this.logs[partition]![offset]!.eventMs);
      byFolder.set(folder, [...(byFolder.get(folder) ?? []), offset]);
    }
    const sequence = chain.nextSequence;
    const files = await Promise.all(
      [...byFolder].map(async ([folder, offsets]) => {
        const path = `${folder}/${partFileName(worldTopic, partition, BigInt(offsets[0]!), BigInt(offsets.at(-1)!), sequence)}`;
        const staged = `${chain.stagingFolder}/${this.#serial++}.parquet`;
        const bytes = Buffer.from(path);
        await this.files.create(staged, { bytes });
        const times = offsets.map((offset) => this.logs[partition]![offset]!.eventMs);
        return {
          staged: staged.slice(new TablePaths(worldTopic).root.length + 1),
          path,
          size: bytes.length,
          firstOffset: BigInt(offsets[0]!),
          lastOffset: BigInt(offsets.at(-1)!),
          rowCount: offsets.length,
          minTimeMs: BigInt(Math.min(...times)),
          maxTimeMs: BigInt(Math.max(...times)),
          contentHash: offsets.map((offset) => rowHash(partition, offset)).reduce(addContentHashes),
          schemaId: 1,
        };
      }),
    );
    const none = { dead: [], filtered: [], control: [], gaps: [] };
    await chain.commit({
      first: BigInt(first),
      next: BigInt(next),
      files,
      deadLetters: null,
      notLanded: none,
      landedCount: BigInt(next - first),
      cause: 'age',
      leaderEpoch: 0,
    });
    if (moves) {
      await chain.finishMoves();
      await chain.turnEraIfDue();
    } else this.#chains.delete(partition);
  }

  /** Replaces all files of an hour by one with the same rows, as a compaction does. */
  async compact(hour: string): Promise<void> {
    const { folder } = this.times.parse(hour);
    const replaced: TableFile[] = [];
    for await (const { sequence: _, staged: __, ...file } of liveFiles(this.files, worldTopic, { hour: folder })) {
      replaced.push(file);
    }
    const chain = await TableChain.open(this.files, worldTopic, { clock: this.clock });
    const reason = 'test';
    const intent = await chain.append((state) => {
      return { kind: 'intent', operation: 'compact', staging: rewriteStaging(state.sequence + 1), scope: null, reason };
    });
    const staged = `${intent!.staging}/merged.parquet`;
    const bytes = Buffer.from(replaced.map(({ path }) => path).join());
    await this.files.create(`/${worldTopic}/${staged}`, { bytes });
    const [first] = replaced;
    await chain.append((state) => {
      const added = {
        ...{ ...first!, staged, partition: null, size: bytes.length, ranges: replaced.flatMap(({ ranges }) => ranges) },
        path: `${folder}/${rewriteFileName(worldTopic, state.sequence + 1, 0)}`,
        rowCount: replaced.reduce((sum, { rowCount }) => sum + rowCount, 0),
        contentHash: replaced.map(({ contentHash }) => contentHash).reduce(addContentHashes),
      };
      const empty = { deduplicated: [], replayed: [], accounts: [], undoes: null };
      return {
        kind: 'rewrite',
        operation: 'compact',
        intent: intent!.sequence,
        replaced,
        added: [added],
        ...empty,
        reason,
      };
    });
    await chain.finishMoves();
  }

  cluster(): HourCluster {
    return {
      clusterId: async () => clusterId,
      topics: async () => {
        const partitions = this.logs.map((_, partition) => ({ partition, leaderId: 0, leaderEpoch: 0 }));
        return [{ name: worldTopic, topicId: worldTopicId, isInternal: false, partitions }] as never;
      },
      listOffsets: async () => {
        const ends = this.logs.map((log, partition) => [partition, { offset: BigInt(log.length) }] as const);
        return new Map(ends) as never;
      },
    };
  }

  async close(
    options: { files?: WarehouseFiles; latenessMs?: number; hours?: string[] } = {},
  ): Promise<CloseHoursReport> {
    const { files = this.files, latenessMs = 600_000, hours = [] } = options;
    return await closeHours({
      files,
      table: worldTopic,
      cluster: this.cluster(),
      latenessMs,
      clock: this.clock,
      hours,
    });
  }

  async states(): Promise<Map<string, { state: string; revision: number; manifest: string | null }>> {
    return new Map((await TableChain.open(this.files, worldTopic)).state.hours);
  }

  /** Paths of the visible manifests of an hour, oldest first. */
  manifests(hour: string): string[] {
    const { folder } = this.times.parse(hour);
    const paths = this.disk.paths(`/${worldTopic}/${folder}/_manifest-`);
    return paths.sort((a, b) => revisionOf(a) - revisionOf(b));
  }

  /** The manifest that readers go by. */
  manifest(hour: string): HourManifest {
    const path = this.manifests(hour).at(-1)!;
    return decodeManifest(this.disk.bytes(path), path);
  }

  isDone(hour: string): boolean {
    return this.disk.paths(`/${worldTopic}/${this.times.parse(hour).folder}/_SUCCESS`).length === 1;
  }

  /** Visible data files of an hour, relative to the table. */
  visible(hour: string): string[] {
    const root = `/${worldTopic}/`;
    return this.disk.paths(`${root}${this.times.parse(hour).folder}/part+`).map((path) => path.slice(root.length));
  }

  /** What the log holds of an hour below these ends, per partition exclusive; all of it when they are left out. */
  expected(hour: string, ends?: readonly bigint[]): { rowCount: bigint; contentHash: string } {
    let rowCount = 0n;
    let contentHash = '0'.repeat(32);
    for (const [partition, log] of this.logs.entries()) {
      for (const [offset, { eventMs }] of log.entries()) {
        if (ends && offset >= Number(ends[partition])) break;
        if (this.times.at(eventMs).key !== hour) continue;
        rowCount++;
        contentHash = addContentHashes(contentHash, rowHash(partition, offset));
      }
    }
    return { rowCount, contentHash };
  }
}

function rowHash(partition: number, offset: number): string {
  return createHash('sha256').update(`${partition}/${offset}`).digest('hex').slice(0, 32);
}

function revisionOf(path: string): number {
  return Number(/_manifest-(\d+)\.json$/.exec(path)![1]);
}
