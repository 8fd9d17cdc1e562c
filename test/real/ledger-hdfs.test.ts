import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listVisibleFiles } from '../../src/loader/audit-visible-files.ts';
import { FencedError, LedgerError, PartitionChain, readHistory } from '../../src/offsets/index.ts';
import { createLogger } from '../../src/shared/index.ts';
import { isWarehouseError, openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { type PeerHdfs, startHdfs } from '../support/peers.ts';
import { owner, stageFile, topicId } from '../unit/offsets/chain-fixture.ts';

const place = { table: 'events', topic: 'events', topicId, partition: 3 };

let hdfs: PeerHdfs;
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  hdfs = await startHdfs({ dataNodes: 1 });
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  await hdfs?.stop();
});

async function open(path: string): Promise<WarehouseFiles> {
  const files = await openWarehouse(hdfs.url(path), { user: 'root', logger: createLogger('silent') });
  opened.push(files);
  return files;
}

/** Commits `rolls` times, claiming again whenever somebody else got the partition. */
async function work(files: WarehouseFiles, member: string, rolls: number): Promise<number[]> {
  const chain = await PartitionChain.open(files, place, {
    eraRecords: 6,
    pruneGraceMs: 0,
    retryMs: 20,
    claimAttempts: 200,
  });
  const done: number[] = [];
  while (done.length < rolls) {
    try {
      if (!chain.isOwner) await chain.claim(owner(member, 1), { startOffset: 0n, confirmMembership: async () => true });
      const record = await chain.commit(await stageFile(files, chain, 1 + (done.length % 3)));
      done.push(record.sequence);
      await chain.finishMoves();
      await chain.turnEraIfDue();
    } catch (error) {
      // A rival may have swept what was staged, even while it was being uploaded, or have ended the era meanwhile.
      const isSwept = isWarehouseError(error, 'not-found', 'uncertain');
      if (!isSwept && !(error instanceof FencedError) && !(error instanceof LedgerError)) throw error;
    }
  }
  return done;
}

describe('the ledger on a real HDFS', () => {
  it('lands every commit exactly once among rivals that all believe they own the partition', async () => {
    const members = ['a', 'b', 'c', 'd'];
    const clients = await Promise.all(members.map(() => open('/race')));
    const done = await Promise.all(members.map((member, i) => work(clients[i]!, member, 4)));

    const files = await open('/race');
    const chain = await PartitionChain.open(files, place);
    await chain.claim(owner('last', 9), { startOffset: 0n });
    expect(chain.state.era).toBeGreaterThan(2);
    const paths: string[] = [];
    const acknowledged = new Set(done.flat());
    let next = 0n;
    for await (const record of readHistory(files, place, chain.state)) {
      if (record.kind !== 'commit') continue;
      expect(record.first).toBe(next);
      next = record.next;
      acknowledged.delete(record.sequence);
      paths.push(...record.files.map((file) => file.path));
    }
    expect(chain.checkpoint).toBe(next);
    expect([...acknowledged]).toEqual([]);
    expect([...(await listVisibleFiles(files, '/events')).keys()].sort()).toEqual(paths.sort());
    expect(await files.list(`/events/_sluice/staging/${topicId}/3`)).toEqual([]);
  });
});
