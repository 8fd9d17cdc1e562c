import { describe, expect, it } from 'vitest';
import {
  describeOffsets,
  examineDamage,
  type LedgerDamage,
  type PartitionChain,
  readHistory,
  voidDamagedRecord,
} from '../../../src/offsets/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, instantClock, openChain, owner, stageFile } from './chain-fixture.ts';
import { place } from './ledger-world.ts';

const by = { host: 'here', reason: 'disk trouble', clock: instantClock };

/** A chain with two commits whose last record is damaged. */
async function damagedChain(damage: (bytes: Buffer) => Buffer = (bytes) => bytes.subarray(0, bytes.length >> 1)) {
  const files = new MemoryFiles();
  const chain = await openChain(files);
  await chain.claim(owner('a', 1), { startOffset: 0n });
  await commitOf(files, chain, 10);
  await chain.finishMoves();
  await commitOf(files, chain, 5);
  spoil(files, chain, damage);
  return { files, chain };
}

function spoil(files: MemoryFiles, chain: PartitionChain, damage: (bytes: Buffer) => Buffer): string {
  const path = files.disk
    .paths('/events/_sluice/ledger')
    .findLast((name) => name.endsWith(`${chain.state.sequence}.json`))!;
  files.disk.nodes.get(path)!.bytes = damage(files.disk.bytes(path));
  return path;
}

async function examined(files: MemoryFiles): Promise<LedgerDamage> {
  const damage = await examineDamage(files, place, 'events');
  expect(damage).not.toBeNull();
  return damage!;
}

describe('a record that cannot be read', () => {
  it('stops the partition and names the way on', async () => {
    for (const damage of [() => Buffer.alloc(0), (bytes: Buffer) => bytes.subarray(0, 40), () => Buffer.from('{}\n')]) {
      const { files } = await damagedChain(damage);
      await expect(openChain(files)).rejects.toMatchObject({ code: 'unreadable-record' });
      await expect(openChain(files)).rejects.toThrow(/00000000000000000004\.json: .*"sluice offsets repair"/);
    }
  });

  it('does not hide the other partitions from the operator', async () => {
    const { files } = await damagedChain();
    expect(await describeOffsets(files)).toMatchObject([
      { table: 'events', partition: 3, state: null, problem: { code: 'unreadable-record' } },
    ]);
  });

  it('is made void: what it staged is set aside, the partition goes on before it, everybody can see why', async () => {
    const { files, chain } = await damagedChain();
    const damage = await examined(files);
    expect(damage).toMatchObject({ sequence: 4, before: { next: 10n, sequence: 3 } });
    expect(damage.files.staged).toHaveLength(1);
    await voidDamagedRecord(files, damage, by);

    await expect(chain.commit(await stageFile(files, chain, 1))).rejects.toMatchObject({ code: 'fenced' });
    const next = await openChain(files);
    expect(next.state).toMatchObject({ next: 10n, sequence: 5, holder: null });
    await next.claim(owner('b', 2), { startOffset: 0n });
    await commitOf(files, next, 5);
    await next.finishMoves();
    expect(next.checkpoint).toBe(15n);
    expect(files.disk.paths('/events/dt=')).toHaveLength(2);
    const aside = files.disk.paths('/events/_sluice/repair');
    expect(aside.filter((path) => path.endsWith('/record.json'))).toHaveLength(1);
    expect(aside.filter((path) => path.endsWith('.parquet'))).toHaveLength(2); // the damaged commit's, and the fenced one's

    const kinds: string[] = [];
    for await (const record of readHistory(files, place, next.state)) kinds.push(`${record.sequence} ${record.kind}`);
    expect(kinds).toEqual(['1 era-end', '2 claim', '3 commit', '5 repair', '6 claim', '7 commit']);
  });

  it('keeps its place in the history when its era has ended', async () => {
    const { files } = await damagedChain();
    await voidDamagedRecord(files, await examined(files), by);
    const chain = await openChain(files, { eraRecords: 2, pruneGraceMs: 0 });
    for (let generation = 2; generation < 6; generation++) {
      await chain.claim(owner('b', generation), { startOffset: 0n });
      await commitOf(files, chain, 1);
      await chain.finishMoves();
    }
    const sequences: number[] = [];
    for await (const record of readHistory(files, place, chain.state)) sequences.push(record.sequence);
    expect(sequences.slice(0, 5)).toEqual([1, 2, 3, 5, 6]);
    expect(sequences.at(-1)).toBe(chain.state.sequence);
    expect((await openChain(files)).state.next).toBe(14n);
  });

  it('is left alone when there are records behind it', async () => {
    const { files, chain } = await damagedChain((bytes) => bytes);
    await commitOf(files, chain, 1);
    const path = files.disk.paths('/events/_sluice/ledger').find((name) => name.endsWith('0004.json'))!;
    files.disk.nodes.get(path)!.bytes = Buffer.alloc(0);
    await expect(examineDamage(files, place, 'events')).rejects.toMatchObject({ code: 'unreadable-record', path });
  });

  it('is left alone when its owner could read it and goes on meanwhile', async () => {
    const { files, chain } = await damagedChain();
    const damage = await examined(files);
    await commitOf(files, chain, 1); // the owner knows in memory what it wrote
    await expect(voidDamagedRecord(files, damage, by)).rejects.toMatchObject({ code: 'fenced' });
  });

  it('that ended its era is made void with the era it announced', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files, { eraRecords: 3 });
    await chain.claim(owner('a', 1), { startOffset: 0n });
    await commitOf(files, chain, 1);
    await chain.finishMoves();
    await commitOf(files, chain, 1);
    await chain.finishMoves();
    expect(await chain.turnEraIfDue()).toBe(true);
    spoil(files, chain, () => Buffer.alloc(0));
    await voidDamagedRecord(files, await examined(files), by);
    await expect(commitOf(files, chain, 1)).rejects.toMatchObject({ code: 'fenced' }); // in the announced era
    const next = await openChain(files, { eraRecords: 3 });
    await next.claim(owner('b', 2), { startOffset: 0n });
    await commitOf(files, next, 1);
    expect((await openChain(files)).state).toMatchObject({ next: 3n, era: 2 });
  });

  it('leaves work to the next claimant when the repair dies half way', async () => {
    const counting = await damagedChain();
    const counter = new MemoryFiles(counting.files.disk);
    await voidDamagedRecord(counter, await examined(counter), by);
    for (let at = 1; at <= counter.calls.length; at++) {
      const { files } = await damagedChain();
      const dying = new MemoryFiles(files.disk, { fault: ({ number }) => (number === at ? 'crash-after' : 'none') });
      await examineDamage(dying, place, 'events')
        .then((damage) => voidDamagedRecord(dying, damage!, by))
        .catch(() => {});
      const damage = await examineDamage(files, place, 'events');
      if (damage) await voidDamagedRecord(files, damage, by);
      const chain = await openChain(files);
      await chain.claim(owner('b', 2), { startOffset: 0n });
      await commitOf(files, chain, 5);
      await chain.finishMoves();
      expect(chain.checkpoint).toBe(15n);
      expect(files.disk.paths('/events/dt=')).toHaveLength(2);
    }
  });
});
