import { describe, expect, it } from 'vitest';
import {
  type AddedFile,
  LedgerError,
  liveFiles,
  replacedPath,
  rewriteFileName,
  rewriteStaging,
  TableChain,
  type TableChainOptions,
  type TableFile,
  type TableRecordBody,
} from '../../../src/offsets/index.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import { commitOf, instantClock, openChain, owner, topicId } from './chain-fixture.ts';

const hour = 'dt=2026-11-21/hr=07';

async function openTable(files: MemoryFiles, options: TableChainOptions = {}): Promise<TableChain> {
  return await TableChain.open(files, 'events', { clock: instantClock, ...options });
}

async function begin(chain: TableChain, operation: 'compact' | 'rewind' = 'compact', scopeFirst: bigint | null = null) {
  const record = await chain.append((state) => ({
    kind: 'intent',
    operation,
    staging: rewriteStaging(state.sequence + 1),
    scope: scopeFirst === null ? null : { topicId, partition: 3, first: scopeFirst, next: 1000n },
    reason: 'test',
  }));
  return record!;
}

/** A loader that commits `counts.length` files and makes them visible. */
async function load(files: MemoryFiles, counts: readonly number[]): Promise<void> {
  const chain = await openChain(files);
  await chain.claim(owner('a', 1), { startOffset: 0n, takeOver: 'test' });
  for (const count of counts) await commitOf(files, chain, count);
  await chain.finishMoves();
}

async function live(files: MemoryFiles): Promise<TableFile[]> {
  const found: TableFile[] = [];
  for await (const { sequence: _sequence, staged: _staged, ...file } of liveFiles(files, 'events')) found.push(file);
  return found;
}

/** Replaces these files by one that is said to hold the same rows. */
async function compact(files: MemoryFiles, chain: TableChain, replaced: TableFile[], unique = 'm'): Promise<number> {
  const intent = await begin(chain);
  const staged = `${intent.staging}/${unique}.parquet`;
  const bytes = Buffer.from(`merged ${replaced.map(({ path }) => path).join()}`);
  await files.create(`/events/${staged}`, { bytes });
  const record = await chain.append((state) =>
    rewriteBody(intent.sequence, replaced, [
      {
        ...merge(replaced),
        staged,
        path: `${hour}/${rewriteFileName('events', state.sequence + 1, 0)}`,
        size: bytes.length,
      },
    ]),
  );
  return record!.sequence;
}

function rewriteBody(intent: number, replaced: TableFile[], added: AddedFile[]): TableRecordBody {
  const empty = { deduplicated: [], replayed: [], accounts: [], undoes: null };
  return { kind: 'rewrite', operation: 'compact', intent, replaced, added, ...empty, reason: 'test' };
}

function merge(replaced: TableFile[]): Omit<AddedFile, 'staged' | 'path' | 'size'> {
  const { path: _path, size: _size, ...first } = replaced[0]!;
  const rowCount = replaced.reduce((sum, file) => sum + file.rowCount, 0);
  return { ...first, partition: null, ranges: replaced.flatMap((file) => file.ranges), rowCount };
}

