import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditWarehouse, type KnownTopic, knownTopic, runLoad } from '../../src/loader/index.ts';
import { PartitionChain, readChain, readHistory, TableChain } from '../../src/offsets/index.ts';
import { whereOffset } from '../../src/operation/index.ts';
import {
  backfillRange,
  compactTable,
  compareWithLog,
  deadLetterFiles,
  type RewriteContext,
  reloadRange,
  replayDeadLetters,
  rewindPartition,
  skipOffsets,
  tidyTable,
  undoRewrite,
} from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { LocalFiles } from '../../src/warehouse/index.ts';
import { openLake } from '../support/lake.ts';
import { LoadLab } from '../support/load-lab.ts';

let lab: LoadLab;
let serial = 0;
let topic: KnownTopic;
let directory: string;
let url: string;
let context: RewriteContext;

/** Without a time field: that of the table's newest load. */
const settings = { schema: null };
const everything = { olderThanMs: -1e13 };
const hourOf = (n: number): string => `2026-11-21T0${7 + (n % 3)}:15:00Z`;

/** `{"n":17,"ts":...}`; every tenth is poison, which `repair` below turns into such a record. */
const record = (n: number) => ({
  key: `k${n}`,
  value: n % 10 === 9 ? `poison ${n}` : JSON.stringify({ n, ts: hourOf(n) }),
});
const repair = `sed -u 's/"text":"poison \\([0-9]*\\)"/"text":"{\\\\"n\\\\":\\1,\\\\"ts\\\\":\\\\"2026-11-21T07:15:00Z\\\\"}"/'`;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(async () => await lab.close());

beforeEach(async () => {
  const name = `t${serial++}`;
  ({ directory, url } = lab.warehouse(name));
  await lab.createTopic(name, 2);
  for (const partition of [0, 1])
    await lab.produce(
      name,
      partition,
      Array.from({ length: 60 }, (_, n) => record(n)),
      20,
    );
  const [found] = await lab.cluster.topics({}, [name]);
  topic = knownTopic(found!, await lab.cluster.clusterId());
});

async function load(options: object = {}): Promise<void> {
  const report = await runLoad({
    brokers: [lab.bootstrap],
    topics: [topic.name],
    warehouseUrl: url,
    workerMode: 'in-process',
    untilEnd: true,
    timeField: 'ts',
    maxDeadLetters: 1000,
    sessionTimeoutMs: 1500,
    rollRecords: 20,
    scratchDirectory: lab.directory,
    ...options,
  });
  expect(report.errors).toEqual([]);
  const files = new LocalFiles({ url, basePath: directory });
  const chain = await TableChain.open(files, topic.name, { retryMs: 1 });
  const signal = new AbortController().signal;
  context = { files, table: topic.name, chain, clock: systemClock, logger: silentLogger, signal };
}

/** `partition/offset/n/hour` of every row that a reader of the folders sees. */
async function rows(): Promise<string[]> {
  const lake = await openLake();
  const glob = `${directory}/${topic.name}/dt=*/hr=*/part+*.parquet`;
  const found = await lake.rows(`SELECT _partition, _offset, n, hr FROM read_parquet('${glob}', union_by_name = true)`);
  await lake.close();
  return found.map((row) => row.join('/')).sort();
}

async function audit() {
  const report = await auditWarehouse(context.files, { deep: true });
  expect(report.problems).toEqual([]);
  return report.partitions;
}

const reload = (first: bigint, next: bigint, partition = 0, changed: object = {}) =>
  reloadRange(context, {
    cluster: lab.cluster,
    topic,
    partition,
    first,
    next,
    settings: { ...settings, ...changed },
    reason: 'test',
  });

describe('reload', () => {
  it('puts what the log has in the place of what the table has, as one record, and leaves the rest as it is', async () => {
    await load();
    const before = await rows();
    const report = await reload(5n, 47n);
    expect(report).toMatchObject({ rowsBefore: 38n, landed: 38n, dead: 4n });
    expect(await rows()).toEqual(before);
    await audit();
  });

  it('puts rows into the hours they were in, by the time field of the newest load, unless it is told another one', async () => {
    await load();
    const before = await rows();
    await reload(0n, 60n);
    expect(await rows()).toEqual(before);
    await reload(0n, 60n, 0, { timeField: null });
    expect(await rows()).not.toEqual(before);
    await audit();
  });

  it('takes rows of merged files out too, and only those of the range', async () => {
    await load();
    const before = await rows();
    await compactTable(context, everything);
    await reload(5n, 47n, 1);
    expect(await rows()).toEqual(before);
    await audit();
  });

  it('goes by the contract of today: what it refuses now is a dead letter, what it accepts is a row', async () => {
    await load({ timeField: null });
    const before = await rows();
    await reload(0n, 60n, 0, { timeField: 'ts' });
    const after = await rows();
    expect(after).not.toEqual(before);
    expect(after.filter((row) => row.startsWith('0/'))).toEqual(
      Array.from({ length: 60 }, (_, n) => n)
        .filter((n) => n % 10 !== 9)
        .map((n) => `0/${n}/${n}/${hourOf(n).slice(11, 13)}`)
        .sort(),
    );
    await audit();
  });

  it('is refused for offsets that were not loaded, or that the log has no more, and changes nothing', async () => {
    await load();
    await expect(reload(50n, 61n)).rejects.toThrow(/expected a range that is loaded, within \[0, 60\)/);
    await lab.deleteRecords(topic.name, 0, 20n);
    const before = await rows();
    await expect(reload(0n, 40n)).rejects.toThrow(/expected \[0, 40\) in the log, which holds \[20, 60\)/);
    expect(await rows()).toEqual(before);
    expect(context.chain.state.intents.size).toBe(0);
    await audit();
  });
});

