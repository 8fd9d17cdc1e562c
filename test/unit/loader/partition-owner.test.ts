import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeControl } from '../../../src/loader/partition-control.ts';
import { requestRoll } from '../../../src/loader/roll-request.ts';
import { PartitionChain } from '../../../src/offsets/index.ts';
import { ManualClock } from '../../../src/shared/index.ts';
import { WarehouseError } from '../../../src/warehouse/index.ts';
import { KafkaError, LogTruncatedError } from '../../../src/wire/client/index.ts';
import { encodeBatch, errorCodes, readBatchHeader } from '../../../src/wire/index.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import {
  OwnerStage,
  runUntil,
  StageLog,
  type StageOptions,
  stageTopic,
  stageTopicId,
  visibleRows,
} from './owner-stage.ts';

let disk: MemoryDisk;
let log: StageLog;
let clock: ManualClock;
let stages: OwnerStage[];

beforeEach(() => {
  disk = new MemoryDisk();
  log = new StageLog();
  clock = new ManualClock(1_800_000_000_000);
  stages = [];
});

afterEach(async () => {
  for (const stage of stages) stage.owner.abandon();
  await runUntil(clock, () => stages.every((stage) => stage.ended !== null || stage.run === null));
  for (const stage of stages) stage.close();
});

function stage(options: StageOptions = {}): OwnerStage {
  const made = new OwnerStage(disk, log, clock, options);
  stages.push(made);
  return made;
}

function until(isDone: () => boolean, options: { stepMs?: number } = {}): Promise<void> {
  return runUntil(clock, isDone, { stages: () => stages, ...options });
}

/** The chain as somebody else sees it. */
function openChain(): Promise<PartitionChain> {
  const id = { table: stageTopic, topicId: stageTopicId, partition: 0, topic: stageTopic };
  return PartitionChain.open(new MemoryFiles(disk), id, { clock });
}

function rowsOf(first: number, next: number): [bigint, string][] {
  return Array.from({ length: next - first }, (_, i) => [BigInt(first + i), log.values[first + i]!]);
}

const values = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `v${from + i}`);

