import { describe, expect, it, vi } from 'vitest';
import type { PartitionLog } from '../../../../src/log/storage/index.ts';
import { LogError, type LogManager } from '../../../../src/log/storage/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import type { SimulatedLogFileSystem } from '../../../support/simulated-log-file-system.ts';
import {
  appendValues,
  batchOf,
  fileOf,
  newDisk,
  openSmall,
  openWithTopic,
  readAll,
  readHeaders,
  startMs,
} from './log-fixture.ts';

// Thousands of small logs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const firstLog = fileOf('00000000000000000000.log');

/** A disk on which topic `t` holds the values, as a killed process leaves it. */
async function killedDisk(values: string[], segmentBytes = 1 << 20): Promise<SimulatedLogFileSystem> {
  const disk = newDisk();
  const { log } = await openWithTopic(disk, { defaults: { segmentBytes } });
  for (const value of values) await appendValues(log, [value]);
  return disk.afterKill(seededRandom(2));
}

/** The same after a clean shutdown. */
async function closedDisk(values: string[], segmentBytes = 4096): Promise<SimulatedLogFileSystem> {
  const disk = newDisk();
  const { manager, log } = await openWithTopic(disk, { defaults: { segmentBytes } });
  await appendValues(log, values);
  await manager.close();
  return disk;
}

async function reopened(disk: SimulatedLogFileSystem): Promise<{ manager: LogManager; log: PartitionLog }> {
  const manager = await openSmall(disk);
  return { manager, log: manager.partition('t', 0)! };
}

const manyValues = Array.from({ length: 120 }, (_, index) => `value ${index} ${'x'.repeat((index * 37) % 200)}`);

describe('recovery of a torn tail', () => {
  it('keeps exactly the whole batches, at every length of the last three', async () => {
    const disk = await killedDisk(['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(20)));
    const bytes = disk.bytesOf(firstLog)!;
    const batchBytes = bytes.length / 5;
    for (let length = bytes.length; length >= 2 * batchBytes; length--) {
      const torn = disk.afterKill(seededRandom(3));
      torn.corrupt(firstLog, () => bytes.subarray(0, length));
      const { log } = await reopened(torn);
      const whole = Math.floor(length / batchBytes);
      expect(log.logEndOffset, `cut to ${length} bytes`).toBe(BigInt(whole));
      expect(Buffer.concat(await readAll(log)).equals(bytes.subarray(0, whole * batchBytes))).toBe(true);
      expect(torn.bytesOf(firstLog)!.length).toBe(whole * batchBytes);
    }
  });

  it('cuts zeros and left-over batches of another place behind the last batch', async () => {
    const disk = await killedDisk(['a', 'b', 'c']);
    const bytes = disk.bytesOf(firstLog)!;
    for (const tail of [Buffer.alloc(1000), bytes.subarray(0, bytes.length / 3), Buffer.alloc(500, 0xff)]) {
      const torn = disk.afterKill(seededRandom(3));
      torn.corrupt(firstLog, () => Buffer.concat([bytes, tail]));
      expect((await reopened(torn)).log.logEndOffset).toBe(3n);
      expect(torn.bytesOf(firstLog)!.equals(bytes)).toBe(true);
    }
  });

  it('goes on where it was cut: the next record gets the offset of the lost one', async () => {
    const disk = await killedDisk(['a', 'b', 'c']);
    disk.corrupt(firstLog, (bytes) => bytes.subarray(0, bytes.length - 1));
    const { log } = await reopened(disk);
    const result = log.append(batchOf({ values: ['again'] }));
    await result.durable;
    expect(result.baseOffset).toBe(2n);
  });

  it('drops the segments behind a bad batch and raises the leader epoch when synced records are lost', async () => {
    const disk = await closedDisk(manyValues);
    disk.corrupt('/data/.kafka_cleanshutdown', () => Buffer.from('torn'));
    disk.corrupt('/data/checkpoints.json', (bytes) => withRecoveryPoint(bytes, '15'));
    disk.corrupt(firstLog, (bytes) => flip(bytes, 1500));
    const { log } = await reopened(disk);
    expect(log.logEndOffset < 20n).toBe(true);
    expect(log.leaderEpoch).toBe(1);
    expect(disk.filesBelow('/data/t-0').filter((path) => path.endsWith('.log'))).toEqual([firstLog]);
    await appendValues(log, ['after']);
    expect((await readHeaders(log)).at(-1)).toMatchObject({ leaderEpoch: 1 });
  });

  it('forgets what producers wrote behind the cut: a retry is appended, not taken for a duplicate', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk);
    const batch = (baseSequence: number): Buffer =>
      batchOf({ values: ['x'.repeat(900)], producerId: 7n, producerEpoch: 0, baseSequence });
    for (let sequence = 0; sequence < 9; sequence++) await log.append(batch(sequence)).durable;
    await manager.close();
    disk.corrupt('/data/.kafka_cleanshutdown', () => Buffer.from('torn'));
    disk.corrupt('/data/checkpoints.json', () => Buffer.from('torn'));
    disk.corrupt(firstLog, (bytes) => bytes.subarray(0, 2500));
    const { log: cut } = await reopened(disk);
    expect(cut.logEndOffset).toBe(2n);
    for (let sequence = 2; sequence < 9; sequence++) expect(cut.append(batch(sequence)).isDuplicate).toBe(false);
    expect(cut.append(batch(8)).isDuplicate).toBe(true);
  });
});

