import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { forceOwners } from '../support/forced-owners.ts';
import { copyTable, runKillTrial } from '../support/kill-trial.ts';
import { LoadLab } from '../support/load-lab.ts';
import { S3FaultServer } from '../support/s3-fault-server.ts';
import { runSluice } from '../support/sluice-process.ts';

// A store of ours in which one request in fifty goes wrong; other people's stores are in test/real.

const seed = Number(process.env['KILL_SEED'] ?? 1);

let lab: LoadLab;
let store: S3FaultServer;
let trialCount = 0;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'lab');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  lab = await LoadLab.open();
  store = await S3FaultServer.start({ seed });
  store.faultRate = 0.02;
});
afterAll(async () => {
  await lab.close();
  await store.stop();
  vi.unstubAllEnvs();
});

vi.setConfig({ maxConcurrency: 2, testTimeout: 240_000 });

describe(`a load to S3 (seed ${seed})`, () => {
  it.concurrent.for([
    ['s3-part-copied', 3],
    ['s3-published', 4],
  ] as const)('that is killed at %s is completed by the next one, row for row', async ([point, occurrence], test) => {
    const topic = `killed-at-${point}-${++trialCount}`; // another one for a second try
    const warehouse = s3Warehouse(topic);
    const trial = { topic, point, occurrence, seed, warehouseUrl: warehouse.url, localCopy: warehouse.localCopy };
    const result = await runKillTrial(lab, { ...trial, recordsPerPartition: 100 });
    test.expect(result).toEqual({ wasKilled: true, problems: [] });
  });

  it('keeps every row once while two owners are forced on one partition', async () => {
    const topic = 'forced';
    const warehouse = s3Warehouse(topic);
    const result = await forceOwners(lab, { topic, takeOvers: 1, seed, warehouse });
    expect(result).toMatchObject({ forced: 1, problems: [] });
  });
});

describe('sluice selftest of an S3 store', () => {
  it('refuses one that ignores If-None-Match, by that name', async () => {
    store.faultRate = 0;
    store.bucket.knowsConditions = false;
    const { code, stderr } = await runSluice(['selftest', '--warehouse', store.url('/refused')]);
    store.bucket.knowsConditions = true;
    expect(code).toBe(2);
    expect(stderr).toMatch(/PutObject with If-None-Match replaced an object/);
  });
});

function s3Warehouse(topic: string): { url: string; localCopy: () => Promise<string> } {
  const url = store.url(`/${topic}`);
  const localCopy = async (): Promise<string> => {
    const directory = mkdtempSync(join(lab.directory, 'copy-'));
    const files = await openWarehouse(url, { access: 'read' });
    await copyTable(files, topic, directory);
    await files.close();
    return directory;
  };
  return { url, localCopy };
}