describe('PartitionOwner', () => {
  it('begins a new chain at the start of the log, claims before it fetches, and lands the records in order', async () => {
    log.append(...values(23));
    log.start = 4n;
    const one = stage({ settings: { rollAgeMs: 1000 } }).start();
    await until(() => one.assigned.length > 0);
    expect((await openChain()).state).toMatchObject({ next: 4n, holder: { owner: { member: 'member-1' } } });
    expect(one.assigned).toEqual([4n]);
    await until(() => one.positions.at(-1) === 23n);
    expect([...visibleRows(disk)]).toEqual(rowsOf(4, 23));
  });

  it('commits what it holds by age without any traffic', async () => {
    const one = stage({ settings: { rollAgeMs: 60_000 } }).start();
    log.append('a', 'b', 'c');
    await until(() => one.owner.position?.position === 3n);
    const readAtMs = clock.nowMs();
    expect(one.commits).toEqual([]);
    await until(() => one.commits.length === 1, { stepMs: 100 });
    expect(clock.nowMs() - readAtMs).toBeGreaterThan(59_000);
    expect(clock.nowMs() - readAtMs).toBeLessThan(75_000);
    expect(one.commits[0]).toMatchObject({ first: 0n, next: 3n, cause: 'age', landedCount: 3n });
    await until(() => clock.nowMs() - readAtMs > 200_000, { stepMs: 500 });
    expect(one.commits).toHaveLength(1);
  });

  it('goes on at the checkpoint, whatever anybody says elsewhere', async () => {
    log.append(...values(10));
    const one = stage({ settings: { rollAgeMs: 100 } }).start();
    await until(() => one.positions.at(-1) === 10n);
    one.owner.stop('shutdown', 10_000);
    await until(() => one.ended !== null);
    expect(one.ended).toEqual({ reason: 'shutdown' });
    log.append(...values(5, 10));
    const two = stage({ member: 'member-2', settings: { rollAgeMs: 100 } }).start();
    await until(() => two.positions.at(-1) === 15n);
    expect(two.assigned).toEqual([10n]);
    expect([...visibleRows(disk)]).toEqual(rowsOf(0, 15));
  });

  it('shows the group a checkpoint whose owner died before it could, although no more records come', async () => {
    log.append(...values(10));
    const dead = stage({ settings: { rollAgeMs: 100 }, refusesPositions: () => true }).start();
    await until(() => dead.commits.length === 1);
    dead.owner.abandon();
    await until(() => dead.ended !== null);
    expect(dead.positions).toEqual([]);
    const heir = stage({ member: 'member-2', settings: { rollAgeMs: 100 } }).start();
    await until(() => heir.positions.length > 0, { stepMs: 100 });
    expect([heir.positions, heir.commits]).toEqual([[10n], []]);
  });

  it('shows the group a checkpoint later that it refused, once, and at the latest when it stops', async () => {
    let isRebalancing = true;
    log.append(...values(10));
    const one = stage({ settings: { rollAgeMs: 100 }, refusesPositions: () => isRebalancing }).start();
    await until(() => one.commits.length === 1);
    const beganMs = clock.nowMs();
    await until(() => clock.nowMs() - beganMs > 30_000, { stepMs: 500 });
    expect(one.positions).toEqual([]);
    isRebalancing = false;
    await until(() => clock.nowMs() - beganMs > 90_000, { stepMs: 500 });
    expect(one.positions).toEqual([10n]);
    isRebalancing = true;
    log.append(...values(5, 10));
    await until(() => one.commits.length === 2, { stepMs: 100 });
    isRebalancing = false;
    one.owner.stop('shutdown', 10_000);
    await until(() => one.ended !== null);
    expect(one.positions).toEqual([10n, 15n]);
  });

  it('shows the group the end of a bounded load that an attempt before it reached', async () => {
    log.append(...values(10));
    const dead = stage({ endOffset: 10n, confirm: null, refusesPositions: () => true }).start();
    await until(() => dead.ended !== null);
    expect([dead.ended, dead.positions]).toEqual([{ reason: 'complete', checkpoint: 10n }, []]);
    const again = stage({ member: 'member-2', endOffset: 10n, confirm: null }).start();
    await until(() => again.ended !== null);
    expect([again.ended, again.positions]).toEqual([{ reason: 'complete', checkpoint: 10n }, [10n]]);
  });

  it('sends refused records to the dead letters and commits a range in which nothing landed', async () => {
    log.append('poison-1', 'ok', 'poison-2');
    const one = stage({ settings: { rollAgeMs: 100 } }).start();
    await until(() => one.commits.length === 1);
    log.append('poison-3');
    await until(() => one.positions.at(-1) === 4n);
    expect(one.commits).toMatchObject([
      { next: 3n, landedCount: 1n, deadCount: 2n },
      { next: 4n, landedCount: 0n, deadCount: 1n, files: [] },
    ]);
    const letters = disk
      .paths(`/${stageTopic}/_sluice/dead/`)
      .flatMap((path) => disk.bytes(path).toString().trim().split('\n'));
    expect(letters.map((line) => JSON.parse(line))).toMatchObject([
      { offset: '0', code: 'poison-1', value: Buffer.from('poison-1').toString('base64'), key: null, headers: [] },
      { offset: '2', code: 'poison-2' },
      { offset: '3', code: 'poison-3' },
    ]);
  });

  it('lands nothing of aborted batches, control batches and offsets that compaction took, and moves past them', async () => {
    log.append(...values(40));
    const one = stage({ settings: { rollAgeMs: 1000 } }).start();
    await runUntil(clock, () => one.assigned.length > 0);
    const batch = (base: bigint, count: number, options: { isControl?: boolean; isAborted?: boolean } = {}) => {
      const records = values(count).map((value) => ({ key: null, value }));
      const bytes = encodeBatch(records, {
        baseOffset: base,
        timestampMs: 1n,
        isControl: options.isControl ?? false,
        isTransactional: options.isControl ?? false,
      });
      return { bytes, header: readBatchHeader(bytes), isAborted: options.isAborted ?? false };
    };
    const batches = [batch(2n, 3), batch(5n, 2, { isAborted: true }), batch(7n, 1, { isControl: true }), batch(12n, 2)];
    one.owner.offer(one.fetched(0n, 20n, batches));
    await runUntil(clock, () => one.positions.at(-1) === 20n);
    expect([...visibleRows(disk).keys()]).toEqual([2n, 3n, 4n, 12n, 13n]);
    expect((await openChain()).state.totals).toMatchObject({ landed: 5n, control: 15n, dead: 0n });
  });

  it('drops what it holds when another owner has claimed, and gets the partition back from a late claim', async () => {
    log.append(...values(10));
    const rightful = stage({ generation: 2, settings: { rollAgeMs: 2000 } }).start();
    await until(() => rightful.owner.position?.position === 10n);
    const late = await openChain();
    await late.claim(
      { ...rightful.identity, member: 'frozen', generation: 2 },
      { startOffset: 0n, confirmMembership: async () => true },
    );
    await until(() => rightful.positions.at(-1) === 10n, { stepMs: 100 });
    expect(rightful.owned).toEqual([0n, 0n]);
    expect([...visibleRows(disk)]).toEqual(rowsOf(0, 10));
    await expect(
      late.commit({
        first: 0n,
        next: 1n,
        files: [],
        deadLetters: null,
        notLanded: { dead: [], filtered: [], control: [{ first: 0n, next: 1n }], gaps: [] },
        landedCount: 0n,
        cause: 'age',
        leaderEpoch: 0,
      }),
    ).rejects.toMatchObject({ code: 'fenced' });
  });

  it('notices within the check interval that it was replaced although nothing arrives', async () => {
    const rightful = stage({ generation: 2, settings: { ownerCheckMs: 5000 } }).start();
    await until(() => rightful.owned.length === 1);
    const late = await openChain();
    await late.claim(
      { ...rightful.identity, member: 'frozen' },
      { startOffset: 0n, confirmMembership: async () => true },
    );
    const claimedAtMs = clock.nowMs();
    await until(() => rightful.owned.length === 2);
    expect(clock.nowMs() - claimedAtMs).toBeLessThan(10_000);
    expect((await openChain()).state.holder?.owner.member).toBe('member-1');
  });

  it('neither claims nor commits while its group says that it has no right to', async () => {
    log.append(...values(10));
    let isMember = true;
    const one = stage({ settings: { rollAgeMs: 1000 }, confirm: async () => isMember }).start();
    await until(() => one.owner.position?.position === 10n);
    isMember = false;
    const rightful = await openChain();
    await rightful.claim(
      { ...one.identity, member: 'rightful', generation: 3 },
      { startOffset: 0n, confirmMembership: async () => true },
    );
    await until(() => one.owner.state === 'fenced');
    const untilMs = clock.nowMs() + 120_000;
    await until(() => clock.nowMs() > untilMs, { stepMs: 500 });
    expect(one.commits).toEqual([]);
    expect((await openChain()).state.holder?.owner.member).toBe('rightful');
    one.owner.abandon();
    await until(() => one.ended !== null);
    expect(one.ended).toEqual({ reason: 'lost' });
    expect(visibleRows(disk).size).toBe(0);
  });

  it('commits and releases when the partition is revoked, and drops everything when it is lost', async () => {
    log.append(...values(10));
    const one = stage().start();
    await until(() => one.owner.position?.position === 10n);
    one.owner.stop('revoked', 10_000);
    await until(() => one.ended !== null);
    expect(one.commits).toMatchObject([{ cause: 'revoked', next: 10n }]);
    expect((await openChain()).state.holder).toBeNull();
    log.append(...values(5, 10));
    const two = stage({ member: 'member-2' }).start();
    await until(() => two.owner.position?.position === 15n);
    two.owner.abandon();
    await until(() => two.ended !== null);
    expect((await openChain()).state.next).toBe(10n);
  });

  it('stops without changing anything when the checkpoint is beyond the end of the log', async () => {
    log.append(...values(10));
    const one = stage({ settings: { rollAgeMs: 100 } }).start();
    await until(() => one.positions.at(-1) === 10n);
    one.owner.stop('shutdown', 1000);
    await until(() => one.ended !== null);
    const before = disk.paths();
    log.values.length = 7;
    const two = stage({ member: 'member-2' }).start();
    await until(() => two.ended !== null);
    expect(two.ended).toMatchObject({
      reason: 'failed',
      error: expect.stringContaining('checkpoint is 10, but the log ends at 7'),
    });
    expect(disk.paths()).toEqual(before);
  });

  it('stops when the log has expired past the checkpoint, and records the gap when told to', async () => {
    log.append(...values(20));
    const one = stage({ endOffset: 5n }).start();
    await until(() => one.ended !== null);
    expect(one.ended).toEqual({ reason: 'complete', checkpoint: 5n });
    log.start = 12n;
    const two = stage({ member: 'member-2' }).start();
    await until(() => two.ended !== null);
    expect(two.ended).toMatchObject({ reason: 'failed', error: expect.stringContaining('7 offsets expired') });
    const three = stage({ member: 'member-3', settings: { onGap: 'record', rollAgeMs: 100 } }).start();
    await until(() => three.positions.at(-1) === 20n);
    expect([...visibleRows(disk)]).toEqual([...rowsOf(0, 5), ...rowsOf(12, 20)]);
    expect((await openChain()).state.totals).toMatchObject({ landed: 13n, gaps: 7n });
  });

  it('commits what it has and stops when the fetcher finds a broken log; nothing of a log that was cut back', async () => {
    log.append(...values(10));
    const one = stage().start();
    await until(() => one.owner.position?.position === 10n);
    one.owner.offer(one.fetched(10n, 10n, [], new KafkaError(errorCodes.CORRUPT_MESSAGE, 'Fetch of events-0')));
    await until(() => one.ended !== null);
    expect(one.ended).toMatchObject({ reason: 'failed', error: expect.stringContaining('CORRUPT_MESSAGE') });
    expect((await openChain()).state.next).toBe(10n);
    log.append(...values(5, 10));
    const two = stage({ member: 'member-2' }).start();
    await until(() => two.owner.position?.position === 15n);
    two.owner.offer(two.fetched(15n, 15n, [], new LogTruncatedError(stageTopic, 0, 15n, 3, 12n)));
    await until(() => two.ended !== null);
    expect(two.ended).toMatchObject({ reason: 'failed', error: expect.stringContaining('lost records') });
    expect((await openChain()).state.next).toBe(10n);
  });

  it('ends a bounded load exactly at its end and releases the partition', async () => {
    log.append(...values(23));
    const one = stage({ endOffset: 17n }).start();
    await until(() => one.ended !== null);
    expect(one.ended).toEqual({ reason: 'complete', checkpoint: 17n });
    expect(one.commits.at(-1)).toMatchObject({ next: 17n, cause: 'end-of-input' });
    expect([...visibleRows(disk)]).toEqual(rowsOf(0, 17));
    expect((await openChain()).state.holder).toBeNull();
    const records = disk.paths(`/${stageTopic}/_sluice/ledger/`).length;
    const two = stage({ endOffset: 17n, member: 'member-2' }).start();
    await until(() => two.ended !== null);
    expect(two.ended).toEqual({ reason: 'complete', checkpoint: 17n });
    expect(disk.paths(`/${stageTopic}/_sluice/ledger/`)).toHaveLength(records);
  });

  it('lets the live owner of another group finish a bounded load, by asking it for an early roll', async () => {
    log.append(...values(12));
    const nightly = { group: 'job:nightly', member: 'job-member', confirm: null, endOffset: 12n };
    const continuous = stage({ settings: { rollAgeMs: 3_600_000, ownerCheckMs: 2000 } }).start();
    await until(() => continuous.owner.position?.position === 12n);
    const child = stage({ ...nightly, groupMembers: () => ['member-1'] }).start();
    await until(() => child.ended !== null, { stepMs: 100 });
    expect(child.ended).toEqual({ reason: 'complete', checkpoint: 12n });
    expect(child.commits).toEqual([]);
    expect(continuous.commits).toMatchObject([{ cause: 'requested', next: 12n }]);
    const askedMs = clock.nowMs();
    await until(() => clock.nowMs() > askedMs + 10_000, { stepMs: 100 });
    expect(disk.paths(`/${stageTopic}/_sluice/requests/`)).toEqual([]);
  });

  it('rolls once for a request, however much arrives meanwhile, and goes on as before', async () => {
    log.append(...values(5));
    const continuous = stage({ settings: { rollAgeMs: 3_600_000, ownerCheckMs: 2000 } }).start();
    await until(() => continuous.owner.position?.position === 5n);
    const place = { table: stageTopic, topicId: stageTopicId, partition: 0 };
    await requestRoll(new MemoryFiles(disk), place, 5n, new AbortController().signal);
    await until(() => continuous.commits.length > 0, { stepMs: 100 });
    for (let count = 5; count < 100; count += 5) {
      log.append(...values(5, count));
      await until(() => continuous.owner.position?.position === BigInt(count + 5), { stepMs: 10 });
    }
    const askedMs = clock.nowMs();
    await until(() => clock.nowMs() > askedMs + 10_000, { stepMs: 100 });
    expect(continuous.commits).toMatchObject([{ cause: 'requested', next: 5n }]);
  });

  it('takes over from another group whose member is gone, and refuses to when it lives', async () => {
    log.append(...values(8));
    const first = await openChain();
    const other = { clusterId: 'cluster-1', group: 'group-0', member: 'other', generation: 9, host: 'x' };
    await first.claim(other, { startOffset: 0n, confirmMembership: async () => true });
    const refused = stage({ groupMembers: () => ['other'] }).start();
    await until(() => refused.ended !== null, { stepMs: 500 });
    expect(refused.ended).toMatchObject({ reason: 'failed', error: expect.stringContaining('--take-over') });
    const heir = stage({ groupMembers: () => [], settings: { rollAgeMs: 100 } }).start();
    await until(() => heir.positions.at(-1) === 8n);
    expect([...visibleRows(disk)]).toEqual(rowsOf(0, 8));
  });

  it('reads again with the winner’s columns when it loses a race over the type of a new one', async () => {
    log.append('a', 'type:int64', 'b');
    const one = stage({ settings: { rollAgeMs: 1000 } }).start();
    await until(() => one.owner.position?.position === 3n);
    const rival = stage({ member: 'rival' });
    const { SchemaStore } = await import('../../../src/offsets/index.ts');
    const { stageSchema } = await import('./owner-stage.ts');
    const column = { name: 'w', type: 'string', isRequired: false } as const;
    await new SchemaStore(rival.files, stageTopic).publishNext(
      { ...stageSchema, columns: [...stageSchema.columns, column] },
      0,
    );
    await until(() => one.positions.at(-1) === 3n);
    expect(one.assigned).toEqual([0n, 0n]);
    expect([...visibleRows(disk)]).toEqual(rowsOf(0, 3));
  });

  it('stops before it commits when the refused share is beyond the skip budget', async () => {
    log.append(...Array.from({ length: 200 }, (_, i) => (i % 2 ? 'poison' : 'fine')));
    const one = stage({ settings: { skipBudget: 0.4 }, endOffset: 200n }).start();
    await until(() => one.ended !== null);
    expect(one.ended).toMatchObject({ reason: 'failed', error: expect.stringContaining('skip budget') });
    expect((await openChain()).state).toMatchObject({ next: 0n, holder: null });
  });

  it('lands what it holds when it is paused, owns nothing meanwhile, says why, and goes on when it is resumed', async () => {
    const files = new MemoryFiles(disk);
    const place = { table: stageTopic, topicId: stageTopicId, partition: 0 };
    log.append(...values(7));
    const one = stage({ settings: { rollAgeMs: 3_600_000, ownerCheckMs: 1000 } }).start();
    await until(() => one.owner.position?.position === 7n);
    await writeControl(files, place, { action: 'pause', by: 'ann', reason: 'the disk is full' });
    await until(() => one.owner.state === 'paused', { stepMs: 100 });
    expect(one.commits).toMatchObject([{ first: 0n, next: 7n, cause: 'requested' }]);
    expect(one.owner.status).toMatchObject({ state: 'paused', pause: { by: 'ann', reason: 'the disk is full' } });
    expect((await openChain()).state.holder).toBeNull();
    log.append(...values(5, 7));
    const pausedAtMs = clock.nowMs();
    await until(() => clock.nowMs() - pausedAtMs > 60_000, { stepMs: 500 });
    expect(one.owner.status).toMatchObject({ state: 'paused', checkpoint: 7n });
    await writeControl(files, place, { action: 'resume', by: 'ann', reason: 'replaced' });
    await until(() => one.owner.position?.position === 12n, { stepMs: 100 });
    one.owner.stop('shutdown', 10_000);
    await until(() => one.ended !== null);
    expect([...visibleRows(disk)]).toEqual(rowsOf(0, 12));
  });

  it('stops a bounded load of a paused partition, and says who paused it and why', async () => {
    const place = { table: stageTopic, topicId: stageTopicId, partition: 0 };
    await writeControl(new MemoryFiles(disk), place, { action: 'pause', by: 'ann', reason: 'the disk is full' });
    log.append(...values(7));
    const one = stage({ endOffset: 7n }).start();
    await until(() => one.ended !== null);
    expect(one.ended).toMatchObject({
      reason: 'failed',
      error: expect.stringMatching(/paused by ann .*the disk is full/),
    });
    expect(visibleRows(disk).size).toBe(0);
  });

  it('tells what it waits for while the warehouse takes nothing, and how long each step of a roll took', async () => {
    const files = new MemoryFiles(disk);
    const create = files.create.bind(files);
    let isFull = true;
    files.create = async (...args) => {
      if (isFull) throw new WarehouseError('no-space', 'the disk is full');
      await create(...args);
    };
    const one = stage({ files, settings: { rollAgeMs: 1000 } });
    isFull = false;
    one.start();
    await until(() => one.assigned.length > 0);
    isFull = true;
    log.append(...values(3));
    await until(() => one.owner.status.delay !== null, { stepMs: 100 });
    expect(one.owner.status).toMatchObject({ checkpoint: 0n, encoded: 3n, delay: { code: 'no-space' } });
    expect(one.delays.length).toBeGreaterThan(0);
    isFull = false;
    await until(() => one.traces.length === 1, { stepMs: 100 });
    expect(one.owner.status).toMatchObject({ checkpoint: 3n, delay: null });
    expect(one.traces[0]).toMatchObject({ first: 0n, next: 3n, rowCount: 3n, error: null });
    expect(one.traces[0]!.steps.map(({ name }) => name)).toEqual([
      'fetch',
      'seal',
      'upload',
      'commit',
      'publish',
      'position',
      'turn-era',
    ]);
  });
});
