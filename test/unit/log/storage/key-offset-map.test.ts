import { describe, expect, it } from 'vitest';
import { KeyOffsetMap } from '../../../../src/log/storage/key-offset-map.ts';

const key = (i: number): Buffer => Buffer.from(`key-${i}`);

describe('the map of newest offsets', () => {
  it('answers the newest offset of each key, and null for others, until it is three quarters full', () => {
    const map = new KeyOffsetMap(24 * 1000);
    let count = 0;
    while (map.set(key(count), BigInt(count))) count++;
    expect(count).toBe(750);
    expect(map.isFull).toBe(true);
    for (let i = 0; i < count; i += 3) expect(map.set(key(i), BigInt(1000 + i)), 'known keys need no room').toBe(true);
    for (let i = 0; i < count; i++) expect(map.offsetOf(key(i))).toBe(BigInt(i % 3 === 0 ? 1000 + i : i));
    expect(map.offsetOf(key(count))).toBeNull();
  });

  it('knows offset 0 from no offset', () => {
    const map = new KeyOffsetMap(240);
    map.set(key(1), 0n);
    expect(map.offsetOf(key(1))).toBe(0n);
    expect(map.offsetOf(key(2))).toBeNull();
  });
});
