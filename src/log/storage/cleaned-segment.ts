/** A segment that a cleaning writes, under `<base>.log.cleaned` until it is swapped in. */
import { readBatchHeader } from './batch-bytes.ts';
import { extendBatch } from './clean-batch.ts';
import { removeFileIfThere } from './durable-file.ts';
import type { LogContext } from './log-context.ts';
import type { LogFile } from './log-file-system.ts';
import { LogSegment, newIndexes } from './log-segment.ts';
import { cleanedSuffix } from './names.ts';

const writeBytes = 1 << 20;

export class CleanedSegment {
  readonly #context: LogContext;
  readonly #segment: LogSegment;
  readonly #file: LogFile;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #writtenBytes = 0;
  #isClosed = false;
  /** The last batch that was kept: it may have to cover what is removed behind it. */
  #held: Buffer | null = null;
  /** Offset behind the last record that was kept. */
  nextOffset: bigint;
  /** Whether it differs from what it was made of. */
  isDifferent = false;

  private constructor(context: LogContext, segment: LogSegment, file: LogFile) {
    this.#context = context;
    this.#segment = segment;
    this.#file = file;
    this.nextOffset = segment.baseOffset;
  }

  static async create(context: LogContext, directory: string, baseOffset: bigint): Promise<CleanedSegment> {
    const { indexIntervalBytes } = context;
    const segment = new LogSegment({ directory, baseOffset, indexIntervalBytes, indexes: newIndexes(baseOffset) });
    const file = await context.fileSystem.open(segment.path('.log') + cleanedSuffix, 'create');
    return new CleanedSegment(context, segment, file);
  }

  /** Takes what is left of the next batch; null when nothing is. */
  async append(batch: Buffer | null, isUnchanged: boolean): Promise<void> {
    if (!isUnchanged) this.isDifferent = true;
    if (!batch) return;
    await this.#release();
    this.#held = batch;
    this.nextOffset = readBatchHeader(batch).lastOffset + 1n;
  }

  get hasRecords(): boolean {
    return this.#held !== null;
  }

  get sizeBytes(): number {
    return this.#segment.sizeBytes + (this.#held?.length ?? 0);
  }

  /** Synced and closed: ready to be swapped in. Covers the offsets below `endOffset`. */
  async finish(endOffset: bigint): Promise<LogSegment> {
    if (this.#held && this.nextOffset < endOffset) this.#held = extendBatch(this.#held, endOffset - 1n);
    await this.#release();
    await this.#flush();
    await this.#file.datasync();
    await this.#close();
    this.#segment.completeTimeIndex();
    this.#segment.visibleBytes = this.#segment.sizeBytes;
    this.#segment.isSealed = true;
    return this.#segment;
  }

  async discard(): Promise<void> {
    await this.#close();
    await removeFileIfThere(this.#context.fileSystem, this.#segment.path('.log') + cleanedSuffix);
  }

  async #release(): Promise<void> {
    if (!this.#held) return;
    const { lastOffset, maxTimestamp, sizeBytes } = readBatchHeader(this.#held);
    this.#segment.noteBatch(lastOffset, sizeBytes, maxTimestamp);
    this.#pending.push(this.#held);
    this.#pendingBytes += sizeBytes;
    if (this.#pendingBytes >= writeBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    await this.#file.write(this.#pending, this.#writtenBytes);
    this.#writtenBytes += this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }
}
