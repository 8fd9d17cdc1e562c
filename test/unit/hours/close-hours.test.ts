// Promises: an hour is complete only when everything before its ends has landed and is visible, quiet or not; what comes later
// makes it amended; no event's time and no crash changes that. (Pains 2, 14 and 18 of docs/why.md.)
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeManifest } from '../../../src/hours/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { HourWorld, worldTopic } from './hour-world.ts';

const at = (text: string): number => Date.parse(`${text}:00.000Z`);
const startMs = at('2026-11-20T22:30');
const hour = '2026-11-20T23';
let world: HourWorld;

beforeEach(async () => {
  world = await new HourWorld({ partitions: 2, startMs }).begin();
});

describe('an hour', () => {
  it('stays open until its end and the lateness are over', async () => {
    world.nowMs = at('2026-11-21T00:09');
    expect((await world.close()).closed).toEqual(['2026-11-20T22']);
    world.nowMs = at('2026-11-21T00:10');
    expect((await world.close()).closed).toEqual([hour]);
  });

  it('is never closed by an event’s time', async () => {
    world.produce(0, at('2099-01-01T00:00'));
    await world.load(0);
    world.nowMs = at('2026-11-21T00:00');
    expect((await world.close()).closed).toEqual(['2026-11-20T22']);
    expect([...(await world.states()).keys()]).toEqual(['2026-11-20T22']);
  });

  it('waits for the partition that is behind, and says how far', async () => {
    world.produce(0, at('2026-11-20T23:10'), at('2026-11-20T23:20'));
    world.produce(1, at('2026-11-20T23:30'));
    await world.load(0, 1);
    await world.load(1);
    world.nowMs = at('2026-11-21T00:15');
    const report = await world.close();
    expect(report.completed).toEqual([]);
    expect(report.waiting.at(-1)).toEqual({
      hour,
      reason: 'events-0 is 1 offsets behind (checkpoint 1, end 2)',
    });
    expect(world.manifests(hour)).toEqual([]);
    expect(world.isDone(hour)).toBe(false);
    await world.load(0);
    expect((await world.close()).completed).toEqual(['2026-11-20T22', hour]);
    expect(world.isDone(hour)).toBe(true);
    expect(world.manifest(hour)).toMatchObject({
      revision: 1,
      state: 'complete',
      ...world.expected(hour),
    });
  });

  it('waits for a partition that nobody has ever loaded', async () => {
    world.produce(1, at('2026-11-20T23:10'));
    world.nowMs = at('2026-11-21T00:15');
    const { waiting } = await world.close();
    expect(waiting.at(-1)!.reason).toBe('partition 1 has never been loaded (1 offsets up to 1)');
  });

  it('waits for files that are committed but not visible yet', async () => {
    world.produce(0, at('2026-11-20T23:10'));
    await world.load(0, 1, false);
    world.nowMs = at('2026-11-21T00:15');
    expect((await world.close()).waiting.at(-1)!.reason).toContain('1 files are committed but not visible yet');
    expect(world.manifests(hour)).toEqual([]);
    await world.claim(0);
    expect((await world.close()).completed).toContain(hour);
  });

  it('completes in a topic without any record, and in one whose partitions are quiet', async () => {
    world.nowMs = at('2026-11-21T00:15');
    expect((await world.close()).completed).toEqual(['2026-11-20T22', hour]);
    expect(world.manifest(hour)).toMatchObject({ rowCount: 0n, files: [] });
    world.produce(0, at('2026-11-20T20:00'));
    await world.load(0);
    world.nowMs = at('2026-11-21T01:15');
    expect((await world.close()).completed).toContain('2026-11-21T00');
    expect(world.isDone('2026-11-21T00')).toBe(true);
  });

  it('of before the table began is closed when it has rows', async () => {
    world.produce(0, at('2020-02-29T12:00'));
    await world.load(0);
    world.nowMs = at('2026-11-21T00:15');
    const report = await world.close();
    expect(report.closed).toEqual(['2026-11-20T22', hour, '2020-02-29T12']);
    expect(world.manifest('2020-02-29T12').rowCount).toBe(1n);
  });

  it('becomes amended by a late record, which goes to its own hour and into a further manifest', async () => {
    world.produce(0, at('2026-11-20T23:10'));
    await world.load(0);
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    world.produce(0, at('2026-11-20T23:50'), at('2026-11-21T00:16'));
    await world.load(0);
    const report = await world.close();
    expect(report).toMatchObject({ closed: [], completed: [], revised: [hour], waiting: [] });
    const [first, second] = world.manifests(hour).map((path) => decodeManifest(world.disk.bytes(path), path));
    expect(first).toMatchObject({ revision: 1, state: 'complete', rowCount: 1n });
    expect(second).toMatchObject({ revision: 2, state: 'amended', ...world.expected(hour) });
    expect(second!.files.map(({ path }) => path)).toEqual(world.visible(hour));
    expect((await world.close()).revised).toEqual([]);
  });

  it('is not closed by a host whose clock is ahead of the warehouse’s', async () => {
    const ahead = { ...world.clock, nowMs: () => at('2027-01-01T00:00') };
    Object.assign(world, { clock: ahead });
    expect((await world.close()).closed).toEqual([]);
  });

  it('that is not over cannot be closed by hand, nor one that the clocks skipped', async () => {
    await expect(world.close({ hours: ['2026-11-20T23'] })).rejects.toThrow('that is over');
    const berlin = await new HourWorld({ startMs, layout: { zone: 'Europe/Berlin' } }).begin();
    await expect(berlin.close({ hours: ['2026-03-29T02'] })).rejects.toThrow('does not exist in Europe/Berlin');
  });
});

