import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../../shared/index.ts';
import { joinInferred } from '../table/inferred-types.ts';
import { holdsSchema, SchemaConflictError } from '../table/merge-schemas.ts';
import { defaultLayout } from '../table/table-layout.ts';
import type { Column, TableSchema } from '../table/table-schema.ts';
import { TimeFolders } from '../table/time-folders.ts';
import { BatchIndex, type BatchSummary } from './batch-records.ts';
import { ColumnInference } from './column-inference.ts';
import { FieldCatalog } from './field-catalog.ts';
import { FieldFolders } from './field-folders.ts';
import type { FolderBuffer } from './folder-buffer.ts';
import { type EncoderParts, FolderSealer } from './folder-sealer.ts';
import type { Failure } from './json-scanner.ts';
import { OpenFolders } from './open-folders.ts';
import type { AppendOutcome, EncoderOptions, OffsetRange, SealedFile, TableEncoder } from './parquet-engine.ts';
import { collectRefused, type Refusal, refuseBatch } from './refused-records.ts';
import { RowShredder, type ShredResult } from './row-shredder.ts';
import { ValueStages } from './value-stages.ts';

/** Records and bytes that are looked at to find the types of new fields. */
const inferenceRecords = 10_000;
const inferenceBytes = 4 * 1024 * 1024;

/** Bytes of values after which memory is looked at within a batch. */
const sliceBytes = 4 * 1024 * 1024;

/**
 * The one encoder behind all engines: batch -> records -> rows in open folders -> spools, and on `seal` spool -> Parquet by
 * the engine. A failed append or seal (a full disk, say) leaves rows in an unknown state: only `discard` and `close` may follow.
 */
export class SpoolingEncoder implements TableEncoder {
  readonly #parts: EncoderParts;
  readonly #options: EncoderOptions;
  #catalog: FieldCatalog;
  #shredder: RowShredder;
  readonly #folders: OpenFolders;
  readonly #sealer: FolderSealer;
  readonly #index = new BatchIndex();
  /** Null: values are read as they came. */
  readonly #stages: ValueStages | null;
  /** Null: folders are those of time alone. */
  readonly #fields: FieldFolders | null;
  #current: FolderBuffer | null = null;
  /** The schema that the record at which `append` has stopped needs. */
  #wider: TableSchema | null = null;
  #currentFields = '';
  #fieldFailure: Failure | null = null;