describe('undo', () => {
  it('restores what a rewrite replaced, and an undo of the undo takes it back again', async () => {
    await load({ timeField: null });
    const before = await rows();
    const { sequence } = await reload(0n, 60n, 0, { timeField: 'ts' });
    const after = await rows();
    const undone = await undoRewrite(context, sequence, 'test');
    expect(await rows()).toEqual(before);
    await audit();
    await undoRewrite(context, undone.sequence, 'test');
    expect(await rows()).toEqual(after);
    await audit();
    await expect(undoRewrite(context, undone.sequence, 'test')).rejects.toThrow(/is undone already/);
  });

  it('is refused when a later rewrite has built upon it, and behind the grace time', async () => {
    await load();
    const { sequence } = await reload(0n, 60n);
    const { groups } = await compactTable(context, everything);
    await expect(undoRewrite(context, sequence, 'test')).rejects.toThrow(/undo that one first/);
    for (const group of groups.reverse()) await undoRewrite(context, group.sequence!, 'test');
    await undoRewrite(context, sequence, 'test');
    await audit();
    const again = await reload(0n, 60n);
    await tidyTable(context, { graceMs: -1000 });
    await expect(undoRewrite(context, again.sequence, 'test')).rejects.toThrow(/deleted after its grace time/);
    await audit();
  });
});

describe('backfill', () => {
  it('is refused for what the log has no more, and for what the load has', async () => {
    await lab.deleteRecords(topic.name, 1, 20n);
    await load();
    const range = { cluster: lab.cluster, topic, partition: 1, settings, reason: 'test' };
    await expect(backfillRange(context, { ...range, first: 0n, next: 20n })).rejects.toThrow(/which holds \[20, 60\)/);
    await expect(backfillRange(context, { ...range, first: 10n, next: 21n })).rejects.toThrow(/before 20/);
    expect((await audit())[1]).toMatchObject({ first: 20n, backfilled: 0n });
  });
});

describe('backfill of a chain that began late', () => {
  it('brings the records before it, as rows and as dead letters, and a reload can read them again', async () => {
    const files = new LocalFiles({ url, basePath: directory });
    const place = { table: topic.name, topic: topic.name, topicId: topic.topicId, partition: 1 };
    const chain = await PartitionChain.open(files, place);
    const clusterId = await lab.cluster.clusterId();
    await chain.claim({ clusterId, group: 'job:x', member: 'x', generation: 1, host: 'x' }, { startOffset: 40n });
    await chain.release();
    await load();
    expect((await rows()).filter((row) => row.startsWith('1/'))).toHaveLength(18);
    const range = { cluster: lab.cluster, topic, partition: 1, settings, reason: 'test' };
    await backfillRange(context, { ...range, first: 0n, next: 25n });
    expect((await rows()).filter((row) => row.startsWith('1/'))).toHaveLength(41);
    expect((await audit())[1]).toMatchObject({ first: 40n, next: 60n, backfilled: 25n, landed: 41n, dead: 4n });
    const where = async (offset: bigint) => (await whereOffset(files, { ...place, offset }, context.signal))[0]!.found;
    expect(await where(3n)).toMatchObject({ place: 'file', broughtBy: 'rewrite' });
    expect(await where(9n)).toMatchObject({ place: 'dead-letter', code: 'not-json' });
    expect(await where(30n)).toEqual({ place: 'before-first', first: 40n });
    await expect(backfillRange(context, { ...range, first: 20n, next: 30n })).rejects.toThrow(/use "sluice reload"/);
    await reload(3n, 12n, 1);
    expect((await rows()).filter((row) => row.startsWith('1/'))).toHaveLength(41);
    expect((await audit())[1]).toMatchObject({ backfilled: 25n });
  });
});

