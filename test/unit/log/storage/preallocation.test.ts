import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/shared/index.ts';
import { appendValues, batchOf, fileOf, newDisk, openWithTopic, readHeaders } from './log-fixture.ts';

const preallocation = { fromBytes: 1000, maxBytes: 2000 };
const firstSegment = fileOf('00000000000000000000.log');
const value = 'x'.repeat(200);

describe('room ahead of the log', () => {
  it('is zeros behind the last batch of a segment that has grown, and nothing in a small one', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { preallocation });
    await appendValues(log, [value]);
    expect(disk.bytesOf(firstSegment)!.length).toBe(log.sizeBytes);
    for (let round = 0; round < 3; round++) await appendValues(log, [value]);
    const bytes = disk.bytesOf(firstSegment)!;
    expect(bytes.length).toBeGreaterThan(log.sizeBytes + 500);
    expect(bytes.subarray(log.sizeBytes).every((byte) => byte === 0)).toBe(true);
  });

  it('lets later appends be synced without making the file longer', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { preallocation });
    for (let round = 0; round < 5; round++) await appendValues(log, [value]);
    const length = disk.bytesOf(firstSegment)!.length;
    await appendValues(log, ['small']);
    expect(disk.bytesOf(firstSegment)!.length).toBe(length);
    expect((await readHeaders(log)).length).toBe(6);
  });

  it('is not made for appends that nobody waits to be synced', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { preallocation });
    for (let round = 0; round < 8; round++) await log.append(batchOf({ values: [value] })).written;
    expect(disk.bytesOf(firstSegment)!.length).toBe(log.sizeBytes);
  });

  it('is cut off when the segment is closed, by a roll as by a clean stop', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk, { preallocation });
    for (let round = 0; round < 25; round++) await appendValues(log, [value]);
    await manager.close();
    const files = disk.filesBelow('/data/t-0').filter((path) => path.endsWith('.log'));
    expect(files.length).toBeGreaterThan(1);
    const total = files.reduce((sum, path) => sum + disk.bytesOf(path)!.length, 0);
    const { log: again } = await openWithTopic(disk, { preallocation });
    expect(total).toBe(again.sizeBytes);
  });

  it('is the end of the log after a kill, not damage: nothing is dropped and nothing is warned of', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { preallocation });
    for (let round = 0; round < 30; round++) await appendValues(log, [value]);
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warned.push(message) };
    const { log: recovered } = await openWithTopic(disk.afterKill(disk.random), { preallocation, logger });
    expect(recovered.logEndOffset).toBe(30n);
    expect((await readHeaders(recovered)).length).toBe(30);
    expect(warned).toEqual([]);
    for (const path of disk.filesBelow('/data/t-0')) expect(path).not.toContain('.deleted');
  });

  it('is given up on a disk too full for it, and the append that wanted it succeeds', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { preallocation });
    await appendValues(log, [value, value, value]);
    const used = disk.filesBelow('/').reduce((sum, path) => sum + disk.bytesOf(path)!.length, 0);
    disk.capacityBytes = used + 700;
    await appendValues(log, [value]);
    await appendValues(log, [value]);
    expect(log.highWatermark).toBe(5n);
    expect(disk.bytesOf(firstSegment)!.length).toBe(log.sizeBytes);
  });
});
