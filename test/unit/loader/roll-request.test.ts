import { describe, expect, it } from 'vitest';
import { openRollRequest, requestRoll } from '../../../src/loader/roll-request.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

const place = { table: '_a', topicId: 'f'.repeat(32), partition: 4 };
const signal = new AbortController().signal;

describe('roll requests', () => {
  it('give the furthest end above the checkpoint, and go when the checkpoint has passed them', async () => {
    const files = new MemoryFiles();
    expect(await openRollRequest(files, place, 0n, signal)).toBeNull();
    await requestRoll(files, place, 50n, signal);
    await requestRoll(files, place, 50n, signal);
    await requestRoll(files, place, 9_007_199_254_740_995n, signal);
    expect(await openRollRequest(files, place, 49n, signal)).toBe(9_007_199_254_740_995n);
    expect(await openRollRequest(files, place, 50n, signal)).toBe(9_007_199_254_740_995n);
    expect(files.disk.paths()).toEqual([`/%5Fa/_sluice/requests/${place.topicId}/4/roll-00009007199254740995`]);
    expect(await openRollRequest(files, place, 9_007_199_254_740_995n, signal)).toBeNull();
    expect(files.disk.paths()).toEqual([]);
  });
});