describe('the chain of a table', () => {
  it('replaces files as one record, which moves the old ones aside before the new one is seen', async () => {
    const files = new MemoryFiles();
    await load(files, [3, 4, 5]);
    const before = await live(files);
    const chain = await openTable(files);
    const sequence = await compact(files, chain, before.slice(0, 2));
    expect((await live(files)).map(({ rowCount }) => rowCount).sort()).toEqual([5, 7]);
    files.disk.published.length = 0;
    await chain.finishMoves();
    const names = files.disk.published.map(({ to }) => to);
    expect(names).toEqual([
      `/events/${replacedPath(sequence, before[0]!.path)}`,
      `/events/${replacedPath(sequence, before[1]!.path)}`,
      `/events/${hour}/part+events+rewrite+${String(sequence).padStart(20, '0')}+000000.parquet`,
    ]);
    expect(files.disk.paths('/events/dt=')).toHaveLength(2);
  });

  it('refuses a rewrite of a file that another one has replaced', async () => {
    const files = new MemoryFiles();
    await load(files, [3, 4, 5]);
    const before = await live(files);
    const [one, two] = [await openTable(files), await openTable(files)];
    await compact(files, one, before.slice(0, 2));
    await expect(compact(files, two, before.slice(1, 3), 'n')).rejects.toMatchObject({ code: 'conflict' });
    expect((await live(files)).reduce((sum, file) => sum + file.rowCount, 0)).toBe(12);
  });

  it('refuses a rewrite whose intent was cancelled', async () => {
    const files = new MemoryFiles();
    await load(files, [3, 4]);
    const before = await live(files);
    const [one, janitor] = [await openTable(files), await openTable(files)];
    const intent = await begin(one);
    await janitor.append(() => ({ kind: 'cancel', intent: intent.sequence, reason: 'old' }));
    await expect(
      one.append((state) =>
        rewriteBody(intent.sequence, before, [
          {
            ...merge(before),
            staged: 'x',
            path: `${hour}/${rewriteFileName('events', state.sequence + 1, 0)}`,
            size: 1,
          },
        ]),
      ),
    ).rejects.toThrow(/was cancelled/);
    await expect(
      janitor.append(() => ({ kind: 'cancel', intent: intent.sequence, reason: 'again' })),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  it('does not write a compaction that would lose a row or change one', async () => {
    const files = new MemoryFiles();
    await load(files, [3, 4]);
    const before = await live(files);
    const chain = await openTable(files);
    const wrong = before.map((file, i) =>
      i === 0 ? file : { ...file, rowCount: 3, ranges: [{ ...file.ranges[0]!, rowCount: 3 }] },
    );
    const intent = await begin(chain);
    const append = (change: Partial<AddedFile>) =>
      chain.append((state) =>
        rewriteBody(intent.sequence, before, [
          {
            ...merge(wrong),
            staged: 'x',
            path: `${hour}/${rewriteFileName('events', state.sequence + 1, 0)}`,
            size: 1,
            ...change,
          },
        ]),
      );
    await expect(append({})).rejects.toThrow(/7 rows before, 6 after/);
    const hash = 'f'.repeat(32);
    const ranges = before.map((file) => ({
      ...file.ranges[0]!,
      contentHash: file === before[0] ? hash : '0'.repeat(32),
    }));
    await expect(append({ ...merge(before), ranges, contentHash: hash })).rejects.toThrow(/content hash/);
  });

  it('keeps rewrites away from a partition that is being rewound, and from one that was', async () => {
    const files = new MemoryFiles();
    await load(files, [3, 4, 5]);
    const before = await live(files);
    const [compactor, operator] = [await openTable(files), await openTable(files)];
    const early = await begin(compactor);
    const rewind = await begin(operator, 'rewind', 7n);
    await expect(compact(files, compactor, before.slice(1))).rejects.toThrow(/is being rewound/);
    await operator.append(() => ({ kind: 'cancel', intent: rewind.sequence, reason: 'done' }));
    await expect(
      compactor.append((state) =>
        rewriteBody(early.sequence, before.slice(1), [
          {
            ...merge(before.slice(1)),
            staged: 'x',
            path: `${hour}/${rewriteFileName('events', state.sequence + 1, 0)}`,
            size: 1,
          },
        ]),
      ),
    ).rejects.toThrow(/was rewound meanwhile/);
    await compact(files, compactor, before.slice(1), 'later');
    await expect(begin(operator, 'rewind', 7n)).rejects.toThrow(/use "sluice reload"/);
  });

  it('remembers hours, and lets none go back', async () => {
    const files = new MemoryFiles();
    const chain = await openTable(files);
    const mark = { topicId, partition: 3, end: 10n, sequence: 0 };
    const write = (state: 'closed' | 'complete', revision: number) =>
      chain.append(() => ({ kind: 'hour', hour: '2026-11-21T07', state, marks: [mark], revision, manifest: null }));
    await write('closed', 0);
    await write('complete', 1);
    expect((await openTable(files)).state.hours.get('2026-11-21T07')).toMatchObject({ state: 'complete', revision: 1 });
    await expect(write('closed', 2)).rejects.toThrow(/complete already/);
    await expect(write('complete', 0)).rejects.toThrow(/revision 1 already/);
  });

  it('carries its whole state over the ends of eras, and keeps every record', async () => {
    const files = new MemoryFiles();
    await load(files, [1, 2, 3, 4, 5, 6]);
    const chain = await openTable(files, { eraRecords: 3, pruneGraceMs: 0 });
    const before = await live(files);
    for (const [i, at] of [0, 2, 4].entries()) {
      await compact(files, chain, before.slice(at, at + 2), `m${i}`);
      await chain.finishMoves();
      await begin(chain);
    }
    expect(chain.state.era).toBeGreaterThan(2);
    const other = await openTable(files);
    const { publishedThrough: _a, pending: _b, eraBytes: _c, ...expected } = chain.state;
    expect(other.state).toMatchObject(expected);
    const kinds: string[] = [];
    for await (const record of other.history()) kinds.push(record.kind);
    expect(kinds).toHaveLength(other.state.sequence);
    expect(kinds.filter((kind) => kind === 'rewrite')).toHaveLength(3);
    expect((await live(files)).reduce((sum, file) => sum + file.rowCount, 0)).toBe(21);
  });

  it('puts ten writers in order by nothing but the file system', async () => {
    const disk = new MemoryDisk();
    const chains = await Promise.all(
      Array.from({ length: 10 }, () => openTable(new MemoryFiles(disk), { eraRecords: 4, pruneGraceMs: 0 })),
    );
    const records = await Promise.all(
      chains.flatMap((chain, i) =>
        [0, 1, 2].map((n) =>
          chain.append(() => ({
            kind: 'hour',
            hour: `${i}-${n}`,
            state: 'closed',
            marks: [],
            revision: 0,
            manifest: null,
          })),
        ),
      ),
    );
    expect(new Set(records.map((record) => record!.sequence)).size).toBe(30);
    expect((await openTable(new MemoryFiles(disk))).state.hours.size).toBe(30);
  });

  it('lets the next owner of a partition go on although a rewrite took a file of an unfinished commit', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    await commitOf(files, chain, 3);
    await commitOf(files, chain, 4);
    await chain.finishMoves(); // and dies before the ledger says so
    const table = await openTable(files);
    await compact(files, table, await live(files));
    await table.finishMoves();
    const next = await openChain(files);
    await next.claim(owner('b', 2), { startOffset: 0n });
    expect(next.state.publishedThrough).toBe(next.state.sequence);
    expect(files.disk.paths('/events/dt=')).toHaveLength(1);
  });

  it('stops the next owner when a file is gone and no rewrite took it', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    await commitOf(files, chain, 3);
    await chain.finishMoves();
    await files.delete(files.disk.paths('/events/dt=')[0]!);
    const next = await openChain(files);
    const failure = await next.claim(owner('b', 2), { startOffset: 0n }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(LedgerError);
    expect(failure).toMatchObject({ code: 'missing-file' });
  });
});
