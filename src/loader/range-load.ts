import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Logger, SluiceError } from '../shared/index.ts';
import type { ValueFormat } from '../values/index.ts';
import {
  type ContractFile,
  type LayoutOptions,
  openParquetEngine,
  type ParquetCodec,
  type ParquetEngine,
  type ParquetEngineName,
  type TableEncoder,
  type TableSchema,
  type WarehouseFiles,
} from '../warehouse/index.ts';
import { BatchFetcher, type FetchedBatch, type FetchedPartition, type KafkaCluster } from '../wire/client/index.ts';
import { readBatchHeader } from '../wire/index.ts';
import { DeadLetterSpool } from './dead-letter-spool.ts';
import type { LoadOptions } from './load-options.ts';
import { OpenRoll, type SealedRoll } from './open-roll.ts';
import { batchFormat, openTable } from './open-table.ts';
import type { TableContext } from './owner-context.ts';
import { readTableReading } from './table-reading.ts';
import type { KnownTopic } from './topic-id.ts';

/** How records become rows; the same as the load's own settings, or the rows will differ from its. Best left out: the table keeps them. */
export interface RangeLoadSettings {
  schema?: TableSchema | null;
  /** Contracts of the load; what they say comes before `schema`. Null: none; left out: what the table's newest load had. */
  contract?: LoadOptions['contract'];
  /** Null: the record's own timestamp; left out: what the table's loads go by. */
  timeField?: string | null | undefined;
  /** What the values are; null: JSON; left out: what the table's newest load read. */
  format?: LoadOptions['format'];
  layout?: LayoutOptions;
  engine?: ParquetEngineName;
  codec?: ParquetCodec;
  rowGroupRows?: number;
  maxFutureMs?: number;
  /** Encoded bytes at which a roll ends. Default 256 MB. */
  rollBytes?: number;
  scratchDirectory?: string;
  /** True: the files are only counted and thrown away; new columns are not kept in the table. */
  isTrial?: boolean;
}

const dayMs = 86_400_000;
const megabyte = 1024 * 1024;

/**
 * Turns records of one topic into finished local files, without a claim and without a ledger: what becomes of the files is
 * the caller's decision. For reloads, backfills and the replay of dead letters.
 */
export class RangeLoader {
  readonly #topic: { name: string; topicId: string };
  readonly #table: TableContext;
  readonly #engine: ParquetEngine;
  readonly #settings: RangeLoadSettings;
  readonly #scratch: string;
  readonly #signal: AbortSignal;

  private constructor(
    topic: { name: string; topicId: string },
    table: TableContext,
    settings: RangeLoadSettings,
    scratch: string,
    signal: AbortSignal,
  ) {
    this.#topic = topic;
    this.#table = table;
    this.#settings = settings;
    this.#scratch = scratch;
    this.#signal = signal;
    this.#engine = openParquetEngine(settings.engine ?? 'duckdb', { batches: batchFormat, scratchDirectory: scratch });
  }

  static async open(
    files: WarehouseFiles,
    topic: { name: string; topicId: string },
    settings: RangeLoadSettings,
    context: { clock: Clock; logger: Logger; signal: AbortSignal },
  ): Promise<RangeLoader> {
    const reading = await readingFor(files, topic.name, settings, context.signal);
    const scratch = join(settings.scratchDirectory ?? tmpdir(), `sluice-range-${randomUUID()}`);
    await mkdir(scratch, { recursive: true });
    const { schema = null, layout = {} } = settings;
    const table = await openTable(files, topic.name, { schema, ...reading, layout }, context);
    return new RangeLoader(topic, table, settings, scratch, context.signal);
  }

