// Promise: many workers, and many processes, share one topic on a real HDFS, and every record lands exactly once; ledger, group and
// audit say the same; whoever was frozen and replaced cannot commit any more.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareActivity, sameRows } from '../support/activity-events.ts';
import { sendFile } from '../support/kcat.ts';
import { filesBelow } from '../support/load-lab.ts';
import { waitFor } from '../support/peers.ts';
import type { SluiceProcess } from '../support/sluice-process.ts';
import { activityPartitions, WarehouseLab } from '../support/warehouse-lab.ts';

const eventCount = process.env['SLUICE_FULL'] ? 2_000_000 : 100_000;
/** How often loaders that share a topic are frozen in turn. */
const freezes = process.env['SLUICE_FULL'] ? 2 : 1;
const steadyRate = 500;

let lab: WarehouseLab;
let steadyEvents: string;

beforeAll(async () => {
  lab = await WarehouseLab.open();
  steadyEvents = await lab.events(100_000);
});

afterAll(async () => await lab?.close());

describe(`${eventCount} events in eight partitions`, () => {
  const topic = 'activity';
  let table: string;
  let log: string;

  beforeAll(async () => {
    await lab.createTopic(topic);
    await sendFile(lab.bootstrap, topic, await lab.events(eventCount));
  });

  it('are landed by four workers, each exactly once', async () => {
    const report = await lab.load(topic, '--workers', '4', '--time-field', 'ts');
    console.log(`${report.rowCount} rows in ${report.elapsedMs} ms: ${report.rowsPerSecond} rows/s`);
    expect(report).toMatchObject({ outcome: 'complete', rowCount: String(eventCount), deadLetterCount: '0' });
    [log, table] = await Promise.all([lab.dumpLog(topic), lab.copyTable(topic)]);
    expect(await compareActivity(lab.lake, log, table)).toEqual(sameRows(eventCount));
    expect(filesBelow(table, '_sluice/staging')).toEqual([]);
  });

  it('are all there, says an audit that reads every offset', async () => {
    const { code, ok, partitions, problems } = await lab.audit(topic, '--deep');
    expect({ code, ok, problems }).toEqual({ code: 0, ok: true, problems: '' });
    expect(partitions).toHaveLength(activityPartitions);
    for (const { first, next, landed, missing, double } of partitions) {
      expect({ first, landed, missing, double }).toEqual({ first: '0', landed: next, missing: [], double: [] });
    }
    expect(partitions.reduce((sum, { landed }) => sum + Number(landed), 0)).toBe(eventCount);
  });

  it('leave no lag, say the ledger and Kafka’s own view of the group alike', async () => {
    const group = await lab.kafkaGroup('sluice-loader', topic);
    expect(group).toEqual(await lab.ledgerAsGroup(topic));
    expect(group.map(({ lag }) => lag)).toEqual(Array(activityPartitions).fill('0'));
  });

  it('are not all there when one row was exchanged for another, and a deep audit names both offsets', async () => {
    const folder = 'dt=2026-01-01/hr=20';
    const name = readdirSync(join(table, folder)).find((file) => file.startsWith(`part+${topic}+3+`))!;
    const original = join(table, folder, name);
    const [[lost, kept]] = (await lab.lake.rows(
      `SELECT max(_offset), min(_offset) FROM read_parquet('${original}')`,
    )) as [[string, string]];
    const changed = join(lab.folder, 'changed.parquet');
    await lab.lake.rows(
      `COPY (SELECT * REPLACE (CASE WHEN _offset = ${lost} THEN ${kept} ELSE _offset END AS _offset)
       FROM read_parquet('${original}', hive_partitioning = false)) TO '${changed}' (FORMAT parquet)`,
    );
    await lab.hdfs.dfs('-put', '-f', changed, `/warehouse/${topic}/${folder}/${name}`);
    const { code, ok, partitions } = await lab.audit(topic, '--deep');
    expect({ code, ok }).toEqual({ code: 4, ok: false });
    const found = partitions.map(({ partition, missing, double }) => ({ partition, missing, double }));
    expect(found).toEqual(
      Array.from({ length: activityPartitions }, (_, partition) =>
        partition === 3
          ? { partition, missing: [String(lost)], double: [String(kept)] }
          : { partition, missing: [], double: [] },
      ),
    );
  });
});