describe('damage', () => {
  it('of any one bit of any file is noticed or harmless, never answered as a record', async () => {
    const seed = Number(process.env['SEED'] ?? 1);
    const random = seededRandom(seed);
    const clean = await closedDisk(manyValues);
    const killed = (await killedDisk(manyValues, 4096)).afterKill(random);
    const original = new Map(
      (await readAll((await reopened(clean.afterKill(random))).log)).map((b) => [b.readBigInt64BE(0), b]),
    );
    for (let round = 0; round < 400; round++) {
      const disk = (round % 2 ? clean : killed).afterKill(random);
      const files = disk.filesBelow('/data').filter((path) => disk.bytesOf(path)!.length > 0);
      const path = files[Math.floor(random() * files.length)]!;
      disk.corrupt(path, (bytes) => flip(bytes, Math.floor(random() * bytes.length), Math.floor(random() * 8)));
      try {
        const { log } = await reopened(disk);
        for (const batch of await readAll(log)) {
          const appended = original.get(batch.readBigInt64BE(0));
          expect(
            appended && withoutLeaderEpoch(batch).equals(withoutLeaderEpoch(appended)),
            `seed ${seed}: ${path}`,
          ).toBe(true);
        }
        if (!path.endsWith('.log')) expect(log.logEndOffset, `seed ${seed}: ${path}`).toBe(BigInt(manyValues.length));
      } catch (error) {
        if (!(error instanceof LogError)) throw new Error(`seed ${seed}: ${path}`, { cause: error });
        expect(error.kafkaName).toBe('KAFKA_STORAGE_ERROR');
      }
    }
  });

  const indexDamages: Record<string, (disk: SimulatedLogFileSystem, path: string) => Promise<void> | void> = {
    deleted: (disk, path) => disk.removeFile(path),
    empty: (disk, path) => disk.corrupt(path, () => Buffer.alloc(0)),
    'all zeros': (disk, path) => disk.corrupt(path, (bytes) => Buffer.alloc(bytes.length)),
    'cut in an entry': (disk, path) => disk.corrupt(path, (bytes) => bytes.subarray(0, bytes.length - 3)),
    'without its last entry': (disk, path) =>
      disk.corrupt(path, (bytes) => bytes.subarray(0, bytes.length - entryBytes(path))),
    'of another segment': (disk, path) => {
      const others = disk
        .filesBelow('/data/t-0')
        .filter((other) => extension(other) === extension(path) && other !== path);
      disk.corrupt(path, () => disk.bytesOf(others[0]!)!);
    },
  };

  it.each(Object.keys(indexDamages))(
    'of every index file (%s) is repaired, after a clean stop as after a crash',
    async (kind) => {
      for (const base of [await closedDisk(manyValues), await killedDisk(manyValues, 4096)]) {
        const expected = await answers((await reopened(base.afterKill(seededRandom(4)))).log);
        const disk = base.afterKill(seededRandom(4));
        const indexes = disk.filesBelow('/data/t-0').filter((path) => /\.(time)?index$/.test(path));
        expect(indexes.length).toBeGreaterThanOrEqual(4);
        for (const path of indexes) await indexDamages[kind]!(disk, path);
        const { manager, log } = await reopened(disk);
        expect(await answers(log)).toEqual(expected);
        await manager.close();
        expect(await answers((await reopened(disk)).log)).toEqual(expected);
      }
    },
  );
});

