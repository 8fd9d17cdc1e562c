import { describe, expect, it } from 'vitest';
import { readBatches } from '../../../../src/wire/client/fetched-partition.ts';
import { encodeBatch, encodeEndTxnMarkerBatch, type FetchResponsePartitionData } from '../../../../src/wire/index.ts';

function answer(
  records: Buffer | null,
  aborted: [producerId: bigint, firstOffset: bigint][] = [],
): FetchResponsePartitionData {
  return {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 100n,
    lastStableOffset: 100n,
    logStartOffset: 0n,
    divergingEpoch: { epoch: -1, endOffset: -1n },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: { endOffset: -1n, epoch: -1 },
    abortedTransactions: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset })),
    preferredReadReplica: -1,
    records,
  };
}

function data(baseOffset: bigint, count: number, producerId = -1n): Buffer {
  const records = Array.from({ length: count }, (_, i) => ({ value: `${baseOffset + BigInt(i)}` }));
  const transaction = producerId < 0n ? {} : { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true };
  return encodeBatch(records, { baseOffset, timestampMs: 1n, ...transaction });
}

function marker(type: 'abort' | 'commit', baseOffset: bigint, producerId: bigint): Buffer {
  return encodeEndTxnMarkerBatch({
    type,
    producerId,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: 1n,
    baseOffset,
  });
}

/** "0-4", "5-5 aborted", "6-6 control" per batch. */
function shape(response: FetchResponsePartitionData, fetchOffset = 0n): string[] {
  return readBatches(response, fetchOffset, 'fetch').map(({ header, isAborted }) => {
    const mark = isAborted ? ' aborted' : header.isControl ? ' control' : '';
    return `${header.baseOffset}-${header.lastOffset}${mark}`;
  });
}

describe('the batches of an answer', () => {
  it('come whole and in order; a piece of one at the end is left for the next fetch', () => {
    const records = Buffer.concat([data(0n, 5), data(5n, 2), data(7n, 3).subarray(0, 70)]);
    expect(shape(answer(records))).toEqual(['0-4', '5-6']);
  });

  it('leave out batches that end before the offset that was asked for, and keep the one it lies in', () => {
    const records = Buffer.concat([data(0n, 5), data(5n, 5)]);
    expect(shape(answer(records), 5n)).toEqual(['5-9']);
    expect(shape(answer(records), 3n)).toEqual(['0-4', '5-9']);
  });

  it('of aborted transactions are marked, between their first offset and their abort marker', () => {
    const records = Buffer.concat([
      data(0n, 2, 7n), // of an earlier transaction of producer 7, which was committed
      marker('commit', 2n, 7n),
      data(3n, 2, 7n), // aborted
      data(5n, 1, 8n), // another producer's, committed
      data(6n, 1), // no transaction at all
      data(7n, 1, 7n), // aborted
      marker('abort', 8n, 7n),
      marker('commit', 9n, 8n),
      data(10n, 1, 7n), // the next transaction of the same producer
    ]);
    expect(shape(answer(records, [[7n, 3n]]))).toEqual([
      '0-1',
      '2-2 control',
      '3-4 aborted',
      '5-5',
      '6-6',
      '7-7 aborted',
      '8-8 control',
      '9-9 control',
      '10-10',
    ]);
  });

  it('of a transaction that was aborted before this answer begins are marked too', () => {
    const records = Buffer.concat([data(20n, 1, 7n), marker('abort', 21n, 7n), data(22n, 1, 7n)]);
    expect(shape(answer(records, [[7n, 3n]]), 20n)).toEqual(['20-20 aborted', '21-21 control', '22-22']);
  });

  it('of two aborted transactions of one producer are told apart', () => {
    const records = Buffer.concat([
      data(0n, 1, 7n),
      marker('abort', 1n, 7n),
      data(2n, 1, 7n),
      marker('commit', 3n, 7n),
      data(4n, 1, 7n),
      marker('abort', 5n, 7n),
    ]);
    // The broker may list them in any order.
    const aborted: [bigint, bigint][] = [
      [7n, 4n],
      [7n, 0n],
    ];
    expect(shape(answer(records, aborted))).toEqual([
      '0-0 aborted',
      '1-1 control',
      '2-2',
      '3-3 control',
      '4-4 aborted',
      '5-5 control',
    ]);
  });

  it('that do not match their checksum are an error with the cause', () => {
    const records = data(0n, 3);
    records[records.length - 1]! ^= 1;
    expect(() => shape(answer(records))).toThrow(
      expect.objectContaining({ kafkaName: 'CORRUPT_MESSAGE', cause: expect.objectContaining({ code: 'corrupt' }) }),
    );
  });

  it('of the formats before Kafka 0.11 are refused by name', () => {
    const records = data(0n, 3);
    records[16] = 1;
    expect(() => shape(answer(records))).toThrow(
      expect.objectContaining({ kafkaName: 'UNSUPPORTED_FOR_MESSAGE_FORMAT' }),
    );
  });

  it('that do not even begin whole are an error, not an endless loop', () => {
    expect(() => shape(answer(data(0n, 30).subarray(0, 80)))).toThrow(
      expect.objectContaining({ kafkaName: 'MESSAGE_TOO_LARGE' }),
    );
  });

  it('may be none', () => {
    expect(shape(answer(null))).toEqual([]);
    expect(shape(answer(Buffer.alloc(0)))).toEqual([]);
  });
});
