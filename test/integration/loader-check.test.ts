import { appendFileSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLoad } from '../../src/loader/index.ts';
import { checkTable } from '../support/check-table.ts';
import { labRecords } from '../support/lab-records.ts';
import { filesBelow, LoadLab } from '../support/load-lab.ts';
import { seededRandom } from '../support/seeded-random.ts';

// The comparison that all kill tests rely on must itself notice what it is there for.

let lab: LoadLab;
let directory: string;

beforeAll(async () => {
  lab = await LoadLab.open();
  await lab.createTopic('checked', 1);
  await lab.produce('checked', 0, labRecords({ random: seededRandom(3), count: 300, poisonShare: 0.1 }));
});
afterAll(async () => {
  await lab.close();
});

async function freshTable(name: string): Promise<string> {
  const warehouse = lab.warehouse(name);
  directory = warehouse.directory;
  await runLoad({
    brokers: [lab.bootstrap],
    topics: ['checked'],
    warehouseUrl: warehouse.url,
    workerMode: 'in-process',
    untilEnd: true,
    timeField: 'ts',
    sessionTimeoutMs: 3000,
    maxDeadLetters: 1000,
    scratchDirectory: lab.directory,
  });
  expect(await checkTable(lab.cluster, 'checked', directory)).toEqual([]);
  return join(directory, 'checked');
}

function find(table: string, pattern: RegExp): string {
  return join(table, filesBelow(table).find((path) => pattern.test(path))!);
}

describe('the comparison of a table with its log', () => {
  it('notices a file that is gone, and one that is there twice', async () => {
    const table = await freshTable('files');
    const file = find(table, /^dt=.*parquet$/);
    const twin = file.replace(/\.parquet$/, '-twin.parquet');
    copyFileSync(file, twin);
    expect((await checkTable(lab.cluster, 'checked', directory)).join()).toMatch(/^unexpected /);
    rmSync(twin);
    rmSync(file);
    expect((await checkTable(lab.cluster, 'checked', directory)).join()).toMatch(/^missing /);
  });

  it('notices lost, doubled and altered dead letters, and what is left in staging', async () => {
    const table = await freshTable('letters');
    const file = find(table, /^_sluice\/dead\//);
    appendFileSync(
      file,
      '{"topic":"checked","partition":0,"offset":"0","timestamp":"0","code":"x","reason":"x","key":null,"value":null,"headers":[]}\n',
    );
    expect((await checkTable(lab.cluster, 'checked', directory)).join()).toMatch(/dead letter unexpected 0\/0/);
    rmSync(file);
    expect((await checkTable(lab.cluster, 'checked', directory)).join()).toMatch(/dead letter missing/);
    writeFileSync(join(dirname(dirname(dirname(dirname(file)))), 'staging', 'left'), 'x');
    expect((await checkTable(lab.cluster, 'checked', directory)).join()).toMatch(/left in staging/);
  });
});
