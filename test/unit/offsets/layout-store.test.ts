import { describe, expect, it } from 'vitest';
import { readLayout, settleLayout } from '../../../src/offsets/index.ts';
import { defaultLayout } from '../../../src/warehouse/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { openChain, owner } from './chain-fixture.ts';

const berlin = { zone: 'Europe/Berlin', partitionBy: ['country'] };

describe('the layout of a table', () => {
  it('is written down by the first load, and later ones go by it without naming it', async () => {
    const files = new MemoryFiles();
    expect(await readLayout(files, 'events')).toEqual(defaultLayout);
    const settled = { ...defaultLayout, ...berlin };
    expect(await settleLayout(files, 'events', berlin)).toEqual(settled);
    expect(await settleLayout(files, 'events', {})).toEqual(settled);
    expect(await readLayout(files, 'events')).toEqual(settled);
  });

  it('never changes: two zones in one table would make every hour ambiguous', async () => {
    const files = new MemoryFiles();
    await settleLayout(files, 'events', berlin);
    await expect(settleLayout(files, 'events', { zone: 'UTC' })).rejects.toThrow(
      'table events has zone "Europe/Berlin", and its folders cannot change to "UTC"',
    );
    await expect(settleLayout(files, 'events', { partitionBy: [] })).rejects.toThrow('partitionBy "country"');
    await expect(settleLayout(files, 'events', { pathFormat: 'dt=yyyy-MM-dd' })).rejects.toThrow('pathFormat');
    const more = await settleLayout(files, 'events', { maxPartitionValues: 7 });
    expect(await readLayout(files, 'events')).toEqual(more);
    expect(more).toEqual({ ...defaultLayout, ...berlin, maxPartitionValues: 7 });
  });

  it('has the time field of the newest load, and keeps it when nobody says one', async () => {
    const files = new MemoryFiles();
    await settleLayout(files, 'events', { ...berlin, timeField: 'ts' });
    const settled = { ...defaultLayout, ...berlin, timeField: 'ts' };
    expect(await settleLayout(files, 'events', {})).toEqual(settled);
    expect(files.disk.paths('/events/_sluice/layout/')).toHaveLength(1);
    await settleLayout(files, 'events', { timeField: null });
    expect(await readLayout(files, 'events')).toEqual({ ...settled, timeField: null });
  });

  it('of a table from before there were layouts is the default one', async () => {
    const files = new MemoryFiles();
    const chain = await openChain(files);
    await chain.claim(owner('a', 1), { startOffset: 0n });
    await expect(settleLayout(files, 'events', berlin)).rejects.toThrow('table events has zone "UTC"');
    expect(await settleLayout(files, 'events', {})).toEqual(defaultLayout);
  });

  it('is one when two first loads race with different wishes', async () => {
    const files = new MemoryFiles();
    const outcomes = await Promise.allSettled([
      settleLayout(files, 'events', berlin),
      settleLayout(new MemoryFiles(files.disk), 'events', { zone: 'Asia/Kolkata' }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('that was damaged stops the load', async () => {
    const files = new MemoryFiles();
    await settleLayout(files, 'events', berlin);
    const [path] = files.disk.paths('/events/_sluice/layout/');
    const text = files.disk.bytes(path!).toString().replace('Berlin', 'Bergen');
    files.disk.remove(path!, false);
    files.disk.write(path!, Buffer.from(text));
    await expect(settleLayout(files, 'events', {})).rejects.toMatchObject({ code: 'unreadable-record' });
  });
});
