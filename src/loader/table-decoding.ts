import { type Clock, type Logger, SluiceError } from '../shared/index.ts';
import {
  openRegistry,
  openValueDecoder,
  type RefusedValue,
  type ValueDecoder,
  type ValueFormat,
} from '../values/index.ts';
import {
  type ColumnType,
  inferSchema,
  type SampleRecord,
  type TableSchema,
  typeOrJson,
  type ValueDecoding,
  withTypedColumns,
} from '../warehouse/index.ts';
import { RecordCursor } from '../wire/index.ts';
import { type WaitContext, waitOut } from './wait-out.ts';

const maxSampleRecords = 10_000;

/**
 * How the values of a topic become JSON, for the partitions of one worker. A registry that does not answer is waited for: no value
 * becomes a dead letter because of it.
 */
export class TableDecoding implements ValueDecoding {
  readonly #decoder: ValueDecoder;

  constructor(
    format: ValueFormat,
    context: { clock: Clock; logger: Logger; onDelay?: WaitContext['onDelay']; declared: TableSchema | null },
  ) {
    const { clock, logger, onDelay, declared } = context;
    this.#decoder = openValueDecoder(format, {
      clock,
      registry: openRegistry(format),
      patience: (work, signal) => waitOut('SchemaRegistryNotReached', { clock, logger, signal, onDelay }, work),
      columnTypes: new Map(declared?.columns.map(({ name, type }) => [name, type])),
    });
  }

  get tombstone(): RefusedValue | null {
    return this.#decoder.tombstone;
  }

  prepare(values: Iterable<Buffer>, signal: AbortSignal): Promise<void> {
    return this.#decoder.prepare(values, signal);
  }

  decode(value: Buffer): Buffer | RefusedValue {
    return this.#decoder.decode(value);
  }

  /** What the schemas say about a field that has no column yet. */
  columnType(name: string): ColumnType | undefined {
    const found = this.#decoder.columns.find((column) => column.name === name);
    return found && typeOrJson(found.type);
  }

  /** The columns of the table: as the schemas say, else as the values of the batch show. */
  async infer(batch: Buffer, signal: AbortSignal): Promise<TableSchema> {
    const records = sampleOf(batch);
    await this.prepare(
      records.flatMap(({ value }) => value ?? []),
      signal,
    );
    const decoded = records.map(({ key, value }) => ({ key, value: value && this.#jsonOf(value) }));
    return withTypedColumns(inferSchema(decoded), this.#decoder.columns);
  }

  #jsonOf(value: Buffer): Buffer | null {
    const text = this.decode(value);
    return Buffer.isBuffer(text) ? Buffer.from(text) : null;
  }
}

/** A batch that cannot be read gives none: the encoder will refuse it. */
function sampleOf(batch: Buffer): SampleRecord[] {
  const records: SampleRecord[] = [];
  try {
    const cursor = new RecordCursor(batch);
    while (records.length < maxSampleRecords && cursor.next())
      records.push({ key: cursor.key(), value: cursor.value() });
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
  }
  return records;
}
