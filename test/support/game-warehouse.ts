import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SocialGame } from '../../src/cli/demo/social-game.ts';
import { closeHours, type HourCluster } from '../../src/hours/index.ts';
import { checkTopicIdentity, PartitionChain, SchemaStore, settleLayout } from '../../src/offsets/index.ts';
import {
  type LayoutOptions,
  LocalFiles,
  openParquetEngine,
  type ParquetEngine,
  partFileName,
  TablePaths,
  type TableSchema,
} from '../../src/warehouse/index.ts';
import { encodeBatch, RecordCursor, readBatchHeader } from '../../src/wire/index.ts';

const topicId = 'ce'.repeat(16);
const clusterId = 'cluster';
const batchRecords = 5000;
const dayMs = 86_400_000;

const optional = (name: string, type: 'string' | 'int64') => ({ name, type, isRequired: false }) as const;
const schema: TableSchema = {
  id: 1,
  mode: 'declared',
  keyType: 'string',
  columns: [
    { name: 'ts', type: 'timestamp', isRequired: true },
    optional('type', 'string'),
    optional('game', 'string'),
    optional('user_id', 'int64'),
    ...['session_id', 'network', 'country', 'source', 'item', 'currency', 'event_id'].map((name) =>
      optional(name, 'string'),
    ),
    optional('price_cents', 'int64'),
    optional('attempt', 'int64'),
  ],
};

/** The events of the simulated games of some time: their JSON texts, in the order of delivery. `games`: only of these. */
export function playGame(options: {
  seed: number;
  eventsPerSecond: number;
  players: number;
  fromMs: number;
  untilMs: number;
  games?: readonly string[];
}): string[] {
  const { fromMs, untilMs, games } = options;
  const game = new SocialGame(options);
  const values: string[] = [];
  for (let at = fromMs; at < untilMs; at += dayMs) {
    for (const { value } of game.advance(at, Math.min(at + dayMs, untilMs))) {
      if (!games || games.some((name) => value.includes(`"game":"${name}"`))) values.push(value);
    }
  }
  return values;
}

/**
 * A table of game events on the local disk, as a load leaves it: real Parquet files, the real ledger, hours closed by the real
 * closer. Only the log is missing, so a month takes seconds.
 */
export class GameWarehouse {
  readonly directory: string;
  readonly files: LocalFiles;
  readonly table = 'events';
  readonly #engine: ParquetEngine;
  readonly #layout: LayoutOptions;
  #chain: PartitionChain | null = null;
  #schema = schema;
  /** Where the log ends; beyond what has landed when a test wants the loader to be behind. */
  #end = 0n;
  #serial = 0;

  private constructor(directory: string, layout: LayoutOptions) {
    this.directory = directory;
    this.#layout = layout;
    this.files = new LocalFiles({ url: `file://${directory}/warehouse`, basePath: join(directory, 'warehouse') });
    const batches = { readHeader: readBatchHeader, openCursor: (batch: Buffer) => new RecordCursor(batch) };
    this.#engine = openParquetEngine('duckdb', { batches, scratchDirectory: directory });
  }

  static async create(layout: LayoutOptions = {}): Promise<GameWarehouse> {
    const warehouse = new GameWarehouse(await mkdtemp(join(tmpdir(), 'game-warehouse-')), layout);
    const { files, table } = warehouse;
    await settleLayout(files, table, layout);
    warehouse.#schema = (await new SchemaStore(files, table).publishNext(schema, 0)).schema;
    await checkTopicIdentity(files, table, { topic: table, topicId, clusterId, acceptedBy: 'test' });
    const chain = await PartitionChain.open(files, { table, topic: table, topicId, partition: 0 });
    const owner = { clusterId, group: 'g', member: 'm', generation: 1, host: 'test' };
    await chain.claim(owner, { startOffset: 0n });
    warehouse.#chain = chain;
    return warehouse;
  }

  get url(): string {
    return this.files.url;
  }

  /** Lands the events, JSON texts, in one commit; `timeField` null: by the time at which they were recorded, `recordedMs`. */
  async land(
    values: readonly string[],
    options: { timeField?: string | null; recordedMs?: number } = {},
  ): Promise<void> {
    const { timeField = 'ts', recordedMs = Date.now() } = options;
    const chain = this.#chain!;
    const first = this.#end;
    const encoder = await this.#engine.openEncoder({
      ...{ topic: this.table, topicId, partition: 0, schema: this.#schema, timeField, layout: this.#layout },
      ...{ scratchDirectory: join(this.directory, `encoder-${this.#serial++}`), codec: 'zstd', rowGroupRows: 100_000 },
      ...{ maxFutureMs: 1e12, footerMetadata: {} },
    });
    for (let at = 0; at < values.length; at += batchRecords) {
      const records = values.slice(at, at + batchRecords).map((value) => ({ value }));
      const baseOffset = first + BigInt(at);
      const batch = Buffer.from(encodeBatch(records, { baseOffset, timestampMs: BigInt(recordedMs) }));
      const { refused } = await encoder.append(batch, baseOffset, 1n << 62n);
      if (refused[0]) throw new Error(`the event at ${refused[0].offset} was refused: ${refused[0].reason}`);
    }
    const sealed = await encoder.seal();
    this.#end += BigInt(values.length);
    const root = `${new TablePaths(this.table).root}/`;
    const files = [];
    for (const { localPath, folder, ...facts } of sealed) {
      const staged = `${chain.stagingFolder}/${this.#serial++}.parquet`;
      await this.files.create(staged, { localPath, size: facts.size });
      const name = partFileName(this.table, 0, facts.firstOffset, facts.lastOffset, chain.nextSequence);
      files.push({ ...facts, staged: staged.slice(root.length), path: `${folder}/${name}` });
    }
    await chain.commit({
      ...{ first, next: this.#end, files, deadLetters: null, landedCount: BigInt(values.length) },
      ...{ notLanded: { dead: [], filtered: [], control: [], gaps: [] }, cause: 'age', leaderEpoch: 0 },
    });
    await encoder.close();
    await chain.finishMoves();
  }

  /** One look of the closer. `behind`: so many records are in the log that have not landed. `hours`: also these. */
  async closeHours(options: { behind?: number; hours?: readonly string[] } = {}): Promise<void> {
    const end = this.#end + BigInt(options.behind ?? 0);
    const cluster: HourCluster = {
      clusterId: async () => clusterId,
      topics: async () => {
        const partitions = [{ partition: 0, leaderId: 0, leaderEpoch: 0 }];
        return [{ name: this.table, topicId, isInternal: false, partitions }] as never;
      },
      listOffsets: async () => new Map([[0, { offset: end }]]) as never,
    };
    const { files, table } = this;
    await closeHours({ files, table, cluster, latenessMs: 0, hours: options.hours ?? [] });
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
