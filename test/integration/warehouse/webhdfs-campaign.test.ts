import { describe, expect, it } from 'vitest';
import { runFaultCampaign } from '../../support/webhdfs-campaign.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));

describe('staged uploads and ledger commits over a WebHDFS that fails at random', () => {
  it.each([
    ['NameNodes and DataNodes', false],
    ['an old HttpFS, which answers renames with a boolean and tells no file ids', true],
  ])('lose nothing and double nothing with %s', async (_, isHttpFs) => {
    const report = await runFaultCampaign({ seed, faultCount: 250, isHttpFs });
    expect(report.problems, `seed ${seed}`).toEqual([]);
    expect(report.commits, `seed ${seed}`).toBeGreaterThan(10);
    expect(Object.keys(report.byKind).length, `seed ${seed}`).toBeGreaterThan(10);
  });
});
