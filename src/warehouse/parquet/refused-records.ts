import { isUtf8 } from 'node:buffer';
import { describeError, SluiceError } from '../../shared/index.ts';
import type { BatchFormat, BatchIndex, BatchSummary } from './batch-records.ts';
import type { Failure } from './json-scanner.ts';
import type { RefusedRecord } from './parquet-engine.ts';

/** A record of the batch at hand that cannot be loaded. */
export interface Refusal {
  /** Position among the records of the batch. */
  index: number;
  failure: Failure;
}

const maxReasonChars = 300;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** More offsets than this in one batch that cannot be read are no accident, and no list of dead letters. */
const maxOffsetsOfBrokenBatch = 1_000_000n;

/** The refused records with raw bytes (copies) and headers; walks the batch once more, which is rare. */
export function collectRefused(
  format: BatchFormat,
  batch: Buffer,
  header: BatchSummary,
  index: BatchIndex,
  refusals: readonly Refusal[],
): RefusedRecord[] {
  const cursor = format.openCursor(batch);
  const records: RefusedRecord[] = [];
  let position = -1;
  for (const refusal of refusals) {
    while (position < refusal.index && cursor.next()) position++;
    const value = copy(cursor.value());
    records.push({
      offset: header.baseOffset + BigInt(cursor.offsetDelta),
      timestamp: BigInt(Math.trunc(index.timestamps[refusal.index]!)),
      key: copy(cursor.key()),
      value,
      headers: headersOf(cursor),
      ...explain(refusal.failure, value),
    });
  }
  return records;
}

/**
 * All offsets in [fromOffset, endOffset) of a batch that cannot be opened. The bytes of the whole batch go with the first of
 * them; the others refer to it.
 */
export function refuseBatch(
  batch: Buffer,
  header: BatchSummary,
  cause: unknown,
  fromOffset: bigint,
  endOffset: bigint,
): RefusedRecord[] {
  const first = header.baseOffset > fromOffset ? header.baseOffset : fromOffset;
  const end = header.lastOffset + 1n < endOffset ? header.lastOffset + 1n : endOffset;
  if (end - first > maxOffsetsOfBrokenBatch) {
    throw new SluiceError(
      'broken-batch',
      `the batch at offset ${header.baseOffset} claims ${end - first} offsets and cannot be read`,
      { cause },
    );
  }
  const problem = clip(`expected a readable record batch: ${describeError(cause)}`);
  const records: RefusedRecord[] = [];
  for (let offset = first; offset < end; offset++) {
    const isFirst = offset === first;
    records.push({
      offset,
      timestamp: header.maxTimestamp,
      key: null,
      value: isFirst ? Buffer.from(batch) : null,
      headers: [],
      code: 'broken-batch',
      reason: isFirst ? problem : `in the same batch as offset ${first}, which has its bytes`,
    });
  }
  return records;
}

/** Broken JSON that is not even text, or begins with a byte order mark, is told as that. */
function explain(failure: Failure, value: Buffer | null): Failure {
  const reason = clip(failure.reason);
  if (failure.code !== 'not-json' || value === null) return { code: failure.code, reason };
  if (!isUtf8(value)) return { code: 'not-utf8', reason: 'expected JSON in UTF-8, came bytes that are not UTF-8' };
  if (value.subarray(0, 3).equals(byteOrderMark)) {
    return { code: 'not-json', reason: 'expected JSON, came a byte order mark in front of it' };
  }
  return { code: failure.code, reason };
}

function headersOf(cursor: { headers(): RefusedRecord['headers'] }): RefusedRecord['headers'] {
  try {
    return cursor.headers().map(({ name, value }) => ({ name, value: copy(value) }));
  } catch {
    // Only the headers are broken: what is known of the record is still told.
    return [];
  }
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}

/** One line of bounded length; half a surrogate pair at the cut would not survive UTF-8. */
function clip(text: string): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
  return line.length > maxReasonChars ? `${line.slice(0, maxReasonChars).replace(/[\ud800-\udbff]$/, '')}...` : line;
}
