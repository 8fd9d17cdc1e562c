import { describe, expect, it } from 'vitest';
import { currentPause, readControl, writeControl } from '../../../src/loader/partition-control.ts';
import { BadInputError } from '../../../src/shared/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

const place = { table: 'events', topicId: 'f'.repeat(32), partition: 4 };
const folder = `/events/_sluice/requests/${place.topicId}/4`;

describe('pause and resume of a partition', () => {
  it('hold until the other is said, and keep who said it and why', async () => {
    const files = new MemoryFiles();
    expect(await currentPause(files, place)).toBeNull();
    const paused = await writeControl(files, place, { action: 'pause', by: 'ann@ops', reason: 'disk is full' });
    expect(paused).toMatchObject({ isNew: true, entry: { number: 1, action: 'pause' } });
    expect(await currentPause(files, place)).toMatchObject({ by: 'ann@ops', reason: 'disk is full' });
    const again = await writeControl(files, place, { action: 'pause', by: 'bob@ops', reason: 'me too' });
    expect(again).toMatchObject({ isNew: false, entry: { by: 'ann@ops' } });
    await writeControl(files, place, { action: 'resume', by: 'bob@ops', reason: 'disk replaced' });
    expect(await currentPause(files, place)).toBeNull();
    expect(await readControl(files, place)).toMatchObject([
      { number: 1, action: 'pause', by: 'ann@ops', reason: 'disk is full' },
      { number: 2, action: 'resume', by: 'bob@ops', reason: 'disk replaced' },
    ]);
  });

  it('of many at once leave one word each, numbered without a hole', async () => {
    const files = new MemoryFiles();
    const said = Array.from({ length: 20 }, (_, i) => ({
      action: i % 2 === 0 ? ('pause' as const) : ('resume' as const),
      by: `operator-${i}`,
      reason: `reason ${i}`,
    }));
    await Promise.all(said.map((one) => writeControl(files, place, one)));
    const kept = await readControl(files, place);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.map(({ number }) => number)).toEqual(kept.map((_, i) => i + 1));
    expect(kept.map(({ action }) => action)).toEqual(kept.map((_, i) => (i % 2 === 0 ? 'pause' : 'resume')));
    expect(files.disk.paths().filter((path) => path.endsWith('.tmp'))).toEqual([]);
  });

  it('that cannot be read holds the partition, until it is resumed', async () => {
    const files = new MemoryFiles();
    await writeControl(files, place, { action: 'pause', by: 'ann', reason: 'a' });
    await writeControl(files, place, { action: 'resume', by: 'ann', reason: 'b' });
    await files.create(`${folder}/control-${'3'.padStart(20, '0')}.json`, { bytes: Buffer.from('{"action":') });
    expect(await currentPause(files, place)).toMatchObject({ by: 'unknown' });
    await writeControl(files, place, { action: 'resume', by: 'ann', reason: 'repaired' });
    expect(await currentPause(files, place)).toBeNull();
  });

  it('need a reason', async () => {
    const files = new MemoryFiles();
    await expect(writeControl(files, place, { action: 'pause', by: 'ann', reason: ' ' })).rejects.toThrow(
      BadInputError,
    );
    expect(files.disk.paths()).toEqual([]);
  });
});
