import { describe, expect, it } from 'vitest';
import { decodeFetched, decodeJson } from '../../../../src/online/consumer/decode-records.ts';
import type { FetchedPartition } from '../../../../src/wire/client/index.ts';
import { encodeBatch, encodeEndTxnMarkerBatch, patchBatch, readBatchHeader } from '../../../../src/wire/index.ts';

function batchAt(baseOffset: bigint, values: readonly (string | null)[], isAborted = false) {
  const bytes = encodeBatch(
    values.map((value) => ({ key: 'k', value })),
    { timestampMs: 1000n },
  );
  patchBatch(bytes, 0, { baseOffset, leaderEpoch: 0 });
  return { bytes, header: readBatchHeader(bytes), isAborted };
}

function fetchedOf(fetchOffset: bigint, batches: ReturnType<typeof batchAt>[], nextOffset: bigint): FetchedPartition {
  const ends = { highWatermark: 100n, lastStableOffset: 100n, logStartOffset: 0n, leaderEpoch: 0, error: null };
  return { topic: 't', topicId: '0'.repeat(32), partition: 0, fetchOffset, batches, nextOffset, ...ends };
}

const decoded = (fetched: FetchedPartition, maxEvents = 100, end: bigint | null = null) =>
  [...decodeFetched<unknown>(fetched, decodeJson, { end, maxEvents })].map(({ events, undecodable, ...piece }) => ({
    ...piece,
    values: events.map(({ value }) => value),
    bad: undecodable.map(({ offset }) => offset),
  }));

describe('what a fetch brought', () => {
  it('comes in pieces that leave no offset out, whatever is in them', () => {
    const batches = [batchAt(10n, ['1', '2', '3']), batchAt(13n, ['4', 'x', null]), batchAt(20n, ['5'])];
    expect(decoded(fetchedOf(11n, batches, 21n), 3)).toEqual([
      { first: 11n, next: 14n, values: [2, 3, 4], bad: [] },
      { first: 14n, next: 21n, values: [null, 5], bad: [14n] },
    ]);
  });

  it('leaves out aborted transactions and control records, and ends where it is told to', () => {
    const marker = encodeEndTxnMarkerBatch({
      ...{ type: 'commit', producerId: 1n, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 1000n },
    });
    patchBatch(marker, 0, { baseOffset: 4n, leaderEpoch: 0 });
    const control = { bytes: marker, header: readBatchHeader(marker), isAborted: false };
    const batches = [batchAt(0n, ['1', '2']), batchAt(2n, ['8', '9'], true), control, batchAt(5n, ['3', '4'])];
    expect(decoded(fetchedOf(0n, batches, 7n), 100, 6n)).toEqual([{ first: 0n, next: 6n, values: [1, 2, 3], bad: [] }]);
    expect(decoded(fetchedOf(4n, [control], 5n))).toEqual([{ first: 4n, next: 5n, values: [], bad: [] }]);
  });
});
