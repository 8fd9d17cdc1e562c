// Promise: HDFS may fail in the middle of a load, in every usual way. The load waits or tries again, goes on by itself when HDFS is back,
// and the table holds what the log holds, row for row. Nobody has to do anything to the load.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendFile } from '../support/kcat.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';

const partitions = 4;
const steadyRate = 1_500;
const dayCount = 300_000;
const boundedCount = 60_000;
const continuous = ['--workers', '2', '--time-field', 'ts', '--roll-age', '1s', '--log-level', 'info'];
/** Small rolls, so that a bounded load has many commits to be disturbed at. */
const bounded = ['--workers', '2', '--time-field', 'ts', '--roll-bytes', '150KB', '--log-level', 'info'];
/** A dead DataNode is known as such after 14 s instead of 10 minutes. */
const properties = { 'dfs.heartbeat.interval': '1', 'dfs.namenode.heartbeat.recheck-interval': '2000' };

let lab: WarehouseLab;
let steadyEvents: string;

async function openLab(ha: boolean): Promise<void> {
  lab = await WarehouseLab.open({ hdfs: { ha, dataNodes: ha ? 1 : 2, properties } });
  steadyEvents = await lab.events(dayCount);
}

/** A continuous load beside a steady producer; `outage` begins and ends while both run. */
async function expectContinuousLoadSurvives(
  topic: string,
  outage: (untilNextCommit: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await lab.createTopic(topic, partitions);
  const producer = lab.produce(topic, steadyEvents, steadyRate);
  const load = lab.startLoad(topic, [...continuous, '--group', topic]);
  await lab.untilCommittedSince(topic, load, { group: topic });
  await outage(() => lab.untilCommittedSince(topic, load, { group: topic }));
  await lab.untilCaughtUp(topic, load, { group: topic });
  const records = await producer.stop();
  await lab.untilCaughtUp(topic, load, { group: topic });
  expect((await load.stop()).code, load.stderr).toBe(0);
  expect(await lab.problems(topic, records)).toEqual([]);
}

/** A bounded load of what is there already; `outage` begins and ends while it runs. */
async function expectBoundedLoadSurvives(topic: string, outage: () => Promise<void>): Promise<void> {
  await lab.createTopic(topic, partitions);
  await sendFile(lab.bootstrap, topic, await lab.events(boundedCount, dayCount));
  const load = lab.startLoad(topic, [...bounded, '--group', topic, '--until-end', '--json']);
  await lab.untilCommittedSince(topic, load, { group: topic });
  expect(await lab.committed(topic, topic), 'the load is through before the outage').toBeLessThan(boundedCount);
  await outage();
  const { code, stdout, stderr } = await load.finished;
  expect(code, stderr).toBe(0);
  // What a killed NameNode or a lost answer made to be done twice is counted by nobody: the ledger says what landed.
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'complete', deadLetterCount: '0' });
  expect(await lab.problems(topic, boundedCount)).toEqual([]);
}

/** Nothing can be committed at present, however much is produced: it is an outage indeed. */
async function expectNoCommits(topic: string, ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // what was on its way has arrived or failed
  const before = await lab.committed(topic, topic);
  await new Promise((resolve) => setTimeout(resolve, ms));
  expect(await lab.committed(topic, topic)).toBe(before);
}

describe('a load on HDFS with one NameNode and two DataNodes', () => {
  beforeAll(() => openLab(false));
  afterAll(async () => await lab?.close());

  it('survives the death of the NameNode, which is started again', async () => {
    await expectContinuousLoadSurvives('namenode', async () => {
      await lab.hdfs.kill('nn1');
      await expectNoCommits('namenode', 5_000);
      await lab.hdfs.start('nn1');
    });
  });

  it('survives the death of a DataNode, which is started again', async () => {
    await expectContinuousLoadSurvives('datanode', async (untilNextCommit) => {
      await lab.hdfs.kill('dn0');
      await untilNextCommit();
      await untilNextCommit(); // the other one takes the files
      await lab.hdfs.start('dn0');
    });
  });

  it('survives the death of all DataNodes, which are started again', async () => {
    await expectContinuousLoadSurvives('datanodes', async () => {
      await Promise.all([lab.hdfs.kill('dn0'), lab.hdfs.kill('dn1')]);
      await expectNoCommits('datanodes', 5_000);
      await Promise.all([lab.hdfs.start('dn0'), lab.hdfs.start('dn1')]);
    });
  });

  it('survives a frozen NameNode', async () => {
    await expectContinuousLoadSurvives('frozen', async () => {
      await lab.hdfs.kill('nn1', 'STOP');
      await expectNoCommits('frozen', 15_000);
      await lab.hdfs.kill('nn1', 'CONT');
    });
  });

  it('waits out a safe mode', async () => {
    await expectBoundedLoadSurvives('safe-mode', async () => {
      await lab.hdfs.dfsadmin('-safemode', 'enter');
      await expectNoCommits('safe-mode', 5_000);
      await lab.hdfs.dfsadmin('-safemode', 'leave');
    });
  });

  it('begins when HDFS comes back, if it was started in a safe mode', async () => {
    const topic = 'early';
    await lab.createTopic(topic, partitions);
    await sendFile(lab.bootstrap, topic, await lab.events(boundedCount, dayCount));
    await lab.hdfs.dfsadmin('-safemode', 'enter');
    const load = lab.startLoad(topic, [...bounded, '--group', topic, '--until-end']);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(load.child.exitCode, load.stderr).toBeNull();
    await lab.hdfs.dfsadmin('-safemode', 'leave');
    expect((await load.finished).code, load.stderr).toBe(0);
    expect(await lab.problems(topic, boundedCount)).toEqual([]);
  });
});

describe('a load on HDFS with two NameNodes', () => {
  beforeAll(() => openLab(true));
  afterAll(async () => await lab?.close());

  it('follows an orderly failover, there and back', async () => {
    await expectContinuousLoadSurvives('failover', async (untilNextCommit) => {
      await lab.hdfs.haadmin('-failover', 'nn1', 'nn2');
      await untilNextCommit();
      await untilNextCommit();
      await lab.hdfs.haadmin('-failover', 'nn2', 'nn1');
    });
  });

  it('follows a failover from a NameNode that was killed', async () => {
    await expectBoundedLoadSurvives('killed', async () => {
      await lab.hdfs.kill('nn1');
      await lab.hdfs.haadmin('-failover', 'nn1', 'nn2');
    });
    await lab.hdfs.start('nn1');
  });
});
