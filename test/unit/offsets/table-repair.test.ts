// Promises: a table's chain whose last record is torn goes on by a record that says so; what that record had moved is the table's
// again, what it brought is out of sight, and nothing is deleted. A damage further back is not guessed at.
import { describe, expect, it } from 'vitest';
import {
  examineTableDamage,
  type LiveFile,
  liveFiles,
  restoreTableState,
  rewriteFileName,
  rewriteStaging,
  settleLayout,
  TableChain,
  type TableChainOptions,
  type TableDamage,
  type TableFile,
  voidTableRecord,
} from '../../../src/offsets/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, instantClock, openChain, owner } from './chain-fixture.ts';

const hour = 'dt=2026-11-21/hr=07';
const by = { writer: { host: 'here', pid: 1, user: 'ann' }, reason: 'disk trouble', clock: instantClock };

async function openTable(files: MemoryFiles, options: TableChainOptions = {}): Promise<TableChain> {
  return await TableChain.open(files, 'events', { clock: instantClock, ...options });
}

/** A table of four files, two of which have been compacted into one. */
async function someTable(options: TableChainOptions = {}): Promise<{ files: MemoryFiles; chain: TableChain }> {
  const files = new MemoryFiles();
  await settleLayout(files, 'events', {});
  const loader = await openChain(files);
  await loader.claim(owner('a', 1), { startOffset: 0n, takeOver: 'test' });
  for (const count of [3, 4, 5, 6]) await commitOf(files, loader, count);
  await loader.finishMoves();
  await loader.release(); // says that all is visible
  const chain = await openTable(files, options);
  await compact(files, chain, (await live(files)).slice(0, 2));
  await chain.finishMoves();
  return { files, chain };
}

async function live(files: MemoryFiles): Promise<TableFile[]> {
  const found: LiveFile[] = [];
  for await (const file of liveFiles(files, 'events')) found.push(file);
  return found.map(({ sequence: _sequence, staged: _staged, ...file }) => file);
}

/** Names of the rows that are there, whatever their files are called. */
async function rows(files: MemoryFiles): Promise<string[]> {
  return (await live(files)).flatMap(({ ranges }) => ranges.map(({ first, next }) => `${first}-${next}`)).sort();
}

/** As far as the record; the moves are left to the caller. */
async function compact(files: MemoryFiles, chain: TableChain, replaced: TableFile[]): Promise<void> {
  const intent = await chain.append((state) => ({
    kind: 'intent',
    operation: 'compact',
    staging: rewriteStaging(state.sequence + 1),
    scope: null,
    reason: 'test',
  }));
  const staged = `${intent!.staging}/merged.parquet`;
  const bytes = Buffer.from(`merged ${replaced.map(({ path }) => path).join()}`);
  await files.create(`/events/${staged}`, { bytes });
  const { path: _path, size: _size, ...first } = replaced[0]!;
  const ranges = replaced.flatMap((file) => file.ranges);
  const rowCount = replaced.reduce((sum, file) => sum + file.rowCount, 0);
  await chain.append((state) => ({
    kind: 'rewrite',
    operation: 'compact',
    intent: intent!.sequence,
    replaced,
    added: [
      {
        ...{ ...first, partition: null, ranges, rowCount, staged, size: bytes.length },
        path: `${hour}/${rewriteFileName('events', state.sequence + 1, 0)}`,
      },
    ],
    ...{ deduplicated: [], replayed: [], accounts: [], undoes: null },
    reason: 'test',
  }));
}

function lastRecord(files: MemoryFiles): string {
  return files.disk
    .paths('/events/_sluice/rewrites/0')
    .sort((a, b) => a.slice(-25).localeCompare(b.slice(-25)))
    .at(-1)!;
}

function spoil(files: MemoryFiles, path = lastRecord(files)): string {
  files.disk.nodes.get(path)!.bytes = files.disk.bytes(path).subarray(0, 60);
  return path;
}