describe('a look of the closer', () => {
  it('reads what came since the look before, not the whole history', async () => {
    const readsOf = async (): Promise<number> => {
      const files = new MemoryFiles(world.disk);
      await world.close({ files });
      return files.calls.filter(({ method, path }) => method === 'read' && path.includes('/ledger/')).length;
    };
    for (let i = 0; i < 90; i++) {
      world.produce(0, at('2026-11-20T23:10'));
      await world.load(0); // an era ends with every twentieth record
    }
    world.nowMs = at('2026-11-21T00:15');
    const first = await readsOf();
    world.produce(0, at('2026-11-21T00:16'));
    await world.load(0);
    const second = await readsOf();
    expect(first).toBeGreaterThan(second + 5);
    world.nowMs = at('2026-11-21T01:15');
    await world.close();
    expect(world.manifest('2026-11-21T00').rowCount).toBe(1n);
    expect(world.manifest(hour)).toMatchObject({ revision: 1, rowCount: 90n });
  });

  it('keeps files of hours that are not over in mind until they are', async () => {
    world.produce(0, at('2026-11-21T05:00')); // a clock that is ahead
    await world.load(0);
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    world.produce(0, at('2026-11-21T05:10'), at('2026-11-20T23:05'));
    await world.load(0);
    await world.close();
    world.nowMs = at('2026-11-21T06:15');
    await world.close();
    expect(world.manifest('2026-11-21T05')).toMatchObject({ revision: 1, rowCount: 2n });
    expect(world.manifest(hour)).toMatchObject({ revision: 2, state: 'amended', rowCount: 1n });
  });

  it('reads all again when what it kept in mind is damaged', async () => {
    world.produce(0, at('2026-11-20T23:10'));
    await world.load(0);
    world.nowMs = at('2026-11-20T23:50');
    await world.close();
    const [path] = world.disk.paths(`/${worldTopic}/_sluice/hours/`);
    const bytes = world.disk.bytes(path!);
    bytes[bytes.length >> 1]! ^= 1;
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    expect(world.manifest(hour)).toMatchObject(world.expected(hour));
  });
});