  /**
   * Reads committed records [first, next) of a partition from the log, a roll at a time. The files of a roll are deleted when
   * the next one is asked for. Throws SluiceError `range-not-in-log` when the log does not have all of it.
   */
  async *read(
    cluster: KafkaCluster,
    topic: KnownTopic,
    partition: number,
    range: { first: bigint; next: bigint },
  ): AsyncGenerator<SealedRoll> {
    await this.#checkLog(cluster, topic, partition, range);
    const fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxBytes: 8 * megabyte });
    const open = this.#open(partition, range.first);
    try {
      fetcher.assign(topic.name, partition, range.first, topic.ownId === null ? {} : { topicId: topic.ownId });
      while (open.next < range.next) {
        for (const fetched of await fetcher.poll({ signal: this.#signal })) {
          yield* this.#absorb(open, fetched, range.next);
        }
      }
      yield* this.#seal(open);
    } finally {
      await fetcher.close();
      await open.close();
    }
  }

  /** Turns single batches, rising, into rolls; offsets in between count as `control`. */
  async *encode(partition: number, batches: AsyncIterable<Buffer>): AsyncGenerator<SealedRoll> {
    let open: OpenRoll | null = null;
    try {
      for await (const bytes of batches) {
        const header = readBatchHeader(bytes);
        open ??= this.#open(partition, header.baseOffset);
        yield* this.#take(open, { bytes, header, isAborted: false }, null);
      }
      if (open) yield* this.#seal(open);
    } finally {
      await open?.close();
    }
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  async *#absorb(open: OpenRoll, fetched: FetchedPartition, next: bigint): AsyncGenerator<SealedRoll> {
    if (fetched.error) throw fetched.error;
    for (const batch of fetched.batches) {
      if (open.next >= next) return;
      yield* this.#take(open, batch, next);
      if (open.encodedBytes >= (this.#settings.rollBytes ?? 256 * megabyte)) yield* this.#seal(open);
    }
    open.skipTo(fetched.nextOffset < next ? fetched.nextOffset : next);
  }

  /** A record that needs wider columns ends the roll; the rest of its batch comes into the next one. */
  async *#take(open: OpenRoll, batch: FetchedBatch, next: bigint | null): AsyncGenerator<SealedRoll> {
    while (!(await open.absorb(batch, next, this.#signal))) yield* this.#seal(open);
  }

  async *#seal(open: OpenRoll): AsyncGenerator<SealedRoll> {
    if (open.isEmpty) return;
    const { encoder } = open;
    if (encoder && encoder.rowCount > 0 && !this.#settings.isTrial)
      await this.#table.schemas.settle(encoder, this.#signal);
    const roll = await open.seal('end-of-input', this.#signal);
    try {
      yield roll;
    } finally {
      const local = [...roll.files, ...(roll.deadLetters ? [roll.deadLetters] : [])];
      for (const { localPath } of local) await rm(localPath, { force: true });
    }
  }

  #open(partition: number, first: bigint): OpenRoll {
    const { name: topic } = this.#topic;
    return new OpenRoll({
      openEncoder: (batch) => this.#openEncoder(partition, batch),
      spool: new DeadLetterSpool({ directory: this.#scratch, topic, partition }),
      first,
    });
  }

  async #openEncoder(partition: number, batch: Buffer): Promise<TableEncoder> {
    const { codec = 'zstd', rowGroupRows = 122_880, maxFutureMs = dayMs } = this.#settings;
    const { name: topic, topicId } = this.#topic;
    const { layout, partitionColumns, decode, rules, schemas, writer = {} } = this.#table;
    return await this.#engine.openEncoder({
      topic,
      topicId,
      partition,
      schema: await schemas.forEncoder(batch, this.#signal),
      scratchDirectory: this.#scratch,
      codec: writer.codec ?? codec,
      rowGroupRows: writer.rowGroupRows ?? rowGroupRows,
      timeField: this.#settings.timeField === undefined ? (layout.timeField ?? null) : this.#settings.timeField,
      maxFutureMs,
      layout,
      partitionColumns,
      decode,
      rules,
      writer,
      widens: true,
      footerMetadata: {},
    });
  }

  async #checkLog(
    cluster: KafkaCluster,
    { name }: KnownTopic,
    partition: number,
    { first, next }: { first: bigint; next: bigint },
  ): Promise<void> {
    const options = { isolation: 'read_committed', signal: this.#signal } as const;
    const start = (await cluster.listOffsets(name, [partition], 'earliest', options)).get(partition)!.offset;
    const end = (await cluster.listOffsets(name, [partition], 'latest', options)).get(partition)!.offset;
    if (first >= start && next <= end) return;
    throw new SluiceError(
      'range-not-in-log',
      `${name}-${partition}: expected [${first}, ${next}) in the log, which holds [${start}, ${end}); nothing was changed`,
    );
  }
}

/** What is not said is as the table's newest load had it. */
async function readingFor(
  files: WarehouseFiles,
  table: string,
  { contract, format, schema }: RangeLoadSettings,
  signal: AbortSignal,
): Promise<{ contract: ContractFile | null; format: ValueFormat | null }> {
  const isSaid = contract !== undefined || Boolean(schema);
  if (isSaid && format !== undefined) return { contract: contract ?? null, format };
  const kept = await readTableReading(files, table, { contract: !isSaid, format: format === undefined }, signal);
  const own = kept.contract && { all: kept.contract, topics: {} };
  return { contract: isSaid ? (contract ?? null) : own, format: format === undefined ? kept.format : format };
}
