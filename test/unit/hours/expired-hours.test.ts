// Promises: an hour that leaves the table by its age is neither complete nor amended any more but expired, for everybody who
// asks; an undo makes it complete again, with the same rows.
import { beforeEach, describe, expect, it } from 'vitest';
import { awaitHour, openHourBook } from '../../../src/hours/index.ts';
import { TableChain } from '../../../src/offsets/index.ts';
import { type ExpireReport, expireHours, type RewriteContext, undoRewrite } from '../../../src/rewrites/index.ts';
import { silentLogger } from '../../../src/shared/index.ts';
import { HourWorld, worldTopic } from './hour-world.ts';

const at = (text: string): number => Date.parse(`${text}:00.000Z`);
const [quiet, old, young] = ['2026-11-20T22', '2026-11-20T23', '2026-11-21T00'];
let world: HourWorld;

/** Three complete hours; a retention of an hour makes the first two old. */
beforeEach(async () => {
  world = await new HourWorld({ partitions: 1, startMs: at('2026-11-20T22:30') }).begin();
  world.produce(0, at('2026-11-20T23:10'), at('2026-11-20T23:20'), at('2026-11-21T00:30'));
  await world.load(0);
  world.nowMs = at('2026-11-21T01:15');
  expect((await world.close()).completed).toEqual([quiet, old, young]);
});

async function context(): Promise<RewriteContext> {
  const { files, clock } = world;
  const chain = await TableChain.open(files, worldTopic, { clock });
  return { files, table: worldTopic, chain, clock, logger: silentLogger, signal: new AbortController().signal };
}

const expire = async (): Promise<ExpireReport> => await expireHours(await context(), { olderThanMs: 3_600_000 });
const nothing = { closed: [], completed: [], revised: [], waiting: [] };

describe('an expired hour', () => {
  it('has no rows, no manifest and no _SUCCESS, and says who took it out', async () => {
    const report = await expire();
    expect(report.hours.map(({ hour, rows }) => [hour, rows])).toEqual([
      [quiet, 0],
      [old, 2],
    ]);
    expect(world.disk.paths(`/${worldTopic}/dt=2026-11-20`)).toEqual([]);
    expect(await world.files.stat(`/${worldTopic}/dt=2026-11-20`)).toBeNull();
    expect(world.isDone(young!)).toBe(true);
    const book = await openHourBook(world.files, worldTopic, { clock: world.clock });
    const answers = await book.list(3);
    expect(answers.map(({ hour, status }) => [hour, status])).toContainEqual([old, 'expired']);
    const answer = await book.look(book.times.parse(old!));
    expect(answer).toMatchObject({ status: 'expired', isReady: false, manifest: null, expiredBy: report.sequences[0] });
    expect(await book.manifest(old!)).toBeNull();
    const { files, clock } = world;
    const waited = await awaitHour({ files, table: worldTopic, hour: old!, timeoutMs: 1e9, clock });
    expect(waited).toMatchObject({ isReady: false, reason: expect.stringContaining('it has expired') });
  });

  it('is neither amended nor closed again by the closer, late rows or not, and those go with the next run', async () => {
    await expire();
    expect(await world.close()).toMatchObject(nothing);
    world.produce(0, at('2026-11-20T23:50'));
    await world.load(0);
    expect(await world.close()).toMatchObject(nothing);
    expect(world.visible(old!)).toHaveLength(1);
    expect(world.isDone(old!)).toBe(false);
    const again = await expire();
    expect(again.hours.map(({ hour, rows }) => [hour, rows])).toEqual([[old, 1]]);
    expect(world.disk.paths(`/${worldTopic}/dt=2026-11-20`)).toEqual([]);
    expect(await world.close()).toMatchObject(nothing);
    expect((await expire()).hours).toEqual([]);
  });

  it('is complete again after an undo, with the same rows, quiet ones too', async () => {
    const { sequences } = await expire();
    await undoRewrite(await context(), sequences[0]!, 'test');
    expect(await world.close()).toMatchObject({ ...nothing, revised: [old] });
    expect(world.manifest(old!)).toMatchObject({ revision: 2, state: 'complete', ...world.expected(old!) });
    expect(world.manifests(old!)).toHaveLength(1); // the one before names files that are called otherwise now
    expect(world.manifest(old!).files.map(({ path }) => path)).toEqual(world.visible(old!));
    expect([world.isDone(old!), world.isDone(quiet!)]).toEqual([true, true]);
    const book = await openHourBook(world.files, worldTopic, { clock: world.clock });
    expect((await book.look(book.times.parse(old!))).status).toBe('complete');
  });
});
