import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contractOptions } from '../../../src/loader/index.ts';

let folder: string;
let contract: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'contract-'));
  contract = join(folder, 'F.yaml');
  const lines = [
    'timeField: ts',
    'hours: { zone: Europe/Berlin }',
    'partitionBy: [country]',
    'roll: { bytes: 64MB, schedule: 15m }',
    'format: { type: line, pattern: common }',
  ];
  writeFileSync(contract, lines.join('\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('what a load is told', () => {
  it('counts key by key: the command line before the contract before the settings', async () => {
    const given = { rollBytes: 1, layout: { pathFormat: 'dt=yyyy-MM-dd' } };
    const settings = {
      timeField: 'at',
      rollBytes: 2,
      rollAgeMs: 3,
      layout: { zone: 'UTC', pathFormat: 'day=yyyyMMdd' },
    };
    expect(await contractOptions(contract, { given, defaults: settings })).toMatchObject({
      timeField: 'ts',
      rollBytes: 1,
      rollAgeMs: 3,
      rollEveryMs: 900_000,
      layout: { zone: 'Europe/Berlin', pathFormat: 'dt=yyyy-MM-dd', partitionBy: ['country'] },
      format: { type: 'line' },
      contract: { all: { source: contract } },
    });
  });

  it('is nothing where nobody says anything', async () => {
    const undefinedLayout = { layout: { zone: undefined, pathFormat: undefined } } as never;
    expect(await contractOptions(null, { given: undefinedLayout, defaults: { timeField: null, layout: {} } })).toEqual({
      contract: null,
      format: null,
    });
  });

  it('may be a format, before that of the contract; one of the settings counts only where neither has one', async () => {
    expect(await contractOptions(contract, { given: { format: 'json' } })).toMatchObject({ format: { type: 'json' } });
    const defaults = { format: 'combined' };
    expect(await contractOptions(contract, { defaults })).toMatchObject({ format: { pattern: 'common' } });
    expect(await contractOptions(null, { defaults })).toMatchObject({ format: { pattern: 'combined' } });
  });
});