describe('what start-up must not guess', () => {
  it('refuses a damaged topic file and says which', async () => {
    const disk = await closedDisk(['a']);
    disk.corrupt('/data/topics/t.json', (bytes) => flip(bytes, bytes.indexOf('partitionCount') + 16, 1));
    await expect(openSmall(disk)).rejects.toThrow(/topics\/t\.json/);
  });

  it('refuses to delete a folder that holds records and belongs to no topic', async () => {
    const disk = await closedDisk(['a']);
    await disk.removeFile('/data/topics/t.json');
    await expect(openSmall(disk)).rejects.toThrow(/\/data\/t-0 holds records/);
    expect(disk.bytesOf(firstLog)!.length).toBeGreaterThan(0);
  });

  it('refuses a partition whose folder or segments are gone', async () => {
    const disk = await closedDisk(['a']);
    await disk.removeFile(firstLog);
    await expect(openSmall(disk)).rejects.toThrow(/segment in \/data\/t-0/);
  });

  it('refuses topics without their cluster id', async () => {
    const disk = await closedDisk(['a']);
    await disk.removeFile('/data/meta.properties');
    await expect(openSmall(disk)).rejects.toThrow(/meta\.properties/);
  });

  it('refuses another node id than the one the directory was made with', async () => {
    const disk = await closedDisk(['a']);
    await expect(openSmall(disk, { nodeId: 7 })).rejects.toThrow(/expected node\.id 1/);
  });

  it('gives the directory free again after a start that failed', async () => {
    const disk = await closedDisk(['a']);
    await expect(openSmall(disk, { nodeId: 7 })).rejects.toThrow();
    expect((await reopened(disk)).log.logEndOffset).toBe(1n);
  });
});

describe('the clean-shutdown marker', () => {
  const marker = '/data/.kafka_cleanshutdown';

  it('is gone, durably, as soon as records can be appended', async () => {
    const disk = await closedDisk(['a']);
    expect(disk.bytesOf(marker)).not.toBeNull();
    await openSmall(disk);
    expect(disk.afterPowerLoss(() => 0).bytesOf(marker)).toBeNull();
  });

  it('is not written when start-up did not finish (KAFKA-15375) and not removed by it either', async () => {
    const disk = await killedDisk(['a', 'b']);
    disk.corrupt('/data/topics/t.json', () => Buffer.from('{'));
    await expect(openSmall(disk)).rejects.toThrow();
    expect(disk.bytesOf(marker)).toBeNull();
    const closed = await closedDisk(['a']);
    await expect(openSmall(closed, { nodeId: 9 })).rejects.toThrow();
    expect(closed.bytesOf(marker)).not.toBeNull();
  });

  it('spares the scan: after a clean stop only the end of the last segment is read', async () => {
    const disk = await closedDisk(manyValues, 1 << 20);
    disk.corrupt(firstLog, (bytes) => flip(bytes, 200));
    expect((await reopened(disk)).log.logEndOffset).toBe(BigInt(manyValues.length));
  });
});

async function answers(log: PartitionLog): Promise<unknown> {
  const found = [];
  for (let offset = log.logStartOffset; offset < log.highWatermark; offset += 3n) {
    found.push((await log.read(offset, 100)).records.toString('hex'));
  }
  for (const timestampMs of [0n, BigInt(startMs), BigInt(startMs + 1)])
    found.push(await log.offsetForTimestamp(timestampMs));
  return [...found, await log.offsetOfMaxTimestamp()];
}

/** Bytes 12 to 15, the one field of a stored batch that nothing checks. */
function withoutLeaderEpoch(batch: Buffer): Buffer {
  return Buffer.from(batch).fill(0, 12, 16);
}

function flip(bytes: Buffer, position: number, bit = 0): Buffer {
  bytes[position] = bytes[position]! ^ (1 << bit);
  return bytes;
}

function withRecoveryPoint(checkpoints: Buffer, offset: string): Buffer {
  const { checksum: _, ...content } = JSON.parse(checkpoints.toString()) as Record<string, unknown>;
  return Buffer.from(JSON.stringify(content).replace(/"recoveryPoint":"\d+"/, `"recoveryPoint":"${offset}"`));
}

function extension(path: string): string {
  return path.slice(path.lastIndexOf('.'));
}

function entryBytes(path: string): number {
  return path.endsWith('.timeindex') ? 12 : 8;
}