describe('a loader process that is frozen until its partitions have moved to another', () => {
  const continuous = ['--time-field', 'ts', '--roll-age', '1s', '--session-timeout', '3s', '--log-level', 'info'];
  const commitSteps = ['loader.commit.5-verified', 'ledger-commit-written', 'ledger-commit-published'];

  it.each(commitSteps)('at %s of a commit adds nothing when it wakes', async (step) => {
    const topic = `frozen-${commitSteps.indexOf(step)}`;
    const args = [...continuous, '--group', topic];
    await lab.createTopic(topic, 2);
    const producer = lab.produce(topic, steadyEvents, steadyRate);
    const frozen = lab.startLoad(topic, args, { fault: `${step}#3=stop` });
    await untilStopped(frozen);
    const heir = lab.startLoad(topic, args);
    await lab.untilOwned(topic, heir, 2);
    await lab.untilCaughtUp(topic, heir, { group: topic });
    frozen.child.kill('SIGCONT');
    await lab.untilOwned(topic, frozen, 1); // it asks the group again, and gets its share
    await endInOrder(topic, [frozen, heir], await producer.stop());
  });

  it('in the midst of its work adds nothing when it wakes', async () => {
    const topic = 'frozen-often';
    const args = [...continuous, '--group', topic, '--workers', '2'];
    await lab.createTopic(topic);
    const producer = lab.produce(topic, steadyEvents, steadyRate);
    const loads = [lab.startLoad(topic, args), lab.startLoad(topic, args)];
    const turns = [loads, [...loads].reverse()].slice(0, freezes) as [SluiceProcess, SluiceProcess][];
    for (const [frozen, heir] of turns) {
      await lab.untilOwned(topic, frozen, activityPartitions / 2);
      frozen.child.kill('SIGSTOP');
      await lab.untilOwned(topic, heir, activityPartitions);
      await lab.untilCaughtUp(topic, heir, { group: topic });
      frozen.child.kill('SIGCONT');
    }
    await endInOrder(topic, loads, await producer.stop());
  });

  it('between its assignment and its claim leaves the partition to its rightful owner', async () => {
    const topic = 'late-claim';
    const args = [...continuous, '--group', topic];
    await lab.createTopic(topic, 1);
    const producer = lab.produce(topic, steadyEvents, steadyRate);
    // Its claim is written, the group has confirmed it: only the rename to the next number is missing.
    const late = lab.startLoad(topic, args, { fault: 'ledger-claim-written=stop' });
    await untilStopped(late);
    // The heir too is stopped when the group has given it the partition, so that the late claim comes first.
    const heir = lab.startLoad(topic, args, { fault: 'ledger-claim-written=stop' });
    await untilStopped(heir);
    late.child.kill('SIGCONT');
    await lab.untilOwned(topic, late, 1);
    heir.child.kill('SIGCONT');
    await lab.untilCaughtUp(topic, heir, { group: topic });
    await endInOrder(topic, [late, heir], await producer.stop());
  });
});

describe('a nightly bounded load of another group', () => {
  it('completes beside the continuous load, which goes on', async () => {
    const topic = 'nightly';
    await lab.createTopic(topic);
    const producer = lab.produce(topic, steadyEvents, steadyRate);
    // Left alone, the continuous load would not commit within this test.
    const continuous = lab.startLoad(topic, ['--time-field', 'ts', '--roll-age', '1h', '--workers', '2']);
    await lab.untilOwned(topic, continuous, activityPartitions);
    for (const night of ['nightly-1', 'nightly-2']) {
      const end = await lab.logEnd(topic);
      const report = await lab.load(topic, '--time-field', 'ts', '--group', night);
      expect(report.outcome).toBe('complete');
      const ends = report.partitions.map(({ endOffset }) => BigInt(endOffset!));
      expect(ends.reduce((sum, one) => sum + one)).toBeGreaterThanOrEqual(end);
      for (const { checkpoint, endOffset } of report.partitions) {
        expect(BigInt(checkpoint)).toBeGreaterThanOrEqual(BigInt(endOffset!));
      }
      expect(await lab.ownedBy(topic, continuous)).toBe(activityPartitions);
    }
    await endInOrder(topic, [continuous], await producer.stop());
  });
});

/** Resolves when a fault has frozen the process. */
async function untilStopped(load: SluiceProcess): Promise<void> {
  await waitFor('a process to be frozen', 120_000, () => {
    if (load.child.exitCode !== null) throw new Error(`the load ended:\n${load.stderr}`);
    return /^State:\tT/m.test(readFileSync(`/proc/${load.child.pid}/status`, 'utf8'));
  });
}

/** The loads land what is left, end well, and the table holds all that was produced. */
async function endInOrder(topic: string, loads: readonly SluiceProcess[], records: number): Promise<void> {
  for (const load of loads) load.child.kill('SIGTERM');
  const codes = await Promise.all(loads.map(async (load) => (await load.finished).code));
  expect(codes).toEqual(loads.map(() => 0));
  await lab.load(topic, '--time-field', 'ts', '--group', 'last');
  expect(await lab.problems(topic, records)).toEqual([]);
}
