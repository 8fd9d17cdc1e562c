import { describe, expect, it } from 'vitest';
import { PartitionFeed } from '../../../src/loader/partition-feed.ts';
import type { FetchedPartition } from '../../../src/wire/client/index.ts';
import { encodeBatch, readBatchHeader } from '../../../src/wire/index.ts';

const partition = { topic: 'events', topicId: 'f'.repeat(32), ownId: null, partition: 2, endOffset: null };

function answer(fetchOffset: bigint, nextOffset: bigint, valueBytes = 10): FetchedPartition {
  const records = [{ key: null, value: Buffer.alloc(valueBytes) }];
  const bytes = encodeBatch(records, { baseOffset: fetchOffset, timestampMs: 0n });
  return {
    topic: 'events',
    topicId: partition.topicId,
    partition: 2,
    fetchOffset,
    batches: [{ bytes, header: readBatchHeader(bytes), isAborted: false }],
    nextOffset,
    highWatermark: 100n,
    lastStableOffset: 90n,
    logStartOffset: 0n,
    leaderEpoch: 0,
    error: null,
  };
}

function stage() {
  const calls: string[] = [];
  const feed = new PartitionFeed(partition, {
    assign: (_topic, _partition, offset) => void calls.push(`assign ${offset}`),
    unassign: () => void calls.push('unassign'),
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
    progress: () => null,
  });
  return { feed, calls };
}

describe('PartitionFeed', () => {
  it('gives batches in order, then where the answer ends', () => {
    const { feed } = stage();
    feed.open(5n, null);
    expect(feed.next()).toBeNull();
    expect(feed.offer(answer(5n, 9n))).toBe(true);
    expect(feed.offer(answer(9n, 12n))).toBe(true);
    const items = [feed.next(), feed.next(), feed.next(), feed.next(), feed.next()];
    expect(items.map((item) => (item?.kind === 'end' ? item.nextOffset : item?.batch.header.baseOffset))).toEqual([
      5n,
      9n,
      9n,
      12n,
      undefined,
    ]);
    expect(feed.logEnd).toBe(90n);
  });

  it('drops answers that belong to an assignment that is over, and what it still held of it', () => {
    const { feed } = stage();
    feed.open(0n, null);
    feed.offer(answer(0n, 50n));
    feed.open(20n, null);
    expect(feed.next()).toBeNull();
    expect(feed.offer(answer(50n, 60n))).toBe(false);
    expect(feed.offer(answer(20n, 30n))).toBe(true);
    feed.close();
    expect(feed.offer(answer(30n, 40n))).toBe(false);
    expect(feed.bytes).toBe(0);
  });

  it('pauses fetching while it holds more than its bound, and never touches a partition that is not assigned', () => {
    const { feed, calls } = stage();
    feed.open(0n, null);
    feed.offer(answer(0n, 1n, 5_000_000));
    expect(calls).toEqual(['assign 0']);
    feed.offer(answer(1n, 2n, 5_000_000));
    expect(calls.at(-1)).toBe('pause');
    feed.next();
    expect(calls.at(-1)).toBe('resume');
    feed.offer(answer(2n, 3n, 5_000_000));
    feed.close();
    feed.close();
    expect(calls.slice(-2)).toEqual(['pause', 'unassign']);
  });
});
