/** Walks the batches of a segment's file from front to back, in big reads, and says where the good part ends. */

import { describeError } from '../../shared/index.ts';
import type { BatchHeader } from '../../wire/index.ts';
import { batchOverheadBytes, readBatchHeader, validateBatch, WireError } from './batch-bytes.ts';
import type { LogFile } from './log-file-system.ts';

const windowBytes = 1 << 20;
const zeroWindow = Buffer.alloc(64 << 10);

export interface ScanOptions {
  file: LogFile;
  fileBytes: number;
  /** Where to begin: a batch boundary. */
  fromPosition?: number;
  /** The offset the first batch must have; the following ones must be dense. */
  fromOffset: bigint;
  /** `batches` checks every byte (CRC32C), `headers` only the structure and skips the records. */
  check: 'batches' | 'headers';
  /** Zeros up to the end of the file are its end, not damage: room that was made ahead. */
  mayEndInZeros?: boolean;
  /** Called for each good batch. Returning false ends the scan behind it. */
  onBatch: (header: BatchHeader, position: number) => boolean;
}

export interface ScanResult {
  /** End of the last good batch, or where `onBatch` stopped. */
  endPosition: number;
  nextOffset: bigint;
  /** Why the batch at `endPosition` is bad; null at the end of the file, or of what is not zeros. */
  damage: string | null;
}

export async function scanSegment(options: ScanOptions): Promise<ScanResult> {
  const window = new ReadWindow(options.file, options.fileBytes);
  let position = options.fromPosition ?? 0;
  let nextOffset = options.fromOffset;
  while (position < options.fileBytes) {
    let header: BatchHeader;
    try {
      header = await readBatch(window, position, options);
      checkDense(header, nextOffset);
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (options.mayEndInZeros && (await window.isZeroFrom(position))) break;
      return { endPosition: position, nextOffset, damage: describeError(error) };
    }
    const goOn = options.onBatch(header, position);
    position += header.sizeBytes;
    nextOffset = header.lastOffset + 1n;
    if (goOn === false) break;
  }
  return { endPosition: position, nextOffset, damage: null };
}

/** Every batch of a segment that is complete, with its bytes, checked. Throws an error that says what is damaged. */
export async function* readBatches(options: {
  file: LogFile;
  fileBytes: number;
  fromOffset: bigint;
}): AsyncGenerator<{ header: BatchHeader; bytes: Buffer }> {
  const window = new ReadWindow(options.file, options.fileBytes);
  let nextOffset = options.fromOffset;
  for (let position = 0; position < options.fileBytes; ) {
    const header = await readBatch(window, position, { ...options, check: 'batches' });
    checkDense(header, nextOffset);
    yield { header, bytes: await window.bytesAt(position, header.sizeBytes) };
    position += header.sizeBytes;
    nextOffset = header.lastOffset + 1n;
  }
}

async function readBatch(
  window: ReadWindow,
  position: number,
  options: Pick<ScanOptions, 'fileBytes' | 'check'>,
): Promise<BatchHeader> {
  const left = options.fileBytes - position;
  if (left < batchOverheadBytes)
    throw new Damage(`expected a batch header at ${position}, the file has only ${left} bytes more`);
  const header = readBatchHeader(await window.bytesAt(position, batchOverheadBytes));
  if (header.sizeBytes > left) {
    throw new Damage(
      `expected a batch of ${header.sizeBytes} bytes at ${position}, the file has only ${left} bytes more`,
    );
  }
  if (options.check === 'batches') validateBatch(await window.bytesAt(position, header.sizeBytes), 0);
  return header;
}

/** Zeros and left-overs of other files can look like batches; offsets without a gap cannot. */
function checkDense(header: BatchHeader, expected: bigint): void {
  if (header.baseOffset !== expected) throw new Damage(`expected base offset ${expected}, found ${header.baseOffset}`);
  if (header.lastOffsetDelta < 0)
    throw new Damage(`expected a last offset delta of 0 or more, found ${header.lastOffsetDelta}`);
}

class Damage extends Error {}

/** Only what the bytes say is damage; a failed read must never be taken for one, or good records would be cut off. */
function isDamage(error: unknown): boolean {
  return error instanceof Damage || error instanceof WireError;
}

class ReadWindow {
  readonly #file: LogFile;
  readonly #fileBytes: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: LogFile, fileBytes: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
  }

  /** The caller has checked that the file has so many bytes. */
  async bytesAt(position: number, length: number): Promise<Buffer> {
    const from = position - this.#start;
    if (from < 0 || from + length > this.#bytes.length) {
      const wanted = Math.min(Math.max(windowBytes, length), this.#fileBytes - position);
      const target = Buffer.allocUnsafeSlow(wanted);
      const count = await this.#file.read(target, position);
      if (count < length) throw new Error(`expected ${length} bytes at ${position}, the file ended after ${count}`);
      this.#bytes = target.subarray(0, count);
      this.#start = position;
      return this.#bytes.subarray(0, length);
    }
    return this.#bytes.subarray(from, from + length);
  }

  async isZeroFrom(position: number): Promise<boolean> {
    for (let at = position; at < this.#fileBytes; at += zeroWindow.length) {
      const length = Math.min(zeroWindow.length, this.#fileBytes - at);
      if (zeroWindow.compare(await this.bytesAt(at, length), 0, length, 0, length) !== 0) return false;
    }
    return true;
  }
}
