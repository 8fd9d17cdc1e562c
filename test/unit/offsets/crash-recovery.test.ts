import { describe, expect, it } from 'vitest';
import { PartitionChain, readHistory } from '../../../src/offsets/index.ts';
import { type CallFault, type FileCall, MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, openChain, owner } from './chain-fixture.ts';
import { place } from './ledger-world.ts';

/** A first owner that commits once and dies before its move, so that the second finds work to finish. */
async function diskWithUnfinishedMoves(): Promise<MemoryDisk> {
  const files = new MemoryFiles();
  const chain = await openChain(files);
  await chain.claim(owner('first', 1), { startOffset: 0n });
  await commitOf(files, chain, 3);
  return files.disk;
}

/** Claims, commits over several eras, releases. */
async function work(files: MemoryFiles): Promise<void> {
  const chain = await openChain(files, { eraRecords: 3, pruneGraceMs: 0, retryMs: 0 });
  await chain.claim(owner('second', 2), { startOffset: 0n });
  for (let roll = 0; roll < 3; roll++) {
    await commitOf(files, chain, 2);
    await chain.finishMoves();
    await chain.turnEraIfDue();
  }
  await chain.gap(chain.checkpoint!, chain.checkpoint! + 5n, 'expired');
  await chain.release();
}

async function recoverAndCheck(disk: MemoryDisk): Promise<bigint> {
  const files = new MemoryFiles(disk);
  const chain = await openChain(files);
  await chain.claim(owner('third', 3), { startOffset: 0n });
  await commitOf(files, chain, 1);
  await chain.finishMoves();

  const expected: string[] = [];
  let next = 0n;
  for await (const record of readHistory(files, place, chain.state)) {
    if (record.kind !== 'commit' && record.kind !== 'gap') continue;
    expect(record.first).toBe(next);
    next = record.next;
    if (record.kind === 'commit') expected.push(...record.files.map((file) => `/events/${file.path}`));
  }
  expect(disk.paths('/events/dt=')).toEqual(expected.sort());
  return next;
}

/** A client that falls asleep before the first call that matches, for as long as nobody wakes it. */
class Sleeper {
  readonly files: MemoryFiles;
  readonly asleep: Promise<void>;
  wake: () => void = () => {};

  constructor(disk: MemoryDisk, matches: (call: FileCall) => boolean) {
    let fallAsleep: () => void;
    this.asleep = new Promise((resolve) => {
      fallAsleep = resolve;
    });
    const slept = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    let isFirst = true;
    const turn = async (call: FileCall): Promise<void> => {
      if (!isFirst || !matches(call)) return;
      isFirst = false;
      fallAsleep();
      await slept;
    };
    this.files = new MemoryFiles(disk, { turn });
  }
}

/** Hundreds of small runs each; machines are not equally busy. */
const timeout = 120_000;

describe('an owner that dies', () => {
  for (const how of ['crash-before', 'crash-after'] as const) {
    it(`leaves a chain the next owner can go on with, whichever file call it dies at (${how})`, {
      timeout,
    }, async () => {
      const counting = new MemoryFiles(await diskWithUnfinishedMoves());
      await work(counting);
      expect(counting.calls.length).toBeGreaterThan(50);
      for (let at = 1; at <= counting.calls.length; at++) {
        const disk = await diskWithUnfinishedMoves();
        const fault = (call: { number: number }): CallFault => (call.number === at ? how : 'none');
        const files = new MemoryFiles(disk, { fault });
        const died = await work(files).catch((error: unknown) => error);
        if (files.calls.length >= at && died) expect(String(died)).toMatch(/crash/);
        expect(await recoverAndCheck(disk), `died at call ${at}`).toBeGreaterThanOrEqual(4n);
      }
    });
  }

  it('is itself undisturbed by any single lost answer', { timeout }, async () => {
    const counting = new MemoryFiles(await diskWithUnfinishedMoves());
    await work(counting);
    for (const how of ['lost-before', 'lost-after', 'delayed', 'partial'] as const) {
      for (let at = 1; at <= counting.calls.length; at++) {
        const disk = await diskWithUnfinishedMoves();
        const files = new MemoryFiles(disk, { fault: (call) => (call.number === at ? how : 'none') });
        const failure = await work(files).catch((error: unknown) => error);
        // A call that may simply be made again is the file system's to retry; what it gives up on is only reported.
        if (failure) expect(failure).toMatchObject({ code: 'uncertain' });
        while (disk.delayedCount > 0) disk.runDelayed();
        await recoverAndCheck(disk);
      }
    }
  });
});

