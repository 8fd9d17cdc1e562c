import { describe, expect, it } from 'vitest';
import { openRequests, requestRoll } from '../../../src/loader/roll-request.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

const place = { table: '_a', topicId: 'f'.repeat(32), partition: 4 };
const signal = new AbortController().signal;

describe('roll requests', () => {
  it('give the furthest end above the checkpoint, and go when the checkpoint has passed them', async () => {
    const files = new MemoryFiles();
    expect(await openRequests(files, place, 0n, signal)).toEqual({ rollUpTo: null, pause: null });
    await requestRoll(files, place, 50n, signal);
    await requestRoll(files, place, 50n, signal);
    await requestRoll(files, place, 9_007_199_254_740_995n, signal);
    expect((await openRequests(files, place, 49n, signal)).rollUpTo).toBe(9_007_199_254_740_995n);
    expect((await openRequests(files, place, 50n, signal)).rollUpTo).toBe(9_007_199_254_740_995n);
    expect(files.disk.paths()).toEqual([`/%5Fa/_sluice/requests/${place.topicId}/4/roll-00009007199254740995`]);
    expect(await openRequests(files, place, 9_007_199_254_740_995n, signal)).toEqual({ rollUpTo: null, pause: null });
    expect(files.disk.paths()).toEqual([]);
  });
});