  constructor(options: EncoderOptions, parts: EncoderParts) {
    this.#parts = parts;
    this.#options = options;
    this.#stages = ValueStages.open(options);
    this.#sealer = new FolderSealer(options, parts);
    const { partitionBy = [], maxPartitionValues = defaultLayout.maxPartitionValues } = options.layout ?? {};
    const columns = options.partitionColumns ?? [];
    const hasFields = partitionBy.length > 0;
    this.#fields = hasFields ? new FieldFolders({ partitionBy, columns, maxValues: maxPartitionValues }) : null;
    this.#catalog = new FieldCatalog(options.schema, options.timeField, partitionBy);
    this.#shredder = new RowShredder(this.#catalog, options);
    this.#folders = new OpenFolders({
      times: new TimeFolders(options.layout),
      columns: () => this.#catalog.columns,
      keyType: options.schema.keyType,
      scratchPrefix: join(options.scratchDirectory, parts.name),
      maxMemoryBytes: parts.maxMemoryBytes,
      pool: parts.pool,
    });
  }

  get memoryBytes(): number {
    return this.#folders.memoryBytes;
  }

  get encodedBytes(): number {
    const columnCount = this.#catalog.columns.length + 4;
    return this.#folders.filled.reduce(
      (sum, folder) => sum + this.#parts.estimate.encodedBytes(this.#folders.spoolBytes(folder), columnCount),
      0,
    );
  }

  get rowCount(): number {
    return this.#folders.filled.reduce((sum, folder) => sum + folder.totalRows, 0);
  }

  get folderCount(): number {
    return this.#folders.filled.length;
  }

  get schema(): TableSchema {
    return this.#catalog.schema;
  }

  async append(
    batch: Buffer,
    fromOffset: bigint,
    endOffset: bigint,
    options: { signal?: AbortSignal } = {},
  ): Promise<AppendOutcome> {
    const header = this.#parts.batches.readHeader(batch);
    const isOutside = header.lastOffset < fromOffset || header.baseOffset >= endOffset;
    if (header.isControl || isOutside) return { landedCount: 0, refused: [] };
    try {
      this.#index.read(this.#parts.batches.openCursor(batch), header);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      return { landedCount: 0, refused: refuseBatch(batch, header, error, fromOffset, endOffset) };
    }
    const refusals: Refusal[] = [];
    const { first, next } = this.#range(header, fromOffset, endOffset);
    this.#stop = next;
    await this.#stages?.run(this.#index, first, next, options.signal ?? neverAborted);
    let at = first;
    while (at < next) {
      at = this.#appendSlice(header, at, next, refusals);
      if (this.#wider !== null && this.rowCount === 0) await this.#useWider(this.#wider);
      if (this.#wider !== null) break;
      await this.#folders.spillIfDue();
    }
    this.#catalog.noteWide();
    if (!this.#parts.estimate.isMeasured) await this.#sealer.measureSample(this.#folders, this.schema);
    return this.#outcome(batch, header, first, at, next, refusals);
  }

  /** `stop`: the first position that was not looked at, `next` as a rule. */
  #outcome(
    batch: Buffer,
    header: BatchSummary,
    first: number,
    stop: number,
    next: number,
    refusals: readonly Refusal[],
  ): AppendOutcome {
    const refused =
      refusals.length === 0 ? [] : collectRefused(this.#parts.batches, batch, header, this.#index, refusals);
    const filtered = this.#filteredRanges(header, stop);
    const filteredCount = filtered.reduce((sum, range) => sum + Number(range.next - range.first), 0);
    return {
      landedCount: stop - first - refusals.length - filteredCount,
      refused,
      ...(filtered.length > 0 ? { filtered } : {}),
      ...(stop < next ? { stoppedAt: header.baseOffset + BigInt(this.#index.offsetDeltas[stop]!) } : {}),
    };
  }

  #filteredRanges(header: BatchSummary, stop: number): OffsetRange[] {
    const ranges: OffsetRange[] = [];
    for (const position of this.#stages?.filtered ?? []) {
      if (position >= stop) break;
      const offset = header.baseOffset + BigInt(this.#index.offsetDeltas[position]!);
      const last = ranges.at(-1);
      if (last?.next === offset) last.next = offset + 1n;
      else ranges.push({ first: offset, next: offset + 1n });
    }
    return ranges;
  }

  /** Positions [first, next) of the records whose offsets are in [fromOffset, endOffset). */
  #range(header: BatchSummary, fromOffset: bigint, endOffset: bigint): { first: number; next: number } {
    const { count, offsetDeltas } = this.#index;
    let first = 0;
    let next = count;
    const from = fromOffset - header.baseOffset;
    const end = endOffset - header.baseOffset;
    while (first < count && offsetDeltas[first]! < from) first++;
    while (next > first && offsetDeltas[next - 1]! >= end) next--;
    return { first, next };
  }

  /** Appends records from position `at` on, up to `next` or a slice's worth of bytes; where it stopped. */
  #appendSlice(header: BatchSummary, at: number, next: number, refusals: Refusal[]): number {
    const { valueStarts, valueEnds } = this.#index;
    let position = at;
    let bytes = 0;
    const isFiltering = this.#stages !== null && this.#stages.filtered.size > 0;
    while (position < next && bytes < sliceBytes) {
      const failure = this.#stages?.failureAt(position) ?? null;
      if (failure !== null) refusals.push({ index: position, failure });
      else if (isFiltering && this.#stages!.filtered.has(position)) {
        // left out
      } else if (this.#appendRecord(header, position) === 'refused') {
        const refusal = { index: position, failure: this.#fieldFailure ?? this.#shredder.failure };
        this.#wider = this.#widerSchema(position, refusal.failure.code);
        if (this.#wider !== null) return position;
        refusals.push(refusal);
      }
      bytes += valueEnds[position]! - valueStarts[position]!;
      position++;
    }
    return position;
  }

  #appendRecord(header: BatchSummary, position: number): ShredResult {
    const delta = this.#index.offsetDeltas[position]!;
    const timestampMs = this.#index.timestamps[position]!;
    const fields = this.#fieldFolder(position);
    if (fields === null) return 'refused';
    const current = this.#currentFields === fields ? this.#current : null;
    let folder = current ?? this.#folders.at(Number.isFinite(timestampMs) ? withinYears(timestampMs) : 0, fields);
    this.#currentFields = fields;
    // At most: not here, then an unknown field, then, with all columns in place, the answer.
    for (let attempt = 0; attempt < 4; attempt++) {
      const result = this.#shred(folder, header.baseOffset, delta, position);
      if (result === 'elsewhere') folder = this.#folders.at(this.#shredder.timeMs, fields);
      else if (result === 'unknown') this.#widen(position);
      else {
        if (result === 'landed') this.#noteLanded(folder, header.baseOffset, delta);
        return result;
      }
    }
    throw new Error(`the record at offset ${header.baseOffset + BigInt(delta)} has a field that never gets a column`);
  }

  /** Folder below the time's, '' without such; null with the failure set. */
  #fieldFolder(position: number): string | null {
    this.#fieldFailure = null;
    if (this.#fields === null) return '';
    const { payload, valueStarts, valueEnds } = this.#index;
    const found = this.#fields.find(payload, valueStarts[position]!, valueEnds[position]!);
    if (typeof found === 'string') return found;
    this.#fieldFailure = found;
    return null;
  }

  #shred(folder: FolderBuffer, baseOffset: bigint, delta: number, position: number): ShredResult {
    const { payload, valueStarts, valueEnds, timestamps, keys, keyStarts, keyEnds } = this.#index;
    if (baseOffset !== this.#baseOffset) this.#splitBase(baseOffset);
    const low = this.#baseLow + delta;
    const carry = low > 0xffffffff ? 1 : 0;
    return this.#shredder.shred(
      folder,
      payload,
      valueStarts[position]!,
      valueEnds[position]!,
      timestamps[position]!,
      low | 0,
      this.#baseHigh + carry,
      keys,
      keyStarts[position]!,
      keyEnds[position]!,
    );
  }

  /** Position behind the last record of the batch that was asked for. */
  #stop = 0;
  #baseOffset = -1n;
  #baseLow = 0;
  #baseHigh = 0;

  #splitBase(baseOffset: bigint): void {
    this.#baseOffset = baseOffset;
    this.#baseLow = Number(BigInt.asUintN(32, baseOffset));
    this.#baseHigh = Number(BigInt.asIntN(32, baseOffset >> 32n));
  }

  #noteLanded(folder: FolderBuffer, baseOffset: bigint, delta: number): void {
    if (folder.totalRows === 1) folder.firstOffset = baseOffset + BigInt(delta);
    folder.lastBaseOffset = baseOffset;
    folder.lastOffsetDelta = delta;
    this.#current = folder;
  }

  /** Gives columns to the unknown fields of the record at `position` and of those after it. */
  #widen(position: number): void {
    const found = this.#inferFrom(position, (name) => this.#catalog.isUndecided(name));
    const typed = found.map((column) => {
      const type = this.#options.decode?.columnType?.(column.name);
      return type === undefined ? column : { name: column.name, type, isRequired: false };
    });
    this.#folders.addColumns(this.#catalog.addColumns(typed));
  }

  /**
   * The schema in which the refused record at `position`, and those after it, have their place; null when it was refused for
   * another reason than the type of an inferred column.
   */
  #widerSchema(position: number, code: string): TableSchema | null {
    if (!this.#options.widens || this.schema.mode !== 'inferred' || !wideningCodes.has(code)) return null;
    this.#catalog.noteWide();
    const { schema } = this;
    const byName = new Map(schema.columns.map((column) => [column.name, column]));
    const found = new Map(this.#inferFrom(position, (name) => byName.has(name)).map(({ name, type }) => [name, type]));
    const columns = schema.columns.map((column) => {
      const type = joinInferred(column, found.get(column.name) ?? column.type);
      return type === column.type ? column : { ...column, type };
    });
    return columns.some((column, index) => column !== schema.columns[index]) ? { ...schema, id: 0, columns } : null;
  }

  /** Only while no row is open: no builder has a value of the old type. */
  async #useWider(schema: TableSchema): Promise<void> {
    this.#wider = null;
    await this.discard();
    this.#catalog = new FieldCatalog(schema, this.#options.timeField, this.#options.layout?.partitionBy ?? []);
    this.#shredder = new RowShredder(this.#catalog, this.#options);
  }

  #inferFrom(position: number, isWanted: (name: string) => boolean): Column[] {
    const { payload, valueStarts, valueEnds } = this.#index;
    const inference = new ColumnInference(isWanted);
    const stop = Math.min(this.#stop, position + inferenceRecords);
    let bytes = 0;
    for (let at = position; at < stop && bytes < inferenceBytes; at++) {
      if (valueStarts[at]! < 0) continue;
      inference.add(payload, valueStarts[at]!, valueEnds[at]!);
      bytes += valueEnds[at]! - valueStarts[at]!;
    }
    return inference.columns();
  }

  adoptSchema(schema: TableSchema): void {
    if (!holdsSchema(schema, this.#catalog.schema)) {
      throw new SchemaConflictError(
        '',
        'the schema to adopt lacks a column that the open rows have, or gives it another type',
      );
    }
    this.#folders.addColumns(this.#catalog.useSchema(schema));
  }

  async seal(options: { signal?: AbortSignal } = {}): Promise<SealedFile[]> {
    const sealed: SealedFile[] = [];
    try {
      for (const folder of this.#folders.filled) {
        sealed.push(await this.#sealer.seal(folder, this.#folders, this.schema, options.signal));
      }
    } catch (error) {
      for (const { localPath } of sealed) await rm(localPath, { force: true });
      throw error;
    }
    if (this.#wider === null) await this.discard();
    else await this.#useWider(this.#wider);
    return sealed;
  }

  async discard(): Promise<void> {
    this.#current = null;
    this.#wider = null;
    this.#fields?.clear();
    await this.#folders.clear();
  }

  async close(): Promise<void> {
    await this.discard();
  }
}

/** What a value is refused for when its column is too narrow for it. */
const wideningCodes = new Set(['wrong-type', 'out-of-range', 'not-representable']);

const neverAborted = new AbortController().signal;

/** A guess at the event time that is surely one. */
function withinYears(timestampMs: number): number {
  return Math.min(Math.max(timestampMs, 0), 4_102_444_800_000);
}
