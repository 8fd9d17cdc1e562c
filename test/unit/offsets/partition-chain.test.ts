import { describe, expect, it } from 'vitest';
import { FencedError } from '../../../src/offsets/index.ts';
import { decodeRecord, encodeRecord } from '../../../src/offsets/record-codec.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, openChain, owner, stageFile, topicId } from './chain-fixture.ts';

describe('PartitionChain', () => {
  it('begins a chain at the start offset and continues at the checkpoint', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    expect(chain.checkpoint).toBeNull();
    await chain.claim(owner('a', 1), { startOffset: 5n });
    expect(chain.checkpoint).toBe(5n);
    await commitOf(files, chain, 10);
    await chain.finishMoves();
    await chain.release();
    const again = await openChain(files);
    expect(again.checkpoint).toBe(15n);
    expect(again.state.holder).toBeNull();
    expect(again.state.totals).toMatchObject({ landed: 10n, files: 1 });
    expect(files.disk.paths('/events/dt=')).toHaveLength(1);
  });

  it('fences the owner before: its next commit is refused and its staged files are swept', async () => {
    const files = new MemoryFiles();
    const old = await openChain(files);
    await old.claim(owner('a', 1), { startOffset: 0n });
    const staged = await stageFile(files, old, 4);
    const fresh = await openChain(files);
    await fresh.claim(owner('b', 2), { startOffset: 0n });
    await expect(old.commit(staged)).rejects.toThrow(FencedError);
    expect(old.isOwner).toBe(false);
    expect(files.disk.paths('/events/_sluice/staging')).toEqual([]);
  });

  it.each(['partial', 'lost-after'] as const)(
    'deletes what failed tries to write a record left (%s)',
    async (fault) => {
      let faults = 3;
      const isRecord = ({ method, path }: { method: string; path: string }) =>
        method === 'create' && path.includes('/tmp/');
      const files = new MemoryFiles(undefined, { fault: (call) => (isRecord(call) && faults-- > 0 ? fault : 'none') });
      const chain = await openChain(files);
      await chain.claim(owner('a', 1), { startOffset: 0n });
      expect(faults, 'three tries have failed').toBeLessThanOrEqual(0);
      await commitOf(files, chain, 4);
      expect(files.disk.paths('/events/_sluice/ledger').filter((path) => path.includes('/tmp/'))).toEqual([]);
    },
  );

  it('finishes the moves of an owner that died after its commit', async () => {
    const files = new MemoryFiles();
    const old = await openChain(files);
    await old.claim(owner('a', 1), { startOffset: 0n });
    await commitOf(files, old, 4);
    const fresh = await openChain(files);
    expect(fresh.state.pending).toHaveLength(1);
    const state = await fresh.claim(owner('b', 2), { startOffset: 0n });
    expect(state.next).toBe(4n);
    expect(files.disk.paths('/events/dt=')).toHaveLength(1);
  });

  it('ends long eras, keeps the previous one, and reads the same state from one era', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files, { eraRecords: 4, pruneGraceMs: 0 });
    await chain.claim(owner('a', 1), { startOffset: 0n });
    for (let i = 0; i < 20; i++) {
      await commitOf(files, chain, 1);
      await chain.finishMoves();
      await chain.turnEraIfDue();
    }
    const eras = (await files.list(`/events/_sluice/ledger/${topicId}/3`)).filter((entry) => /^\d/.test(entry.name));
    expect(eras).toHaveLength(3); // era 0 for ever, the previous one, the newest
    const { pending: _pending, publishedThrough: _through, ...read } = (await openChain(files)).state;
    expect(chain.state).toMatchObject(read); // that the last moves are done, only the next record tells others
  });

  it('is opened with a few reads and no look into a data folder, however long its history', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files, { eraRecords: 10, pruneGraceMs: 0 });
    await chain.claim(owner('a', 1), { startOffset: 0n });
    const callsToOpen: number[] = [];
    for (let i = 1; i <= 300; i++) {
      await commitOf(files, chain, 1);
      await chain.finishMoves();
      await chain.turnEraIfDue();
      if (i % 75 !== 0) continue;
      const fresh = new MemoryFiles(files.disk);
      expect((await openChain(fresh)).checkpoint).toBe(BigInt(i));
      expect(fresh.calls.filter(({ path }) => !path.includes('/_sluice/'))).toEqual([]);
      callsToOpen.push(fresh.calls.length);
    }
    // An era has at most ten records; which of them is the last differs.
    expect(Math.max(...callsToOpen)).toBeLessThan(20);
  });

  it('notices a record that was exchanged for another whole one', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    await commitOf(files, chain, 4);
    await commitOf(files, chain, 4);
    const path = files.disk.paths('/events/_sluice/ledger').find((name) => name.endsWith('0003.json'))!;
    const { record } = decodeRecord(files.disk.bytes(path), path);
    const { bytes } = encodeRecord({ ...record, writtenAtMs: record.writtenAtMs + 1 });
    files.disk.nodes.get(path)!.bytes = bytes;
    await expect(openChain(files)).rejects.toThrow(/0004\.json: expected the hash of the record before/);
  });

  it('notices a record that is gone', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    await commitOf(files, chain, 4);
    await commitOf(files, chain, 4);
    const path = files.disk.paths('/events/_sluice/ledger').find((name) => name.endsWith('0003.json'))!;
    files.disk.remove(path, false);
    await expect(openChain(files)).rejects.toThrow(/0003\.json: missing, though 00000000000000000004\.json is there/);
  });
});
