import { describe, expect, it } from 'vitest';
import type { LogManager, PartitionLog } from '../../../../src/log/storage/index.ts';
import { appendValues, batchOf, newDisk, openSmall, readHeaders, startMs } from './log-fixture.ts';

const dayMs = 86_400_000;
/** Two of them fill a segment. */
const long = 'x'.repeat(1500);

async function pinned(
  config: object = {},
): Promise<{ manager: LogManager; log: PartitionLog; commit: (to: bigint) => void }> {
  const manager = await openSmall(newDisk());
  const topic = await manager.createTopic('t', {
    partitionCount: 1,
    config: { retentionMs: dayMs, pinGroup: 'loader', ...config },
  });
  let committed: bigint | null = null;
  manager.setPinLookup((group, name, topicId, partition) => {
    const isOurs = group === 'loader' && name === 't' && topicId === topic.topicId && partition === 0;
    return isOurs ? committed : null;
  });
  return { manager, log: topic.partitions[0]!, commit: (to) => void (committed = to) };
}

describe('a pinned topic', () => {
  it('keeps what the group has not committed past retention, and lets go of what it has', async () => {
    const { manager, log, commit } = await pinned();
    await appendValues(
      log,
      Array.from({ length: 9 }, () => long),
    );
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(log.logStartOffset, 'nothing committed yet: pinned at the start').toBe(0n);
    commit(5n);
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(log.logStartOffset).toBe(4n);
    expect((await readHeaders(log)).length).toBe(5);
    commit(9n);
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(log.logStartOffset).toBe(9n);
  });

  it('holds everything until the coordinator has read what groups have committed', async () => {
    const manager = await openSmall(newDisk());
    const config = { retentionMs: dayMs, pinGroup: 'loader' };
    const topic = await manager.createTopic('t', { partitionCount: 1, config });
    await appendValues(topic.partitions[0]!, [long, long, long, long]);
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(topic.partitions[0]!.logStartOffset).toBe(0n);
  });

  it('with policy refuse turns producers away above its limit, until the group has moved on', async () => {
    const { manager, log, commit } = await pinned({ pinMaxBytes: 4000 });
    await appendValues(
      log,
      Array.from({ length: 9 }, () => long),
    );
    await appendValues(log, ['young records count for retention, not for the pin']);
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(() => appendNow(log)).toThrow(/expected at most sluice.pin.max.bytes = 4000/);
    expect(() => appendNow(log)).toThrow(
      expect.objectContaining({ kafkaName: 'KAFKA_STORAGE_ERROR', isRetriable: true }),
    );
    expect(log.logStartOffset).toBe(0n);
    commit(8n);
    await appendValues(log, ['at once, without waiting for retention to run']);
  });

  it('with policy drop loses the oldest records above its limit, and no more than that', async () => {
    const { manager, log, commit } = await pinned({ pinMaxBytes: 5000, pinPolicy: 'drop' });
    commit(1n);
    await appendValues(
      log,
      Array.from({ length: 9 }, () => long),
    );
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(log.logStartOffset).toBe(6n);
    await appendValues(log, ['go on']);
  });

  it('without a limit holds whatever comes, and without a pin nothing is held', async () => {
    const { manager, log } = await pinned();
    await appendValues(
      log,
      Array.from({ length: 20 }, () => long),
    );
    await manager.applyRetention(startMs + 2 * dayMs);
    await appendValues(log, [long]);
    await manager.alterTopicConfig('t', ({ pinGroup: _, ...rest }) => rest);
    await manager.applyRetention(startMs + 2 * dayMs);
    expect(log.logStartOffset).toBe(21n);
  });
});

function appendNow(log: PartitionLog): void {
  log.append(batchOf({ values: ['x'] }));
}
