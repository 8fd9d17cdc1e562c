import { describe, expect, it } from 'vitest';
import { FencedError, type PartitionChain } from '../../../src/offsets/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, openChain, owner, stageFile } from './chain-fixture.ts';

async function heldBy(
  member: string,
  generation: number,
  group?: string,
): Promise<{ files: MemoryFiles; holder: PartitionChain }> {
  const files = new MemoryFiles();
  const holder = await openChain(files);
  await holder.claim(owner(member, generation, group), { startOffset: 0n });
  return { files, holder };
}

describe('a claim', () => {
  it('of a later generation of the same group is let in', async () => {
    const { files } = await heldBy('a', 4);
    await expect((await openChain(files)).claim(owner('b', 5), { startOffset: 0n })).resolves.toMatchObject({
      next: 0n,
    });
  });

  it('of an earlier generation is fenced: a member that slept through a rebalance', async () => {
    const { files } = await heldBy('a', 5);
    const late = (await openChain(files)).claim(owner('b', 4), { startOffset: 0n });
    await expect(late).rejects.toThrow(/claimed by group loaders, member a, generation 5.*generation 4 is older/);
    await expect(late).rejects.toThrow(FencedError);
  });

  it('is fenced when the group denies the membership, whatever the ledger says', async () => {
    const { files } = await heldBy('a', 4);
    const late = (await openChain(files)).claim(owner('b', 5), {
      startOffset: 0n,
      confirmMembership: async () => false,
    });
    await expect(late).rejects.toThrow(
      /loaders says that member b of generation 5 does not have partition 3 of topic events/,
    );
  });

  it('of a lower generation is let in when the group, asked after the look at the ledger, confirms it: it has begun anew', async () => {
    const { files } = await heldBy('a', 57);
    const chain = await openChain(files);
    await chain.claim(owner('b', 1), { startOffset: 0n, confirmMembership: async () => true });
    expect(chain.state.holder!.owner.member).toBe('b');
  });

  it('over another group needs the operator, a proof, or a release', async () => {
    const { files, holder } = await heldBy('a', 4);
    const other = owner('j', 1, 'job:nightly');
    const claim = async (options: object): Promise<unknown> =>
      (await openChain(files)).claim(other, { startOffset: 0n, ...options });
    await expect(claim({})).rejects.toMatchObject({ code: 'held-by-other', isRetriable: true });
    await expect(claim({ holderIsGone: async () => null })).rejects.toThrow(/--take-over/);
    await holder.release();
    await expect(claim({})).resolves.toMatchObject({ next: 0n });
  });

  it('with a reason to overrule says so in the ledger', async () => {
    const { files } = await heldBy('a', 4);
    const other = owner('j', 1, 'job:nightly');
    const chain = await openChain(files);
    await chain.claim(other, { startOffset: 0n, takeOver: 'ticket 12' });
    const again = await openChain(files);
    await again.claim(owner('a', 5), {
      startOffset: 0n,
      holderIsGone: async ({ owner: { group } }) => `${group} is no group`,
    });
    const path = files.disk.paths('/events/_sluice/ledger').filter((name) => /0000[34]\.json$/.test(name));
    const reasons = path.map((name) => JSON.parse(files.disk.bytes(name).toString()).takeOver);
    expect(reasons[0]).toMatch(/^group loaders, member a, .*: ticket 12$/);
    expect(reasons[1]).toMatch(/: job:nightly is no group$/);
  });

  it('from another cluster is refused: its offsets mean something else', async () => {
    const { files, holder } = await heldBy('a', 4);
    await holder.release();
    const claim = (await openChain(files)).claim(owner('b', 9, 'loaders', 'cluster-2'), { startOffset: 0n });
    await expect(claim).rejects.toThrow(/loaded from cluster cluster-1, this is cluster cluster-2/);
  });

  it('goes on behind a last commit that slipped in before it', async () => {
    const { files, holder } = await heldBy('a', 4);
    const chain = await openChain(files);
    await commitOf(files, holder, 10);
    expect((await chain.claim(owner('b', 5), { startOffset: 0n })).next).toBe(10n);
    expect(files.disk.paths('/events/dt=')).toHaveLength(1);
  });

  it('by a frozen member too late costs the rightful owner only a new claim', async () => {
    const { files, holder } = await heldBy('right', 5);
    const frozen = await openChain(files); // read the tail when nobody had claimed: here by force
    await frozen.claim(owner('frozen', 4), { startOffset: 0n, confirmMembership: async () => true });
    await expect(holder.commit(await stageFile(files, holder, 2))).rejects.toThrow(FencedError);
    expect(await holder.reclaimIfStillOwner(async () => true)).toMatchObject({ next: 0n });
    await commitOf(files, holder, 2);
    expect(await frozen.reclaimIfStillOwner(async () => false)).toBeNull();
    expect(holder.checkpoint).toBe(2n);
  });

  it('never takes away the staged files of a commit, only those of nobody', async () => {
    const { files, holder } = await heldBy('a', 4);
    await commitOf(files, holder, 2); // committed, not moved
    await stageFile(files, holder, 2); // staged, never committed
    const chain = await openChain(files);
    await chain.claim(owner('b', 5), { startOffset: 0n });
    expect(files.disk.paths('/events/dt=')).toHaveLength(1);
    expect(files.disk.paths('/events/_sluice/staging')).toEqual([]);
  });

  it('stops at a committed file that is at neither place, and names it', async () => {
    const { files, holder } = await heldBy('a', 4);
    await commitOf(files, holder, 2);
    for (const path of files.disk.paths('/events/_sluice/staging')) files.disk.remove(path, false);
    const claim = (await openChain(files)).claim(owner('b', 5), { startOffset: 0n });
    await expect(claim).rejects.toMatchObject({
      code: 'missing-file',
      path: expect.stringContaining('/dt=2026-11-21/hr=07/part+'),
    });
  });
});

describe('an owner', () => {
  it('cannot commit, release or stage after it has released', async () => {
    const { files, holder } = await heldBy('a', 4);
    const commit = await stageFile(files, holder, 2);
    await holder.release();
    await expect(holder.commit(commit)).rejects.toThrow(FencedError);
    await expect(holder.release()).rejects.toThrow(FencedError);
    expect(() => holder.stagingFolder).toThrow(FencedError);
  });

  it('cannot commit a range that does not begin at the checkpoint; nothing is written', async () => {
    const { files, holder } = await heldBy('a', 4);
    const commit = await stageFile(files, holder, 2);
    const before = files.disk.paths();
    await expect(holder.commit({ ...commit, first: 1n, next: 3n })).rejects.toMatchObject({ code: 'bad-record' });
    await expect(holder.gap(5n, 6n, 'x')).rejects.toMatchObject({ code: 'bad-record' });
    expect(files.disk.paths()).toEqual(before);
    await holder.commit(commit); // and it still is the owner
  });

  it('sees with one look that somebody else wrote', async () => {
    const { files, holder } = await heldBy('a', 4);
    expect(await holder.hasSuccessor()).toBe(false);
    await (await openChain(files)).claim(owner('b', 5), { startOffset: 0n });
    expect(await holder.hasSuccessor()).toBe(true);
    await holder.refresh();
    expect(holder.isOwner).toBe(false);
  });
});