describe('the commit point', () => {
  for (const how of ['lost-after', 'lost-before', 'delayed'] as const) {
    it(`is settled by reading the record when its answer gets lost (${how})`, async () => {
      let isArmed = false;
      const files = new MemoryFiles(new MemoryDisk(), {
        fault: ({ method, to }) => {
          if (!isArmed || method !== 'publishIfAbsent' || !to?.endsWith('.json')) return 'none';
          isArmed = false;
          return how;
        },
      });
      const chain = await openChain(files);
      await chain.claim(owner('a', 1), { startOffset: 0n });
      isArmed = true;
      await commitOf(files, chain, 5);
      while (files.disk.delayedCount > 0) files.disk.runDelayed();
      expect(chain.checkpoint).toBe(5n);
      expect((await openChain(new MemoryFiles(files.disk))).checkpoint).toBe(5n);
    });
  }

  it('stays in doubt when nothing can be found out, and a later claim decides', async () => {
    let isCut = false;
    const files = new MemoryFiles(new MemoryDisk(), {
      fault: ({ method }) => (isCut && method === 'publishIfAbsent' ? 'delayed' : 'none'),
    });
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    isCut = true;
    await expect(commitOf(files, chain, 5)).rejects.toMatchObject({ code: 'in-doubt', isRetriable: true });
    expect(chain.isOwner).toBe(false);
    isCut = false;
    const state = await chain.reclaimIfStillOwner(async () => true);
    expect(state!.next).toBe(0n);
    while (files.disk.delayedCount > 0) files.disk.runDelayed(); // too late: the claim has the number
    expect((await openChain(new MemoryFiles(files.disk))).state).toMatchObject({ next: 0n, sequence: state!.sequence });
  });

  it('is not reached when the temporary file arrives cut', async () => {
    let isArmed = false;
    const files = new MemoryFiles(new MemoryDisk(), {
      fault: ({ method, path }) => {
        if (!isArmed || method !== 'create' || !path.includes('/tmp/')) return 'none';
        isArmed = false;
        return 'partial';
      },
    });
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    isArmed = true;
    await commitOf(files, chain, 5);
    expect((await openChain(new MemoryFiles(files.disk))).checkpoint).toBe(5n);
  });

  it('is not reached with a temporary file that reads other than it was written', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    const write = files.disk.write.bind(files.disk);
    let cuts = 2;
    files.disk.write = (path, bytes) => {
      const isCut = path.includes('/tmp/') && cuts-- > 0;
      write(path, isCut ? bytes.subarray(0, bytes.length - 3) : bytes); // and says nothing
    };
    await commitOf(files, chain, 5);
    expect(cuts).toBeLessThan(0);
    expect((await openChain(files)).checkpoint).toBe(5n);
  });

  it('refuses to put a record where a folder stands', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    const { era, eraFolder } = chain.state;
    expect(era).toBe(1);
    await files.mkdirs(`/events/_sluice/ledger/${place.topicId}/3/${eraFolder}/00000000000000000003.json`);
    await expect(commitOf(files, chain, 5)).rejects.toMatchObject({ code: 'broken-chain' });
    expect(chain.isOwner).toBe(false);
    await expect(PartitionChain.open(files, place)).rejects.toMatchObject({ code: 'broken-chain' });
  });
});

describe('a removed era', () => {
  it('stays closed to an owner that wakes up behind it: its late rename finds no folder', async () => {
    const disk = new MemoryDisk();
    let held: (() => void) | null = null;
    const frozenFiles = new MemoryFiles(disk, {
      turn: async ({ method, to }) => {
        if (method === 'publishIfAbsent' && to?.endsWith('00000000000000000003.json')) {
          await new Promise<void>((resolve) => {
            held = resolve;
          });
        }
      },
    });
    const frozen = await openChain(frozenFiles);
    await frozen.claim(owner('frozen', 1), { startOffset: 0n });
    const commit = commitOf(frozenFiles, frozen, 2).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    expect(held).not.toBeNull();

    const files = new MemoryFiles(disk);
    const chain = await openChain(files, { eraRecords: 2, pruneGraceMs: 0 });
    await chain.claim(owner('second', 2), { startOffset: 0n });
    for (let roll = 0; roll < 10; roll++) {
      await commitOf(files, chain, 2);
      await chain.finishMoves();
      await chain.turnEraIfDue();
    }
    expect(disk.nodes.has(`/events/_sluice/ledger/${place.topicId}/3/${frozen.state.eraFolder}`)).toBe(false);
    held!();
    expect(await commit).toMatchObject({ code: 'fenced' });
    expect(await recoverAndCheck(disk)).toBe(21n);
  });

  it('does not come back by the hand of a second sleeper, who was about to make its folder', async () => {
    const disk = new MemoryDisk();
    const turner = new Sleeper(disk, ({ method, path }) => method === 'mkdirs' && path.includes('/0000000002-'));
    const turning = await openChain(turner.files, { eraRecords: 2 });
    await turning.claim(owner('turner', 1), { startOffset: 0n });
    await commitOf(turner.files, turning, 2);
    await turning.finishMoves();
    const turn = turning.turnEraIfDue().catch((error: unknown) => error);
    await turner.asleep;

    // The next owner ends era 1 and falls asleep on its way into era 2.
    const writer = new Sleeper(
      disk,
      ({ method, to }) => method === 'publishIfAbsent' && /\/0000000002-.*json$/.test(to ?? ''),
    );
    const writing = await openChain(writer.files, { eraRecords: 2 });
    await writing.claim(owner('writer', 2), { startOffset: 0n });
    expect(writing.state.era).toBe(2);
    const commit = commitOf(writer.files, writing, 2).catch((error: unknown) => error);
    await writer.asleep;

    const files = new MemoryFiles(disk);
    const chain = await openChain(files, { eraRecords: 2, pruneGraceMs: 0 });
    await chain.claim(owner('third', 3), { startOffset: 0n });
    while (chain.state.era < 6) {
      await commitOf(files, chain, 1);
      await chain.finishMoves();
      await chain.turnEraIfDue();
    }
    turner.wake();
    expect(await turn).toMatchObject({ code: 'fenced' });
    writer.wake();
    expect(await commit).toMatchObject({ code: 'fenced' });
    await recoverAndCheck(disk);
  });

  it('is kept while it is younger than the grace', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files, { eraRecords: 2, pruneGraceMs: 1000 });
    await chain.claim(owner('a', 1), { startOffset: 0n });
    for (let roll = 0; roll < 8; roll++) {
      await commitOf(files, chain, 1);
      await chain.finishMoves();
      await chain.turnEraIfDue();
    }
    const eras = (await files.list(`/events/_sluice/ledger/${place.topicId}/3`)).filter(({ name }) => /^\d/.test(name));
    expect(eras.length).toBe(chain.state.era + 1);
  });
});
