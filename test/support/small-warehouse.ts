import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ChainOptions,
  type CommitRecord,
  checkTopicIdentity,
  PartitionChain,
  SchemaStore,
} from '../../src/offsets/index.ts';
import {
  LocalFiles,
  openParquetEngine,
  type ParquetEngine,
  partFileName,
  type RefusedRecord,
  type SealedFile,
  TablePaths,
  type TableSchema,
} from '../../src/warehouse/index.ts';
import { encodeBatch, RecordCursor, readBatchHeader } from '../../src/wire/index.ts';

export const eventTimeMs = 1_795_246_200_000n; // 2026-11-21T07:30:00Z

const schema: TableSchema = {
  id: 1,
  mode: 'declared',
  keyType: 'string',
  columns: [
    { name: 'n', type: 'int64', isRequired: true },
    { name: 'at', type: 'timestamp', isRequired: true },
  ],
};

/** A warehouse on the local disk with one table of real Parquet files, written through the ledger as the loader does. */
export class SmallWarehouse {
  readonly directory: string;
  readonly files: LocalFiles;
  readonly table: string;
  readonly paths: TablePaths;
  readonly #engine: ParquetEngine;
  #schema = schema;
  #serial = 0;

  private constructor(directory: string, table: string) {
    this.directory = directory;
    this.table = table;
    this.paths = new TablePaths(table);
    this.files = new LocalFiles({ url: `file://${directory}/warehouse`, basePath: join(directory, 'warehouse') });
    const batches = { readHeader: readBatchHeader, openCursor: (batch: Buffer) => new RecordCursor(batch) };
    this.#engine = openParquetEngine('duckdb', { batches, scratchDirectory: directory });
  }

  static async create(table = 'events'): Promise<SmallWarehouse> {
    const warehouse = new SmallWarehouse(await mkdtemp(join(tmpdir(), 'ledger-warehouse-')), table);
    warehouse.#schema = (await new SchemaStore(warehouse.files, table).publishNext(schema, 0)).schema;
    return warehouse;
  }

  get url(): string {
    return this.files.url;
  }

  /** The path on the local disk of a path within the warehouse. */
  local(path: string): string {
    return join(this.directory, 'warehouse', path);
  }

  /** Opens and claims the chain of one partition. */
  async claim(partition: number, topicId = 'ab'.repeat(16), options: ChainOptions = {}): Promise<PartitionChain> {
    const topic = this.table;
    const identity = { topic, topicId, clusterId: 'cluster', acceptedBy: 'test' };
    await checkTopicIdentity(this.files, this.table, identity, { acceptRecreated: true });
    const chain = await PartitionChain.open(this.files, { table: this.table, topic, topicId, partition }, options);
    const owner = {
      clusterId: 'cluster',
      group: 'g',
      member: `m${this.#serial++}`,
      generation: this.#serial,
      host: 'test',
    };
    await chain.claim(owner, { startOffset: 0n });
    return chain;
  }

  /**
   * Lands one record per value behind the checkpoint and, with `controlCount`, as many markers behind them. Hours go up by one
   * with every 10 values. A value that is no number is a dead letter. `moves` false: dies before the files are moved.
   */
  async commit(
    chain: PartitionChain,
    values: readonly unknown[],
    options: { controlCount?: number; moves?: boolean } = {},
  ): Promise<CommitRecord> {
    const first = chain.checkpoint!;
    const { topic, topicId, partition } = chain.state;
    const scratchDirectory = join(this.directory, `encoder-${this.#serial++}`);
    const encoder = await this.#engine.openEncoder({
      topic,
      topicId,
      partition,
      schema: this.#schema,
      scratchDirectory,
      codec: 'zstd',
      rowGroupRows: 1000,
      timeField: 'at',
      maxFutureMs: 1e12,
      footerMetadata: {},
    });
    const records = values.map((n, i) => ({
      value: JSON.stringify({ n, at: Number(eventTimeMs) + Math.floor(i / 10) * 3_600_000 }),
    }));
    const batch = Buffer.from(encodeBatch(records, { baseOffset: first, timestampMs: eventTimeMs }));
    const { refused, landedCount } = await encoder.append(batch, first, 1n << 62n);
    const sealed = await encoder.seal();
    const landedNext = first + BigInt(values.length);
    const next = landedNext + BigInt(options.controlCount ?? 0);
    const record = await chain.commit({
      first,
      next,
      files: await Promise.all(sealed.map((file) => this.#stage(chain, file))),
      deadLetters: await this.#stageDeadLetters(chain, refused),
      notLanded: {
        dead: refused.map(({ offset }) => ({ first: offset, next: offset + 1n })),
        filtered: [],
        control: next > landedNext ? [{ first: landedNext, next }] : [],
        gaps: [],
      },
      landedCount: BigInt(landedCount),
      cause: 'age',
      leaderEpoch: 0,
    });
    await encoder.close();
    if (options.moves ?? true) await chain.finishMoves();
    return record;
  }

  async #stage(chain: PartitionChain, sealed: SealedFile) {
    const { localPath, folder, ...facts } = sealed;
    const staged = `${chain.stagingFolder}/${this.#serial++}.parquet`;
    await this.files.create(staged, { localPath, size: sealed.size });
    const { topic, partition } = chain.state;
    const name = partFileName(topic, partition, sealed.firstOffset, sealed.lastOffset, chain.nextSequence);
    return { ...facts, staged: staged.slice(this.paths.root.length + 1), path: `${folder}/${name}` };
  }

  async #stageDeadLetters(chain: PartitionChain, refused: readonly RefusedRecord[]) {
    if (refused.length === 0) return null;
    const lines = refused.map(({ offset, code }) => `${JSON.stringify({ offset: String(offset), code })}\n`);
    const localPath = join(this.directory, `dead-${this.#serial++}`);
    await writeFile(localPath, lines.join(''));
    const size = Buffer.byteLength(lines.join(''));
    const staged = `${chain.stagingFolder}/${this.#serial++}.jsonl`;
    await this.files.create(staged, { localPath, size });
    const { topicId, partition } = chain.state;
    const { offset: first } = refused[0]!;
    const path = this.paths.deadLetters(topicId, partition, first, refused.at(-1)!.offset, chain.nextSequence);
    const relative = (absolute: string): string => absolute.slice(this.paths.root.length + 1);
    return { staged: relative(staged), path: relative(path), size, count: refused.length };
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
