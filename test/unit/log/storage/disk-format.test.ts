import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogManager, openLogManager } from '../../../../src/log/storage/index.ts';
import { readBatchHeader, splitBatches } from '../../../../src/wire/index.ts';
import { appendValues, batchOf, readAll, startMs } from './log-fixture.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-format-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function open(options = {}): Promise<LogManager> {
  return openLogManager({
    dataDirectory: directory,
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
}

describe('a data directory on a real disk', () => {
  it('has the files and names of Kafka', async () => {
    const manager = await open({ defaults: { segmentBytes: 4096 } });
    const topic = await manager.createTopic('t', { partitionCount: 2 });
    await appendValues(topic.partitions[0]!, ['x'.repeat(3000), 'y'.repeat(3000)]);
    await manager.close();
    expect((await readdir(directory)).sort()).toEqual(
      ['.kafka_cleanshutdown', 'checkpoints.json', 'meta.properties', 't-0', 't-1', 'topics'].sort(),
    );
    expect((await readdir(join(directory, 't-0'))).filter((name) => !name.endsWith('.producers')).sort()).toEqual([
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      '00000000000000000001.index',
      '00000000000000000001.log',
      '00000000000000000001.timeindex',
      'partition.metadata',
    ]);
    const base64 = Buffer.from(topic.topicId, 'hex').toString('base64url');
    expect(await readFile(join(directory, 't-0', 'partition.metadata'), 'utf8')).toBe(
      `version: 0\ntopic_id: ${base64}`,
    );
    expect(await readFile(join(directory, 'meta.properties'), 'utf8')).toMatch(
      new RegExp(`^version=1\ncluster.id=${manager.clusterId}\nnode.id=1\n#crc32c=[0-9a-f]{8}\n$`),
    );
    expect(Buffer.from(manager.clusterId, 'base64url').length).toBe(16);
  });

  it('indexes by last offset and position of a batch, one entry per 4096 bytes, and by largest timestamp so far', async () => {
    const manager = await open();
    const { partitions } = await manager.createTopic('t', { partitionCount: 1 });
    const log = partitions[0]!;
    const timestamps = [10n, 50n, 20n, 30n, 60n, 60n];
    for (const timestampMs of timestamps) log.append(batchOf({ values: ['x'.repeat(2500), 'y'], timestampMs }));
    await appendValues(log, []);
    await manager.close();
    const bytes = await readFile(join(directory, 't-0', '00000000000000000000.log'));
    const positions: number[] = [];
    let position = 0;
    for (const batch of splitBatches(bytes)) {
      positions.push(position);
      position += readBatchHeader(batch).sizeBytes;
    }
    // A batch gets an entry when more than 4096 bytes came since the last one, counted from that one's batch.
    const index = await readFile(join(directory, 't-0', '00000000000000000000.index'));
    expect(readInts(index, 8, (at) => [index.readInt32BE(at), index.readInt32BE(at + 4)])).toEqual([
      [5, positions[2]],
      [9, positions[4]],
    ]);
    const times = await readFile(join(directory, 't-0', '00000000000000000000.timeindex'));
    expect(readInts(times, 12, (at) => [times.readBigInt64BE(at), times.readInt32BE(at + 8)])).toEqual([
      [50n, 3],
      [60n, 9],
    ]);
  });

  it('is used by one process at a time, and a lock that a dead process left behind does not count', async () => {
    const manager = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    const lock = await readFile(join(directory, '.lock'), 'utf8');
    await manager.close();
    for (const left of [
      lock.replace(/"startedAt":"\d+"/, '"startedAt":"1"'),
      lock.replace(`${process.pid}`, '4194304'),
      '{"pid"',
      '',
    ]) {
      await writeFile(join(directory, '.lock'), left);
      await (await open()).close();
    }
    expect((await readdir(directory)).filter((name) => name.startsWith('.lock'))).toEqual([]);
  });

  it('is refused with its errno when it cannot be made or is no folder', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(open({ dataDirectory: join(directory, 'file') })).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(open({ dataDirectory: join(directory, 'missing', 'data') })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('holds what was appended, over many segments and restarts', async () => {
    let expected = 0;
    for (let life = 0; life < 3; life++) {
      const manager = await open({ defaults: { segmentBytes: 200_000 }, tailCacheBytes: 100_000 });
      const log = (manager.topic('t') ?? (await manager.createTopic('t', { partitionCount: 1 }))).partitions[0]!;
      expect(log.logEndOffset).toBe(BigInt(expected));
      const results = Array.from({ length: 100 }, (_, index) =>
        log.append(batchOf({ values: [`${expected + index}`.padEnd(9000, '.')] })),
      );
      await Promise.all(results.map((result) => result.durable));
      expected += 100;
      const batches = await readAll(log, 50_000);
      expect(batches.length).toBe(expected);
      for (const [offset, batch] of batches.entries()) expect(batch.includes(`${offset}...`)).toBe(true);
      expect(await log.offsetForTimestamp(BigInt(startMs))).toEqual({ offset: 0n, timestampMs: BigInt(startMs) });
      await manager.close();
    }
  });
});

function readInts<T>(bytes: Buffer, entryBytes: number, read: (at: number) => T): T[] {
  return Array.from({ length: bytes.length / entryBytes }, (_, index) => read(index * entryBytes));
}
