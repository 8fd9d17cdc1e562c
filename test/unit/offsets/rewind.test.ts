import { describe, expect, it } from 'vitest';
import { isRetracted, liveFiles, readHistory } from '../../../src/offsets/index.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, openChain, owner } from './chain-fixture.ts';
import { place } from './ledger-world.ts';

async function loaded(files: MemoryFiles, counts: number[], eraRecords = 500) {
  const chain = await openChain(files, { eraRecords, pruneGraceMs: 0, retryMs: 0 });
  await chain.claim(owner('a', 1), { startOffset: 0n });
  for (const count of counts) {
    await commitOf(files, chain, count);
    await chain.finishMoves();
    await chain.turnEraIfDue();
  }
  return chain;
}

async function liveRanges(files: MemoryFiles): Promise<string[]> {
  const found: string[] = [];
  for await (const { ranges } of liveFiles(files, 'events')) found.push(`${ranges[0]!.first}-${ranges[0]!.next}`);
  return found.sort();
}

describe('a rewind', () => {
  it('takes the checkpoint back to where a commit began, and its files out of the table', async () => {
    const files = new MemoryFiles();
    const chain = await loaded(files, [3, 4, 5]);
    const record = await chain.rewind(3n, 'a wrong contract');
    expect(record).toMatchObject({ from: 12n, next: 3n, totals: { landed: 9n, files: 2 }, reason: 'a wrong contract' });
    expect(chain.checkpoint).toBe(3n);
    expect(await liveRanges(files)).toEqual(['0-3']);
    expect(files.disk.paths('/events/dt=')).toHaveLength(1);
    expect(files.disk.paths('/events/_sluice/rewound')).toHaveLength(2);
    await commitOf(files, chain, 9);
    await chain.finishMoves();
    expect(await liveRanges(files)).toEqual(['0-3', '3-12']);
    expect(chain.state.totals).toMatchObject({ landed: 12n, files: 2 });
  });

  it('is refused within a commit, and where nothing is behind', async () => {
    const chain = await loaded(new MemoryFiles(), [3, 4]);
    for (const to of [1n, 5n, 7n, 9n]) {
      await expect(chain.rewind(to, 'test')).rejects.toThrow(/expected an offset at which a commit begins/);
    }
    expect(chain.checkpoint).toBe(7n);
  });

  it('stays known over the ends of eras, and a second one goes further back', async () => {
    const files = new MemoryFiles();
    const chain = await loaded(files, [3, 4, 5, 6], 3);
    await chain.rewind(7n, 'first');
    for (const count of [1, 2, 3, 4, 5]) {
      await commitOf(files, chain, count);
      await chain.finishMoves();
      await chain.turnEraIfDue();
    }
    await chain.rewind(3n, 'second');
    await commitOf(files, chain, 100);
    await chain.finishMoves();
    const reopened = await openChain(new MemoryFiles(files.disk));
    expect(reopened.state.retractions).toHaveLength(2);
    expect(await liveRanges(files)).toEqual(['0-3', '3-103']);
    let next = 0n;
    for await (const record of readHistory(files, place, reopened.state)) {
      if (record.kind !== 'commit' || isRetracted(reopened.state, record)) continue;
      expect(record.first).toBe(next);
      next = record.next;
    }
    expect(next).toBe(103n);
  });

  it('is finished by the next claimant, whichever file call the rewinder died at', async () => {
    const counting = new MemoryFiles();
    await (await loaded(counting, [3, 4, 5])).rewind(3n, 'test');
    const before = new MemoryFiles();
    await loaded(before, [3, 4, 5]);
    for (let at = before.calls.length + 1; at <= counting.calls.length; at++) {
      for (const how of ['crash-before', 'crash-after'] as const) {
        const disk = new MemoryDisk();
        const files = new MemoryFiles(disk, { fault: (call) => (call.number === at ? how : 'none') });
        await loaded(files, [3, 4, 5])
          .then((chain) => chain.rewind(3n, 'test'))
          .catch((error: unknown) => expect(String(error)).toMatch(/crash/));
        const next = await openChain(new MemoryFiles(disk));
        await next.claim(owner('b', 2), { startOffset: 0n });
        expect([3n, 12n]).toContain(next.checkpoint);
        expect(disk.paths('/events/dt=')).toHaveLength(next.checkpoint === 3n ? 1 : 3);
      }
    }
  });
});