describe('a compaction', () => {
  it('gives a complete hour a further manifest with the same rows, and leaves it complete', async () => {
    for (const partition of [0, 1]) {
      world.produce(partition, at('2026-11-20T23:10'));
      await world.load(partition);
    }
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    await world.compact(hour);
    expect((await world.close()).revised).toEqual([hour]);
    const [first, second] = world.manifests(hour).map((path) => decodeManifest(world.disk.bytes(path), path));
    expect(second).toMatchObject({ revision: 2, state: 'complete', ...world.expected(hour) });
    expect([first!.files.length, second!.files.length]).toEqual([2, 1]);
    expect(second!.files.map(({ path }) => path)).toEqual(world.visible(hour));
    world.produce(0, at('2026-11-20T23:20'));
    await world.load(0);
    await world.close();
    expect(world.manifest(hour)).toMatchObject({ revision: 3, state: 'amended', ...world.expected(hour) });
  });
});

describe('manifests', () => {
  it('are visible only when the chain says so, wherever a closer dies, and the next one finishes the work', async () => {
    const seed = Number(process.env['SEED'] ?? 1);
    console.info(`seed ${seed}`);
    const random = seededRandom(seed);
    let crashes = 0;
    for (let trial = 0; trial < 12; trial++) {
      world = await new HourWorld({ partitions: 2, startMs }).begin();
      world.produce(0, at('2026-11-20T23:10'), at('2026-11-20T22:40'));
      world.produce(1, at('2026-11-20T23:11'));
      for (const partition of [0, 1]) await world.load(partition);
      world.nowMs = at('2026-11-21T00:15');
      for (let isOver = false; !isOver; crashes++) {
        const deadly = 1 + Math.floor(random() * 140);
        const fault = random() < 0.5 ? 'crash-before' : 'crash-after';
        const files = new MemoryFiles(world.disk, { fault: ({ number }) => (number === deadly ? fault : 'none') });
        isOver = await world.close({ files }).then(
          () => true,
          () => false,
        );
        const states = await world.states();
        for (const key of ['2026-11-20T22', hour]) {
          const isComplete = states.get(key)?.state === 'complete';
          if (!isComplete) expect(world.manifests(key)).toEqual([]);
          if (world.isDone(key)) expect(world.manifests(key)).toHaveLength(1);
        }
      }
      for (const key of ['2026-11-20T22', hour]) {
        expect(world.manifest(key)).toMatchObject({ revision: 1, ...world.expected(key) });
        expect(world.isDone(key)).toBe(true);
      }
    }
    expect(crashes).toBeGreaterThan(20);
  });

  it('are shown again by any closer when their record is there but they are not', async () => {
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    const [path] = world.manifests(hour);
    const bytes = world.disk.bytes(path!);
    world.disk.remove(path!, false);
    await world.close();
    expect(world.disk.bytes(path!)).toEqual(bytes);
  });

  it('are refused when a byte has changed', async () => {
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    const [path] = world.manifests(hour);
    const text = world.disk.bytes(path!).toString().replace('"rowCount":"0"', '"rowCount":"1"');
    expect(() => decodeManifest(Buffer.from(text), path!)).toThrow('expected a manifest of format 1');
  });

  it('have one revision each when several closers race', async () => {
    world.produce(0, at('2026-11-20T23:10'));
    await world.load(0);
    world.nowMs = at('2026-11-21T03:15');
    const reports = await Promise.all(
      Array.from({ length: 4 }, () => world.close({ files: new MemoryFiles(world.disk) })),
    );
    const completed = reports.flatMap((report) => report.completed).sort();
    expect(completed).toEqual([...new Set(completed)]);
    expect(completed).toHaveLength(5);
    for (const key of completed) expect(world.manifests(key)).toHaveLength(1);
    expect(world.disk.paths(`/${worldTopic}/_sluice/manifests/`)).toHaveLength(5);
  });
});
