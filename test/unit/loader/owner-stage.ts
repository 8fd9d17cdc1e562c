import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerSettings } from '../../../src/loader/load-options.ts';
import type { CommitSummary } from '../../../src/loader/load-progress.ts';
import type { Membership } from '../../../src/loader/membership.ts';
import type { OwnerContext, PartitionFetching, PartitionLookup } from '../../../src/loader/owner-context.ts';
import type { OwnerEnd } from '../../../src/loader/owner-state.ts';
import { PartitionOwner } from '../../../src/loader/partition-owner.ts';
import type { RollTrace } from '../../../src/loader/roll-trace.ts';
import { TableSchemas } from '../../../src/loader/table-schemas.ts';
import type { Delay } from '../../../src/loader/wait-out.ts';
import { type LedgerOwner, SchemaStore } from '../../../src/offsets/index.ts';
import { type ManualClock, silentLogger } from '../../../src/shared/index.ts';
import {
  type AppendOutcome,
  defaultLayout,
  type EncoderOptions,
  type ParquetEngine,
  type RefusedRecord,
  SchemaConflictError,
  type SealedFile,
  type TableEncoder,
  TablePaths,
  type TableSchema,
  TimeFolders,
  type WarehouseFiles,
} from '../../../src/warehouse/index.ts';
import type { FetchedPartition } from '../../../src/wire/client/index.ts';
import { encodeBatch, RecordCursor, readBatchHeader } from '../../../src/wire/index.ts';
import { type MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';

// A stage for partition owners: a warehouse in memory, a clock that stands still, a log that is an array, and an encoder
// whose files can be read back. The owner, its rolls, its commits and the ledger are the real ones.

export const stageTopic = 'events';
export const stageTopicId = '0123456789abcdef0123456789abcdef';
const batchRecords = 5;

/** The log of the one partition: values by offset, from `start` on. */
export class StageLog {
  values: string[] = [];
  start = 0n;
  leaderEpoch = 0;

  get end(): bigint {
    return BigInt(this.values.length);
  }

  append(...values: string[]): void {
    this.values.push(...values);
  }
}

export interface StageOptions {
  settings?: Partial<WorkerSettings>;
  endOffset?: bigint | null;
  /** Name of the member; owners of one group differ in it. */
  member?: string;
  group?: string;
  generation?: number;
  /** What the group answers; yes when left out. Null: a job, nobody to ask. */
  confirm?: (() => Promise<boolean>) | null;
  /** Members that the coordinator knows. */
  groupMembers?: () => string[];
  /** Whether the group refuses positions at the moment. */
  refusesPositions?: () => boolean;
  files?: WarehouseFiles;
  schemaOf?: (rows: readonly string[]) => TableSchema;
}

/** One owner with all it needs; several may share a disk, a log and a clock. */
export class OwnerStage {
  readonly owner: PartitionOwner;
  readonly commits: CommitSummary[] = [];
  readonly traces: RollTrace[] = [];
  readonly delays: Delay[] = [];
  readonly owned: bigint[] = [];
  readonly positions: bigint[] = [];
  readonly assigned: bigint[] = [];
  readonly files: WarehouseFiles;
  ended: OwnerEnd | null = null;
  identity: LedgerOwner;
  readonly #log: StageLog;
  readonly #scratch: string;
  #fetchPosition: bigint | null = null;
  #isPaused = false;
  run: Promise<OwnerEnd> | null = null;

  constructor(disk: MemoryDisk, log: StageLog, clock: ManualClock, options: StageOptions = {}) {
    this.files = options.files ?? new MemoryFiles(disk);
    this.#log = log;
    this.#scratch = mkdtempSync(join(tmpdir(), 'loader-stage-'));
    this.identity = {
      clusterId: 'cluster-1',
      group: options.group ?? 'group-1',
      member: options.member ?? 'member-1',
      generation: options.generation ?? 1,
      host: 'test:1:0',
    };
    const settings = { ...stageSettings, ...options.settings };
    const context: OwnerContext = {
      settings,
      cluster: this.#lookup(options),
      fetching: this.#fetching(),
      membership: this.#membership(options),
      files: this.files,
      engine: stageEngine,
      clock,
      logger: silentLogger,
      onCommitted: (commit) => this.commits.push(commit),
      onOwned: (_topic, _partition, checkpoint) => this.owned.push(checkpoint),
      onRolled: (trace) => this.traces.push(trace),
      onDelayed: (_topic, _partition, delay) => this.delays.push(delay),
    };
    const store = new SchemaStore(this.files, stageTopic);
    const table = {
      table: stageTopic,
      paths: new TablePaths(stageTopic),
      layout: defaultLayout,
      times: new TimeFolders(),
      partitionColumns: [],
      schemas: new TableSchemas({ store, declared: null, infer: () => stageSchema }),
    };
    const partition = {
      topic: stageTopic,
      topicId: stageTopicId,
      ownId: null,
      partition: 0,
      endOffset: options.endOffset ?? null,
    };
    this.owner = new PartitionOwner({ partition, context, table, scratch: join(this.#scratch, 'owner') });
  }

  start(): this {
    this.run = this.owner.run().then((end) => (this.ended = end));
    return this;
  }

  /** Hands over the next fetch, if the owner wants one and there is anything. */
  pump(maxBatches = 2): void {
    const from = this.#fetchPosition;
    if (from === null || this.#isPaused || from >= this.#log.end) return;
    const batches = [];
    let next = from;
    while (batches.length < maxBatches && next < this.#log.end) {
      const last = next + BigInt(batchRecords) < this.#log.end ? next + BigInt(batchRecords) : this.#log.end;
      const records = this.#log.values.slice(Number(next), Number(last)).map((value) => ({ key: null, value }));
      const bytes = encodeBatch(records, {
        baseOffset: next,
        timestampMs: 1_795_219_200_000n,
        leaderEpoch: this.#log.leaderEpoch,
      });
      batches.push({ bytes, header: readBatchHeader(bytes), isAborted: false });
      next = last;
    }
    this.#fetchPosition = next;
    this.owner.offer(this.fetched(from, next, batches));
  }

  /** Hands over an answer as it is. */
  fetched(
    fetchOffset: bigint,
    nextOffset: bigint,
    batches: FetchedPartition['batches'],
    error: FetchedPartition['error'] = null,
  ): FetchedPartition {
    const { end, start, leaderEpoch } = this.#log;
    return {
      topic: stageTopic,
      topicId: stageTopicId,
      partition: 0,
      fetchOffset,
      batches,
      nextOffset,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: start,
      leaderEpoch,
      error,
    };
  }

  close(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  #fetching(): PartitionFetching {
    return {
      assign: (_topic, _partition, offset) => {
        this.assigned.push(offset);
        this.#fetchPosition = offset;
        this.#isPaused = false;
      },
      unassign: () => {
        this.#fetchPosition = null;
      },
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
      },
      progress: () => null,
    };
  }

  #lookup(options: StageOptions): PartitionLookup {
    return {
      listOffsets: async (_topic, _partitions, at) => {
        const offset = at === 'earliest' ? this.#log.start : this.#log.end;
        return new Map([[0, { offset, timestampMs: -1n, leaderEpoch: this.#log.leaderEpoch }]]);
      },
      endOffsetForEpoch: async () => ({ leaderEpoch: this.#log.leaderEpoch, endOffset: this.#log.end }),
      describeGroup: async (groupId) => ({
        groupId,
        state: 'Stable',
        protocolType: 'consumer',
        protocol: 'cooperative-sticky',
        members: (options.groupMembers?.() ?? []).map((memberId) => ({
          memberId,
          instanceId: null,
          clientId: 'test',
          clientHost: '/127.0.0.1',
          partitions: [],
        })),
      }),
    };
  }

  #membership(options: StageOptions): Membership {
    const confirm = options.confirm === null ? null : (options.confirm ?? (async () => true));
    return {
      owner: () => this.identity,
      confirm: confirm === null ? null : () => confirm(),
      publishPosition: async (_topic, _partition, next) => {
        if (options.refusesPositions?.()) return false;
        this.positions.push(next);
        return true;
      },
    };
  }
}

export const stageSchema: TableSchema = {
  id: 0,
  mode: 'inferred',
  keyType: 'bytes',
  columns: [{ name: 'v', type: 'string', isRequired: false }],
};

const stageSettings: WorkerSettings = {
  workerIndex: 0,
  brokers: ['test:1'],
  clientConfig: null,
  topics: [stageTopic],
  warehouseUrl: 'memory:///',
  user: null,
  group: 'group-1',
  instanceId: null,
  manual: null,
  endOffsets: null,
  timeField: null,
  contract: null,
  format: null,
  schema: null,
  rollBytes: 1_000_000,
  rollAgeMs: 60_000,
  rollRecords: 1_000_000,
  rollEveryMs: null,
  freshnessMs: null,
  maxFolders: 1000,
  layout: {},
  engine: 'duckdb',
  codec: 'zstd',
  rowGroupRows: 1000,
  maxFutureMs: 86_400_000,
  memoryBytes: 100_000_000,
  skipBudget: 1,
  onGap: 'stop',
  takeOver: null,
  acceptRecreatedTopic: false,
  sessionTimeoutMs: 15_000,
  rebalanceTimeoutMs: 60_000,
  ownerCheckMs: 5_000,
  scratchDirectory: tmpdir(),
};

/** `poison...` is refused; a value `type:X` wants column `v` to be of type X; all else is a row. */
class StageEncoder implements TableEncoder {
  readonly #options: EncoderOptions;
  #rows: { offset: bigint; value: string }[] = [];
  #serial = 0;
  schema: TableSchema;

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.schema = options.schema;
  }

  get memoryBytes(): number {
    return this.#rows.length * 100;
  }

  get encodedBytes(): number {
    return this.#rows.length * 100;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  get folderCount(): number {
    return this.#rows.length > 0 ? 1 : 0;
  }

  async append(batch: Buffer, fromOffset: bigint, endOffset: bigint): Promise<AppendOutcome> {
    const refused: RefusedRecord[] = [];
    let landedCount = 0;
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      const { offset, timestamp } = cursor;
      if (offset < fromOffset || offset >= endOffset) continue;
      const value = cursor.value()!.toString();
      if (value.startsWith('poison')) {
        refused.push({
          offset,
          timestamp,
          key: null,
          value: Buffer.from(value),
          headers: [],
          code: value,
          reason: 'poison',
        });
        continue;
      }
      const wanted = /^type:(string|int64)$/.exec(value)?.[1];
      if (wanted) this.#want(wanted as 'string' | 'int64');
      this.#rows.push({ offset, value });
      landedCount++;
    }
    return { landedCount, refused };
  }

  #want(type: 'string' | 'int64'): void {
    if (this.schema.columns.some(({ name }) => name === 'w')) return;
    this.schema = { ...this.schema, id: 0, columns: [...this.schema.columns, { name: 'w', type, isRequired: false }] };
  }

  adoptSchema(schema: TableSchema): void {
    for (const column of this.schema.columns) {
      const found = schema.columns.find(({ name }) => name === column.name);
      if (found?.type !== column.type) throw new SchemaConflictError(column.name, 'other type');
    }
    this.schema = schema;
  }

  async seal(): Promise<SealedFile[]> {
    if (this.#rows.length === 0) return [];
    const { scratchDirectory } = this.#options;
    mkdirSync(scratchDirectory, { recursive: true });
    const localPath = join(scratchDirectory, `file-${this.#serial++}`);
    const footer = Buffer.from(JSON.stringify(this.#rows.map(({ offset, value }) => [offset.toString(), value])));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    const bytes = Buffer.concat([Buffer.from('PAR1'), footer, length, Buffer.from('PAR1')]);
    writeFileSync(localPath, bytes);
    const sealed: SealedFile = {
      localPath,
      size: bytes.length,
      folder: 'dt=2026-11-21/hr=00',
      firstOffset: this.#rows[0]!.offset,
      lastOffset: this.#rows.at(-1)!.offset,
      rowCount: this.#rows.length,
      minTimeMs: 1_795_219_200_000n,
      maxTimeMs: 1_795_219_200_000n,
      contentHash: '0'.repeat(32),
      schemaId: this.schema.id,
    };
    this.#rows = [];
    return [sealed];
  }

  async discard(): Promise<void> {
    this.#rows = [];
  }

  async close(): Promise<void> {
    this.#rows = [];
  }
}

const stageEngine: ParquetEngine = {
  name: 'duckdb',
  codecs: ['zstd'],
  problemOf: () => null,
  openEncoder: async (options) => new StageEncoder(options),
  close: async () => {},
};

/** All rows that readers of the table see, by offset; a row that is there twice is an error. */
export function visibleRows(disk: MemoryDisk): Map<bigint, string> {
  const rows = new Map<bigint, string>();
  for (const path of disk.paths(`/${stageTopic}/dt=`)) {
    const bytes = disk.bytes(path);
    for (const [offset, value] of JSON.parse(bytes.toString('utf8', 4, bytes.length - 8)) as [string, string][]) {
      if (rows.has(BigInt(offset))) throw new Error(`offset ${offset} is there twice, again in ${path}`);
      rows.set(BigInt(offset), value);
    }
  }
  return rows;
}

/**
 * Lets everybody run until `isDone`, `stepMs` of the clock for each millisecond or so of real time, which the local files
 * still need. Fails after 20 real seconds.
 */
export async function runUntil(
  clock: ManualClock,
  isDone: () => boolean,
  options: { stages?: () => readonly OwnerStage[]; stepMs?: number } = {},
): Promise<void> {
  const { stages = () => [], stepMs = 50 } = options;
  const deadlineMs = performance.now() + 20_000;
  while (!isDone()) {
    if (performance.now() > deadlineMs) throw new Error('not done after 20 seconds');
    for (const stage of stages()) stage.pump();
    await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(stepMs);
  }
}
