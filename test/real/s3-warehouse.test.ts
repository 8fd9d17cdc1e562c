import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { awaitHour, closeHours } from '../../src/hours/index.ts';
import { auditWarehouse } from '../../src/loader/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import { compactTable, expireHours, undoRewrite } from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { LoadLab } from '../support/load-lab.ts';
import { startS3 } from '../support/peers.ts';
import { describeWarehouseFiles } from '../support/warehouse-files-contract.ts';

// Against moto; SLUICE_S3_ENDPOINT names another store, with a bucket "sluice-test" and credentials in the environment.

let endpoint = process.env['SLUICE_S3_ENDPOINT'];
let stop: () => Promise<void> = async () => {};
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  if (endpoint !== undefined) return;
  const store = await startS3();
  ({ endpoint, stop } = store);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  await fetch(`${endpoint}/sluice-test`, { method: 'PUT' });
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  await stop();
  vi.unstubAllEnvs();
});

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

function url(prefix: string): string {
  return `s3://sluice-test/${prefix}?endpoint=${endpoint}`;
}

async function open(prefix: string): Promise<WarehouseFiles> {
  const files = await openWarehouse(url(prefix), { logger: silentLogger });
  opened.push(files);
  return files;
}

describeWarehouseFiles("other people's S3", async () => await open(randomUUID()));

describe("a table in other people's S3", () => {
  const [topic, hour] = ['clicks', '2020-02-29T12'];
  const folder = `/${topic}/dt=2020-02-29/hr=12`;
  const prefix = `life-${randomUUID()}`;
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => await lab?.close());

  it('is loaded, closed, compacted, audited, undone and expired', async () => {
    await lab.createTopic(topic, 1);
    for (const count of [20, 30]) {
      const records = Array.from({ length: count }, (_, i) => ({ value: `{"n":${i},"at":"2020-02-29T12:00:00Z"}` }));
      await lab.produce(topic, 0, records);
      const { code, stderr } = await lab.load(topic, url(prefix), ['--until-end', '--time-field', 'at']).finished;
      expect(code, stderr).toBe(0);
    }
    const files = await open(prefix);
    const chain = await TableChain.open(files, topic);
    const signal = new AbortController().signal;
    const context = { files, table: topic, chain, clock: systemClock, logger: silentLogger, signal };
    const close = async () => await closeHours({ files, table: topic, cluster: lab.cluster, hours: [hour] });
    const partsOf = async () => (await files.list(folder)).filter(({ name }) => name.startsWith('part+')).length;
    const landed = async () => {
      const report = await auditWarehouse(files, { table: topic, deep: true });
      expect(report.problems).toEqual([]);
      return report.partitions[0];
    };
    expect((await close()).completed).toContain(hour);
    expect((await awaitHour({ files, table: topic, hour, timeoutMs: 0 })).answer).toMatchObject({ status: 'complete' });
    expect([await partsOf(), await landed()]).toMatchObject([2, { landed: 50n }]);

    await compactTable(context, { olderThanMs: -1e13 });
    expect([await partsOf(), await landed()]).toMatchObject([1, { landed: 50n }]);
    const [compaction] = [...(await chain.refresh()).rewrites.values()];
    await undoRewrite(context, compaction!.sequence, 'test');
    expect([await partsOf(), await landed()]).toMatchObject([2, { landed: 50n }]);

    await expireHours(context, { olderThanMs: 90 * 86_400_000 });
    expect(await files.stat('/clicks/dt=2020-02-29')).toBeNull();
    expect(await landed()).toMatchObject({ landed: 0n, expired: 50n });
  });
});
