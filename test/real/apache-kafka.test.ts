// Promise: the loader does the same against a real Apache Kafka as against our broker: every committed record lands exactly once, aborted
// ones never, a bounded load stops at the last stable offset, and ledger, audit and Kafka's own tools agree.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendFile } from '../support/kcat.ts';
import { type PeerKafka, startKafka, waitFor } from '../support/peers.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { type AuditedPartition, activityPartitions, WarehouseLab } from '../support/warehouse-lab.ts';

const support = (name: string): string => new URL(`../support/${name}`, import.meta.url).pathname;
const python = new URL('../peers/python/run', import.meta.url).pathname;

let kafka: PeerKafka;
let lab: WarehouseLab;
let events: string;
const eventCount = 60_000;

beforeAll(async () => {
  kafka = await startKafka();
  lab = await WarehouseLab.open({ bootstrap: kafka.bootstrap });
  events = await lab.events(eventCount, 5 * eventCount);
});

afterAll(async () => {
  await lab?.close();
  await kafka?.stop();
});

const total = (partitions: readonly AuditedPartition[], field: 'landed' | 'control'): number =>
  partitions.reduce((sum, partition) => sum + Number(partition[field]), 0);

describe('Apache Kafka', () => {
  it('gives all records of all codecs to four workers, each exactly once', async () => {
    await lab.createTopic('codecs');
    const lines = readFileSync(events, 'utf8').trimEnd().split('\n');
    for (const [i, codec] of (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).entries()) {
      const share = join(lab.folder, `${codec}.tsv`);
      writeFileSync(share, `${lines.filter((_, line) => line % 5 === i).join('\n')}\n`);
      await sendFile(lab.bootstrap, 'codecs', share, { codec });
    }
    const report = await lab.load('codecs', '--workers', '4', '--time-field', 'ts');
    expect(report).toMatchObject({ outcome: 'complete', rowCount: String(eventCount), deadLetterCount: '0' });
    expect(await lab.problems('codecs', eventCount)).toEqual([]);
    expect(await lab.kafkaGroup('sluice-loader', 'codecs')).toEqual(await lab.ledgerAsGroup('codecs'));
  });

  it('gives the very rows that our broker gives of the same events', async () => {
    const ours = await startOurBroker();
    await sendFile(ours.bootstrap, 'same', events);
    await lab.createTopic('same');
    await sendFile(lab.bootstrap, 'same', events);
    await lab.load('same', '--time-field', 'ts', '--group', 'same');
    const folder = join(lab.folder, 'ours');
    const args = ['--brokers', ours.bootstrap, '--topics', 'same', '--warehouse', `file://${folder}`, '--until-end'];
    const load = await new SluiceProcess(['load', ...args, '--time-field', 'ts']).finished;
    expect(load.code, load.stderr).toBe(0);
    await ours.process.stop();
    const rows = (table: string): string =>
      `SELECT * EXCLUDE (_timestamp) FROM read_parquet('${table}/dt=*/hr=*/*.parquet', hive_partitioning = true)`;
    const theirs = rows(await lab.copyTable('same'));
    expect(await lab.lake.rows(`SELECT count(*) FROM (${theirs})`)).toEqual([[String(eventCount)]]);
    expect(await lab.lake.differences(rows(`${folder}/same`), theirs)).toBe(0n);
  });

  it('gives committed transactions only, and a bounded load stops before the one that is open', async () => {
    await lab.createTopic('transactions');
    const producer = startTransactions('transactions', 500);
    await producer.untilPrinted(/^open$/m);

    const before = await lab.load('transactions', '--workers', '2', '--time-field', 'ts', '--group', 'tx');
    expect(before.outcome).toBe('complete');
    const partitions = Array.from({ length: activityPartitions }, (_, partition) => partition);
    const [stable, all] = await Promise.all([
      lab.cluster.listOffsets('transactions', partitions, 'latest', { isolation: 'read_committed' }),
      lab.cluster.listOffsets('transactions', partitions, 'latest', { isolation: 'read_uncommitted' }),
    ]);
    expect(before.partitions.map(({ checkpoint }) => BigInt(checkpoint))).toEqual(
      partitions.map((partition) => stable.get(partition)!.offset),
    );
    // Every partition has records of the open transaction behind the last stable offset.
    for (const partition of partitions) {
      expect(stable.get(partition)!.offset).toBeLessThan(all.get(partition)!.offset);
    }
    expect(await lab.problems('transactions', Number(before.rowCount))).toEqual([]);

    const [, committed, aborted] = await producer.commit();
    expect(Number(before.rowCount)).toBe(Number(committed) - 500);
    const after = await lab.load('transactions', '--workers', '2', '--time-field', 'ts', '--group', 'tx');
    expect(after.rowCount).toBe('500');
    expect(await lab.problems('transactions', Number(committed))).toEqual([]);

    const audit = await lab.audit('transactions', '--deep');
    expect(total(audit.partitions, 'landed')).toBe(Number(committed));
    // Aborted records, and a marker for each transaction in each partition that it touched.
    expect(total(audit.partitions, 'control')).toBeGreaterThan(Number(aborted));
    // The last marker of each partition is passed too: no lag is left.
    const group = await lab.kafkaGroup('tx', 'transactions');
    expect(group).toEqual(await lab.ledgerAsGroup('transactions'));
    expect(group.map(({ lag }) => lag)).toEqual(partitions.map(() => '0'));
  });

  it('is killed and started again in the middle of a load, which goes on', async () => {
    await lab.createTopic('restart');
    await sendFile(lab.bootstrap, 'restart', events);
    // Small rolls, so that there is a middle.
    const args = ['--time-field', 'ts', '--roll-bytes', '100KB', '--workers', '2', '--group', 'restart', '--until-end'];
    const load = lab.startLoad('restart', args);
    await lab.untilCommittedSince('restart', load, { group: 'restart' });
    expect(await lab.committed('restart', 'restart'), 'the load is through before the kill').toBeLessThan(eventCount);
    await kafka.kill('kafka');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await kafka.start('kafka');
    expect((await load.finished).code, load.stderr).toBe(0);
    await kafka.waitUntilReady(); // a load that had all records already may be through before Kafka is
    expect(await lab.problems('restart', eventCount)).toEqual([]);
  });
});

async function startOurBroker(): Promise<{ process: SluiceProcess; bootstrap: string }> {
  const args = ['--listen', '127.0.0.1:0', '--default-partitions', String(activityPartitions), '--log-level', 'warn'];
  const broker = new SluiceProcess(['broker', '--data', join(lab.folder, 'our-log'), ...args]);
  return { process: broker, bootstrap: (await broker.waitFor(/^ready kafka=(\S+)/m))[1]! };
}

/** Transactions of `size` events each, the last of them open; see transactions.py. */
function startTransactions(topic: string, size: number) {
  const args = [support('transactions.py'), lab.bootstrap, topic, events, String(size)];
  const child: ChildProcess = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let printed = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const untilPrinted = async (pattern: RegExp): Promise<RegExpExecArray> => {
    await waitFor(`the producer to print ${pattern}`, 120_000, () => {
      if (child.exitCode) throw new Error('the producer failed');
      return pattern.test(printed);
    });
    return pattern.exec(printed)!;
  };
  const commit = async (): Promise<RegExpExecArray> => {
    child.stdin!.end('commit\n');
    const counts = await untilPrinted(/^(\d+) (\d+)$/m);
    process.off('exit', killAtExit);
    return counts;
  };
  return { untilPrinted, commit };
}
