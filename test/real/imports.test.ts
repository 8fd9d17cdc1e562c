// Promises of `sluice import`: states that Hadoop's own classes wrote are read, the first load goes on at exactly those
// offsets, and what does not fit is refused with nothing changed.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadLab } from '../support/load-lab.ts';
import { runPeer } from '../support/peers.ts';
import { runSluice } from '../support/sluice-process.ts';

let lab: LoadLab;
let folder: string;
const next = [40, 25, 60];
const recordCount = 100;

beforeAll(async () => {
  lab = await LoadLab.open();
  folder = mkdtempSync(join(tmpdir(), 'sluice-imports-'));
  await runPeer('imports/write-states.sh', [folder, 'events', ...next.map(String)]);
  writeConnectFiles(join(folder, 'topics'), 'events', next);
  await lab.createTopic('events', 3);
  for (const partition of [0, 1, 2]) {
    const records = Array.from({ length: recordCount }, (_, id) => ({ value: JSON.stringify({ partition, id }) }));
    await lab.produce('events', partition, records);
  }
});

afterAll(async () => {
  await lab?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Files of 10 to 15 offsets, in folders of a day each, up to the positions. */
function writeConnectFiles(topics: string, topic: string, ends: readonly number[]): void {
  ends.forEach((end, partition) => {
    for (let first = 0, day = 10; first < end; first += 15, day++) {
      const day_ = join(topics, topic, 'year=2026', 'month=11', `day=${day}`);
      mkdirSync(day_, { recursive: true });
      const pad = (offset: number) => String(offset).padStart(10, '0');
      const last = Math.min(first + 15, end) - 1;
      writeFileSync(join(day_, `${topic}+${partition}+${pad(first)}+${pad(last)}.parquet`), 'PAR1 and so on PAR1');
    }
  });
}

async function importInto(loader: string, from: string, warehouse: string, ...args: string[]) {
  const ended = await runSluice([
    ...['import', loader, '--from', `file://${from}`, '--table', 'events', '--warehouse', warehouse],
    ...['--brokers', lab.bootstrap, '--json', ...args],
  ]);
  const found = ended.stdout === '' ? null : (JSON.parse(ended.stdout) as { partitions: { next: string }[] });
  return { code: ended.code, stderr: ended.stderr, next: found?.partitions.map((one) => Number(one.next)) };
}

describe('the positions of another loader', () => {
  it.each([
    ['kafka-connect-hdfs', 'topics'],
    ['camus', 'camus'],
    ['gobblin', 'gobblin'],
  ])('of %s become ours: the load goes on there, once, and the audit agrees', async (loader, source) => {
    const { directory, url } = lab.warehouse(`from-${loader}`);
    mkdirSync(directory);
    const from = join(folder, source);
    const dry = await importInto(loader, from, url, '--dry-run');
    expect([dry.code, dry.next], dry.stderr).toEqual([0, next]);
    expect(readdirSync(directory)).toEqual([]);
    const done = await importInto(loader, from, url);
    expect([done.code, done.next], done.stderr).toEqual([0, next]);

    const load = await lab.load('events', url, ['--until-end', '--group', loader, '--json']).finished;
    expect(load.code, load.stderr).toBe(0);
    const left = next.reduce((sum, position) => sum + recordCount - position, 0);
    expect(JSON.parse(load.stdout)).toMatchObject({ outcome: 'complete', rowCount: String(left) });
    const audit = await runSluice(['audit', '--warehouse', url, '--brokers', lab.bootstrap, '--deep']);
    expect(audit.code, audit.stderr).toBe(0);
    const history = await runSluice(['offsets', 'history', 'events', '--warehouse', url, '--partition', '1', '--json']);
    expect(history.stdout).toContain(`import ${loader} file://${from}`);

    const again = await importInto(loader, from, url);
    expect(again.code).toBe(4);
    expect(again.stderr).toContain('partition 0: its chain has begun already, the checkpoint is 100');
  });

  it('with a hole are shown and refused, unless the hole is accepted', async () => {
    const topics = join(folder, 'holes');
    writeConnectFiles(topics, 'events', [45]);
    rmSync(join(topics, 'events/year=2026/month=11/day=11/events+0+0000000015+0000000029.parquet'));
    const { url, directory } = lab.warehouse('holes');
    mkdirSync(directory);
    const refused = await importInto('kafka-connect-hdfs', topics, url);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('1 of the partitions have holes');
    expect(readdirSync(directory)).toEqual([]);
    const accepted = await importInto('kafka-connect-hdfs', topics, url, '--accept-holes');
    expect([accepted.code, accepted.next], accepted.stderr).toEqual([0, [45]]);
    expect(accepted.stderr).toContain('no position for partitions 1, 2');
  });

  it('beyond the end of the log are of another log, and refused', async () => {
    const topics = join(folder, 'beyond');
    writeConnectFiles(topics, 'events', [recordCount + 1]);
    const { url, directory } = lab.warehouse('beyond');
    mkdirSync(directory);
    const { code, stderr } = await importInto('kafka-connect-hdfs', topics, url);
    expect([code, stderr]).toEqual([
      4,
      expect.stringContaining('the log ends at 100: it is not the log that was loaded'),
    ]);
  });
});