describe('dead letters', () => {
  it('become rows in their own hour, with their own offset, once however often and by however many it is asked', async () => {
    await load();
    const before = await rows();
    const options = { settings, repair, reason: 'test' };
    const others = await Promise.all(
      [1, 2, 3].map(async () => ({ ...context, chain: await TableChain.open(context.files, topic.name) })),
    );
    const reports = await Promise.allSettled(others.map((other) => replayDeadLetters(other, options)));
    for (const report of reports) {
      if (report.status === 'rejected') expect(report.reason).toMatchObject({ code: 'conflict' });
    }
    await replayDeadLetters(context, options);
    expect(await replayDeadLetters(context, options)).toMatchObject({ tried: 0, landed: 0 });
    const expected = [0, 1].flatMap((p) => [9, 19, 29, 39, 49, 59].map((n) => `${p}/${n}/${n}/07`));
    expect(await rows()).toEqual([...before, ...expected].sort());
    expect((await audit())[0]).toMatchObject({ landed: 60n, dead: 0n, replayed: 6n });
  });

  it('stay dead when the contract still refuses them, and when the repair command fails', async () => {
    await load();
    expect(await replayDeadLetters(context, { settings, reason: 'test' })).toMatchObject({ tried: 12, landed: 0 });
    await expect(replayDeadLetters(context, { settings, repair: 'exit 3', reason: 'test' })).rejects.toThrow(
      /ended with 3/,
    );
    expect(context.chain.state.intents.size).toBe(0);
    expect((await audit())[0]).toMatchObject({ dead: 6n });
  });

  it('are read again by a reload, which counts them anew', async () => {
    await load();
    const before = await rows();
    await replayDeadLetters(context, { settings, repair, reason: 'test' });
    await reload(0n, 30n);
    const files: bigint[] = [];
    for await (const file of deadLetterFiles(context, { partition: 0 }))
      files.push(...file.dead.map((run) => run.first));
    expect(files).toEqual([9n, 19n, 29n]);
    const replayed = [39, 49, 59].map((n) => `0/${n}/${n}/07`);
    expect((await rows()).filter((row) => row.startsWith('0/'))).toEqual(
      [...before.filter((row) => row.startsWith('0/')), ...replayed].sort(),
    );
    expect((await audit())[0]).toMatchObject({ dead: 3n, replayed: 3n });
  });
});

async function lastCommitBegins(): Promise<bigint> {
  const id = { table: topic.name, topicId: topic.topicId, partition: 0 };
  const state = await readChain(context.files, id, topic.name);
  let first = 0n;
  for await (const found of readHistory(context.files, id, state)) if (found.kind === 'commit') first = found.first;
  return first;
}

describe('the comparison with the log', () => {
  it('finds the same rows and the same content hash on both sides, after merges and reloads, and where the log has expired', async () => {
    await load();
    await compactTable(context, everything);
    await reload(5n, 47n);
    await lab.deleteRecords(topic.name, 1, 25n);
    const source = { cluster: lab.cluster, topic, settings };
    const [one, two] = [await compareWithLog(context, source, 0), await compareWithLog(context, source, 1)];
    expect(one).toMatchObject({ first: 0n, next: 60n, logRows: 54n, tableRows: 54n, problems: [] });
    expect(one!.logHash).toBe(one!.tableHash);
    expect(two).toMatchObject({ first: 25n, next: 60n, logRows: 31n, tableRows: 31n, problems: [] });
  });

  it('tells when the table holds other rows than the log, by this contract', async () => {
    await load();
    const source = { cluster: lab.cluster, topic, settings: { timeField: 'no_such_field' } };
    const found = await compareWithLog(context, source, 0);
    expect(found!.problems.join()).toMatch(/the log's records are 0 rows, the table has 54.*content hash/);
  });
});

describe('rewind and skip', () => {
  it('let the loader read again from a commit boundary, and leave a gap with who and why', async () => {
    await load();
    const before = await rows();
    const place = { topic: topic.name, topicId: topic.topicId, partition: 0 };
    await expect(rewindPartition(context, place, 7n, 'test')).rejects.toThrow(/at which a commit begins/);
    const boundary = await lastCommitBegins();
    const rewound = await rewindPartition(context, place, boundary, 'a wrong contract');
    expect(rewound).toMatchObject({ from: 60n, next: boundary, reason: 'a wrong contract' });
    expect((await rows()).length).toBeLessThan(before.length);
    expect((await audit())[0]).toMatchObject({ next: boundary });
    await load();
    expect(await rows()).toEqual(before);
    expect((await audit())[0]).toMatchObject({ next: 60n });
    await skipOffsets(context, place, 75n, 'known to be broken');
    expect((await audit())[0]).toMatchObject({ next: 75n, gaps: 15n });
  });

  it('are refused where a rewrite has touched the range', async () => {
    await load();
    await compactTable(context, everything);
    const place = { topic: topic.name, topicId: topic.topicId, partition: 0 };
    await expect(rewindPartition(context, place, 20n, 'test')).rejects.toThrow(/use "sluice reload"/);
    expect(context.chain.state.intents.size).toBe(0);
    await audit();
  });
});
