import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUnique, openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { type PeerHdfs, startHdfs, waitFor } from '../support/peers.ts';
import { bytes, describeWarehouseFiles } from '../support/warehouse-files-contract.ts';

let hdfs: PeerHdfs;
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  hdfs = await startHdfs({ ha: true, httpfs: true });
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  await hdfs?.stop();
});

async function open(url: string): Promise<WarehouseFiles> {
  const files = await openWarehouse(url, { user: 'root', retry: { firstDelayMs: 100, maxDelayMs: 1_000 } });
  opened.push(files);
  return files;
}

let warehouseCount = 0;
describeWarehouseFiles('HttpFS', () => open(`webhdfs://${hdfs.httpFs}/httpfs${++warehouseCount}`));

describe('HDFS with two NameNodes', () => {
  it('finds the active NameNode in whatever order they are named', async () => {
    const reversed = [...hdfs.nameNodes].reverse().map(({ http }) => http);
    const files = await open(`webhdfs://${reversed.join(',')}/reversed`);
    await files.create('/a', bytes('x'));
    expect((await (await open(hdfs.url('/reversed'))).read('/a')).toString()).toBe('x');
  });

  it('follows an orderly failover in the middle of work', async () => {
    await expectWorkSurvives('/orderly', () => hdfs.haadmin('-failover', 'nn1', 'nn2'));
    await hdfs.haadmin('-failover', 'nn2', 'nn1');
  });

  it('follows when the active NameNode is killed and the other takes over', async () => {
    await expectWorkSurvives('/killed', async () => {
      await hdfs.kill('nn1');
      await hdfs.haadmin('-failover', 'nn1', 'nn2');
    });
    await hdfs.start('nn1');
  });
});

/** Publishes numbered records while `disturb` runs: every number must be ours, once, with its content. */
async function expectWorkSurvives(path: string, disturb: () => Promise<unknown>): Promise<void> {
  const files = await open(hdfs.url(path));
  await files.mkdirs('/chain');
  let isDisturbed = false;
  let count = 0;
  const work = async () => {
    for (let after = 0; after < 10; count++) {
      const temporary = await createUnique(files, '/tmp', bytes(`record ${count}`));
      expect(await files.publishIfAbsent(temporary, `/chain/${count}`)).toBe('published');
      if (isDisturbed) after++;
    }
  };
  const working = work();
  await waitFor('some records', 30_000, () => count >= 5);
  await disturb();
  isDisturbed = true;
  await working;
  expect(await files.list('/chain')).toHaveLength(count);
  for (let n = 0; n < count; n++) expect((await files.read(`/chain/${n}`)).toString()).toBe(`record ${n}`);
}
