import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditWarehouse, type LoadOptions, type LoadReport, runLoad } from '../../src/loader/index.ts';
import { LocalFiles } from '../../src/warehouse/index.ts';
import { checkTable } from '../support/check-table.ts';
import { labRecords, poisonValues } from '../support/lab-records.ts';
import { filesBelow, LoadLab } from '../support/load-lab.ts';
import { seededRandom } from '../support/seeded-random.ts';

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(async () => {
  await lab.close();
});

function load(topic: string, url: string, options: Partial<LoadOptions> = {}): Promise<LoadReport> {
  return runLoad({
    brokers: [lab.bootstrap],
    topics: [topic],
    warehouseUrl: url,
    workerMode: 'in-process',
    untilEnd: true,
    timeField: 'ts',
    sessionTimeoutMs: 1500,
    scratchDirectory: lab.directory,
    ...options,
  });
}

async function fill(topic: string, partitions: number, perPartition: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  await lab.createTopic(topic, partitions);
  for (let partition = 0; partition < partitions; partition++) {
    await lab.produce(topic, partition, labRecords({ random, count: perPartition, from: partition * 100_000 }));
  }
}

describe('a bounded load', () => {
  it('lands every record of the log once, as a row or as a dead letter', async () => {
    const { directory, url } = lab.warehouse('once');
    await fill('once', 3, 700, 11);
    const report = await load('once', url, { maxDeadLetters: 1000 });
    expect(await checkTable(lab.cluster, 'once', directory)).toEqual([]);
    expect(report).toMatchObject({ outcome: 'complete', errors: [] });
    expect(report.rowCount + report.deadLetterCount).toBe(2100n);
  });

  it('goes on where the load before it stopped, in several rolls', async () => {
    const { directory, url } = lab.warehouse('again');
    await fill('again', 2, 400, 12);
    await load('again', url, { rollBytes: 4096 });
    const random = seededRandom(13);
    await lab.produce('again', 1, labRecords({ random, count: 300, from: 500_000 }));
    const report = await load('again', url, { rollBytes: 4096 });
    expect(await checkTable(lab.cluster, 'again', directory)).toEqual([]);
    expect(report.rowCount + report.deadLetterCount).toBe(300n);
    expect(report.commitCount).toBeGreaterThan(1);
  });

  it('has nothing to do and says so when all has landed', async () => {
    const { directory, url } = lab.warehouse('idle');
    await fill('idle', 2, 50, 14);
    await load('idle', url);
    const report = await load('idle', url, { maxDeadLetters: 0 });
    expect(report).toMatchObject({ outcome: 'complete', rowCount: 0n, commitCount: 0 });
    expect(await checkTable(lab.cluster, 'idle', directory)).toEqual([]);
  });

  it('loads empty topics and empty partitions', async () => {
    const { url } = lab.warehouse('empty');
    await lab.createTopic('empty', 2);
    expect(await load('empty', url)).toMatchObject({ outcome: 'complete', rowCount: 0n, fileCount: 0 });
    await lab.produce('empty', 1, [{ key: null, value: '{"id":1,"ts":"2026-11-21T00:00:00Z","body":"x"}' }]);
    expect(await load('empty', url)).toMatchObject({ outcome: 'complete', rowCount: 1n, fileCount: 1 });
  });

  it('is partial with more dead letters than allowed, and has loaded the rest', async () => {
    const { directory, url } = lab.warehouse('poison');
    await lab.createTopic('poison', 1);
    const good = labRecords({ random: seededRandom(15), count: 20, poisonShare: 0 });
    await lab.produce('poison', 0, [...poisonValues.map(([, value]) => ({ key: 'p', value })), ...good]);
    const report = await load('poison', url, { maxDeadLetters: poisonValues.length - 1 });
    expect(report).toMatchObject({ outcome: 'partial', rowCount: 20n, deadLetterCount: BigInt(poisonValues.length) });
    expect(await checkTable(lab.cluster, 'poison', directory)).toEqual([]);
  });

  it('commits a range in which nothing landed', async () => {
    const { directory, url } = lab.warehouse('nothing');
    await lab.createTopic('nothing', 1);
    await lab.produce(
      'nothing',
      0,
      poisonValues.map(([, value]) => ({ key: 'p', value })),
    );
    const report = await load('nothing', url, { maxDeadLetters: 100 });
    expect(report).toMatchObject({ outcome: 'complete', rowCount: 0n, fileCount: 0, commitCount: 1 });
    expect(await checkTable(lab.cluster, 'nothing', directory)).toEqual([]);
  });

  it('shares the work out to threads', async () => {
    const { directory, url } = lab.warehouse('threads');
    await fill('threads', 4, 500, 16);
    const report = await load('threads', url, { workers: 2, workerMode: 'threads', maxDeadLetters: 1000 });
    expect(report).toMatchObject({ outcome: 'complete', errors: [] });
    expect(await checkTable(lab.cluster, 'threads', directory)).toEqual([]);
  });

  it('loads partitions of a job without a group, and leaves the others alone', async () => {
    const { url } = lab.warehouse('job');
    await fill('job', 2, 100, 17);
    const partitions = [{ topic: 'job', partition: 1, endOffset: 60n }];
    const report = await load('job', url, {
      assignment: { kind: 'manual', partitions, jobId: 'nightly-1', attempt: 1 },
      maxDeadLetters: 100,
    });
    expect(report.rowCount + report.deadLetterCount).toBe(60n);
    expect(report.partitions).toMatchObject([{ partition: 1, checkpoint: 60n, endOffset: 60n }]);
  });

  it('shows the checkpoints to lag tools as the positions of its group', async () => {
    const { url } = lab.warehouse('lag');
    await fill('lag', 2, 80, 18);
    await load('lag', url, { group: 'lag-group', maxDeadLetters: 100 });
    const committed = await lab.cluster.fetchOffsets('lag-group', null);
    expect(committed.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 80n],
      [1, 80n],
    ]);
  });

  it('shows the group a checkpoint that a killed attempt could not, although nothing is left to do', async () => {
    await lab.createTopic('retried', 1);
    await lab.produce('retried', 0, labRecords({ random: seededRandom(6), count: 40, poisonShare: 0 }));
    const { url } = lab.warehouse('retried');
    const args = ['--until-end', '--group', 'retried', '--time-field', 'ts'];
    const killed = lab.load('retried', url, args, { fault: 'loader.commit.8-moved=kill' });
    expect((await killed.finished).code).toBeNull();
    expect(await lab.cluster.fetchOffsets('retried', null)).toEqual([]);
    // While the coordinator takes the killed one for alive, only a member may show positions.
    await vi.waitFor(
      async () => {
        const { code, stdout } = await lab.load('retried', url, [...args, '--json']).finished;
        expect([code, JSON.parse(stdout).rowCount]).toEqual([0, '0']);
        expect(await lab.cluster.fetchOffsets('retried', null)).toMatchObject([{ partition: 0, offset: 40n }]);
      },
      { timeout: 60_000 },
    );
  });

  it('keeps memory within a small budget by rolling the largest partition', async () => {
    const { directory, url } = lab.warehouse('memory');
    await fill('memory', 3, 4000, 19);
    const causes = new Set<string>();
    await load('memory', url, {
      memoryBytes: 300_000,
      maxDeadLetters: 1000,
      onProgress: (progress) => progress.kind === 'committed' && causes.add(progress.commit.cause),
    });
    expect(causes).toContain('memory');
    expect(await checkTable(lab.cluster, 'memory', directory)).toEqual([]);
  });

  it('stops at a log that has expired past the checkpoint, and records the gap when told to', async () => {
    const { directory, url } = lab.warehouse('expired');
    await fill('expired', 1, 100, 21);
    await load('expired', url, { maxDeadLetters: 1000 });
    const random = seededRandom(22);
    await lab.produce('expired', 0, labRecords({ random, count: 100, from: 1000 }));
    await lab.deleteRecords('expired', 0, 150n);
    const stopped = await load('expired', url, { maxDeadLetters: 1000 });
    expect(stopped).toMatchObject({ outcome: 'failed', rowCount: 0n, commitCount: 0 });
    expect(stopped.errors.join()).toContain('50 offsets expired before they were loaded');
    const passed = await load('expired', url, { maxDeadLetters: 1000, onGap: 'record' });
    expect(passed).toMatchObject({ outcome: 'complete', errors: [] });
    expect(passed.rowCount + passed.deadLetterCount).toBe(50n);
    const files = new LocalFiles({ url, basePath: directory });
    const { partitions, problems } = await auditWarehouse(files, { deep: true });
    expect(problems).toEqual([]);
    expect(partitions).toMatchObject([{ next: 200n, gaps: 50n }]);
  });

  it('of a topic that cannot be loaded says so, and lands the other topic to its end', async () => {
    await fill('hopeless', 1, 100, 23);
    await fill('sound', 2, 100, 24);
    const { directory, url } = lab.warehouse('isolation');
    await load('hopeless', url, { maxDeadLetters: 1000 });
    await lab.produce('hopeless', 0, labRecords({ random: seededRandom(25), count: 100, from: 1000 }));
    await lab.deleteRecords('hopeless', 0, 150n);
    const report = await load('hopeless', url, { topics: ['hopeless', 'sound'], maxDeadLetters: 1000 });
    expect(report.outcome).toBe('failed');
    expect(report.errors).toEqual([expect.stringContaining('hopeless-0: the checkpoint is 100')]);
    expect(report.rowCount + report.deadLetterCount).toBe(200n);
    expect(await checkTable(lab.cluster, 'sound', directory)).toEqual([]);
  });

  it('makes files of the size that was asked for, however large the records are', async () => {
    const rollBytes = 200_000;
    const rowsPerFile: number[] = [];
    for (const length of [60, 1500]) {
      const topic = `records-of-${length}`;
      const { directory, url } = lab.warehouse(topic);
      await lab.createTopic(topic, 1);
      const random = seededRandom(length);
      const values = Array.from({ length: Math.ceil((8 * rollBytes) / length) }, (_, id) => {
        const text = Buffer.from(Array.from({ length }, () => random() * 256)).toString('base64');
        return { value: JSON.stringify({ id, text }) };
      });
      await lab.produce(topic, 0, values);
      const report = await load(topic, url, { rollBytes, timeField: null });
      const files = filesBelow(join(directory, topic)).filter((path) => path.includes('/part+'));
      const sizes = files.map((path) => statSync(join(directory, topic, path)).size).sort((a, b) => a - b);
      // The first file is larger: how well the records compress is not known before one was made.
      const median = sizes[Math.floor(sizes.length / 2)]!;
      expect(median, `${topic}: ${sizes.join(', ')}`).toBeGreaterThan(rollBytes * 0.6);
      expect(median, `${topic}: ${sizes.join(', ')}`).toBeLessThan(rollBytes * 1.6);
      rowsPerFile.push(Number(report.rowCount) / sizes.length);
    }
    expect(rowsPerFile[0]! / rowsPerFile[1]!).toBeGreaterThan(5);
  });

  it('leaves nothing in its scratch folder', async () => {
    const { url } = lab.warehouse('tidy');
    await fill('tidy', 1, 50, 20);
    await load('tidy', url, { scratchDirectory: join(lab.directory, 'scratch') });
    expect(readdirSync(join(lab.directory, 'scratch'))).toEqual([]);
  });
});
