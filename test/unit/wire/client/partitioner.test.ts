import { describe, expect, it } from 'vitest';
import { murmur2, partitionForKey, StickyPartition } from '../../../../src/wire/client/partitioner.ts';

describe('murmur2', () => {
  // The values of Kafka's own UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes "%s" as the Java client does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('takes text as its UTF-8 bytes', () => {
    expect(partitionForKey('größe', 1000)).toBe(partitionForKey(Buffer.from('größe', 'utf8'), 1000));
  });

  it('drops the sign bit instead of negating, so that the smallest hash still gives a partition', () => {
    for (let i = 0; i < 2000; i++) {
      const partition = partitionForKey(`key-${i}`, 7);
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(7);
    }
  });
});

describe('StickyPartition', () => {
  it('stays with a partition until it got its bytes, then moves to another one', () => {
    const sticky = new StickyPartition(100, () => 0.5);
    const first = sticky.next(60, 4);
    expect(sticky.next(60, 4)).toBe(first);
    expect(sticky.next(60, 4)).not.toBe(first);
  });

  it('spreads bytes evenly over the partitions', () => {
    const bytes = new Map<number, number>();
    let seed = 7;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const sticky = new StickyPartition(1000, random);
    for (let i = 0; i < 40_000; i++) {
      const partition = sticky.next(100, 5);
      bytes.set(partition, (bytes.get(partition) ?? 0) + 100);
    }
    expect(bytes.size).toBe(5);
    for (const total of bytes.values()) expect(total / 800_000).toBeGreaterThan(0.9);
  });

  it('leaves a partition that is no more', () => {
    const sticky = new StickyPartition(100, () => 0.99);
    expect(sticky.next(1, 8)).toBe(7);
    expect(sticky.next(1, 2)).toBe(1);
  });
});