async function repair(files: MemoryFiles): Promise<TableDamage> {
  const damage = await examineTableDamage(files, 'events');
  expect(damage).not.toBeNull();
  await voidTableRecord(files, damage!, by);
  return damage!;
}

/** Readers of the folders see the live files, and nothing else. */
async function isWhole(files: MemoryFiles, expected: readonly string[]): Promise<void> {
  expect(await rows(files)).toEqual(expected);
  const visible = files.disk.paths('/events/dt=').filter((path) => path.endsWith('.parquet'));
  expect(visible).toEqual((await live(files)).map(({ path }) => `/events/${path}`).sort());
}

describe('a torn record of a table’s chain', () => {
  it('stops every rewrite and names the way on, and a load goes on meanwhile', async () => {
    const { files } = await someTable();
    const path = spoil(files);
    await expect(openTable(files)).rejects.toMatchObject({ code: 'unreadable-record', path });
    await expect(openTable(files)).rejects.toThrow('"sluice offsets repair"');
    const loader = await openChain(files);
    await loader.claim(owner('b', 2), { startOffset: 0n, takeOver: 'test' });
    await commitOf(files, loader, 1);
  });

  it.each([
    ['had not moved a file', 0],
    ['had moved one file aside', 1],
    ['had moved both files aside', 2],
    ['had made its own file visible', 3],
  ])('that was a compaction and %s is void, and its rows are the table’s as before', async (_name, moves) => {
    const { files, chain } = await someTable();
    const before = await rows(files);
    await compact(files, chain, (await live(files)).slice(0, 2));
    const mover = new MemoryFiles(files.disk, {
      fault: () => (files.disk.published.length >= from ? 'crash-before' : 'none'),
    });
    const from = files.disk.published.length + moves;
    await openTable(mover)
      .then((dying) => dying.finishMoves())
      .catch(() => {});
    const paths = files.disk.paths().length;
    spoil(files);
    const damage = await repair(files);
    expect(damage.away).toHaveLength(Math.min(moves, 2));
    await isWhole(files, before);
    expect(files.disk.paths().length).toBeGreaterThan(paths);
    expect(files.disk.paths('/events/_sluice/repair').some((path) => path.endsWith('record.json'))).toBe(true);

    const again = await openTable(files);
    expect(again.state.intents.size).toBe(0);
    const kinds: string[] = [];
    for await (const record of again.history()) kinds.push(`${record.sequence} ${record.kind}`);
    expect(kinds.slice(-2)).toEqual([`${damage.sequence - 1} intent`, `${damage.sequence + 1} repair`]);
    await compact(files, again, (await live(files)).slice(0, 2));
    await again.finishMoves();
    await isWhole(files, await rows(files));
    expect((await live(files)).reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(18);
  });

  it('that was the completion of an hour leaves its place to the next closer', async () => {
    const { files, chain } = await someTable();
    const name = '2026-11-21T07';
    await chain.append(() => ({ kind: 'hour', hour: name, state: 'closed', marks: [], revision: 0, manifest: null }));
    const kept = `_sluice/manifests/${name}/0000000001-complete-${'0'.repeat(32)}-${'0'.repeat(64)}.json`;
    await files.create(`/events/${kept}`, { bytes: Buffer.from('{}') });
    await chain.append(() => ({ kind: 'hour', hour: name, state: 'complete', marks: [], revision: 1, manifest: kept }));
    for (const shown of ['_manifest-1.json', '_SUCCESS']) {
      await files.create(`/events/${hour}/${shown}`, { bytes: Buffer.from('shown') });
    }
    spoil(files);
    await repair(files);
    expect(files.disk.paths(`/events/${hour}/_`)).toEqual([]);
    expect((await openTable(files)).state.hours.get(name)).toMatchObject({ state: 'closed', revision: 0 });
  });

  it('that ended its era is void with the era it announced', async () => {
    const { files, chain } = await someTable({ eraRecords: 3 });
    for (let i = 0; chain.state.eraRecordCount > 0; i++) {
      await chain.append(() => ({
        kind: 'hour',
        hour: `${i}`,
        state: 'closed',
        marks: [],
        revision: 0,
        manifest: null,
      }));
    }
    const before = await rows(files);
    spoil(files);
    await repair(files);
    await expect(
      chain.append(() => ({ kind: 'hour', hour: 'late', state: 'closed', marks: [], revision: 0, manifest: null })),
    ).resolves.not.toBeNull(); // it looks again, and goes on behind the repair
    expect((await openTable(files)).state.hours.has('late')).toBe(true);
    await isWhole(files, before);
  });

  it('is left alone when there are records behind it, or when its writer has gone on meanwhile', async () => {
    const { files, chain } = await someTable();
    const path = lastRecord(files);
    const bytes = files.disk.bytes(path);
    const write = (name: string) =>
      chain.append(() => ({ kind: 'hour', hour: name, state: 'closed', marks: [], revision: 0, manifest: null }));
    spoil(files);
    const damage = await examineTableDamage(files, 'events');
    files.disk.nodes.get(path)!.bytes = bytes; // the writer could read it
    await write('a');
    await expect(voidTableRecord(files, damage!, by)).rejects.toMatchObject({ code: 'fenced' });
    spoil(files, path);
    await expect(examineTableDamage(files, 'events')).rejects.toMatchObject({ code: 'unreadable-record', path });
    await files.delete(path);
    await expect(examineTableDamage(files, 'events')).rejects.toMatchObject({ code: 'broken-chain' });
  });

  it('is repaired by whoever comes next when the repair dies half way', { timeout: 120_000 }, async () => {
    const damaged = async (): Promise<MemoryFiles> => {
      const { files, chain } = await someTable();
      await compact(files, chain, (await live(files)).slice(0, 2));
      await chain.finishMoves();
      spoil(files);
      return files;
    };
    const counting = await damaged();
    const counter = new MemoryFiles(counting.disk);
    await repair(counter);
    const before = await rows(counting);
    for (let at = 1; at <= counter.calls.length; at += process.env['SLUICE_FULL'] ? 1 : 7) {
      const files = await damaged();
      const dying = new MemoryFiles(files.disk, { fault: ({ number }) => (number === at ? 'crash-after' : 'none') });
      await examineTableDamage(dying, 'events')
        .then((damage) => voidTableRecord(dying, damage!, by))
        .catch(() => {});
      if (await examineTableDamage(files, 'events')) await repair(files);
      await (await openTable(files)).finishMoves();
      await isWhole(files, before);
    }
  });
});

describe('the state file of a table’s chain', () => {
  it.each(['lost', 'altered'])('that is %s is written again from the records, to the byte', async (how) => {
    const { files, chain } = await someTable({ eraRecords: 3 });
    await compact(files, chain, (await live(files)).slice(0, 2));
    await chain.finishMoves();
    await chain.append(() => ({ kind: 'hour', hour: 'a', state: 'closed', marks: [], revision: 0, manifest: null }));
    const before = await rows(files);
    const path = files.disk.paths('/events/_sluice/rewrites/states').at(-1)!;
    const bytes = files.disk.bytes(path);
    if (how === 'lost') await files.delete(path);
    else files.disk.nodes.get(path)!.bytes = bytes.subarray(0, 100);
    await expect(openTable(files)).rejects.toBeInstanceOf(Error);
    expect(await restoreTableState(files, 'events', { isTrial: true })).toBe(path);
    await expect(openTable(files)).rejects.toBeInstanceOf(Error);
    expect(await restoreTableState(files, 'events')).toBe(path);
    expect(files.disk.bytes(path)).toEqual(bytes);
    await isWhole(files, before);
    expect(await restoreTableState(files, 'events')).toBeNull();
  });
});
