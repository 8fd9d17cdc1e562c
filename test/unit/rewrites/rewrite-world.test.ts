import { describe, expect, it } from 'vitest';
import { RewriteWorld } from './rewrite-world.ts';

const timeout = 120_000;
const seeds = Array.from(
  { length: Number(process.env['SLUICE_RUNS'] ?? 8) },
  (_, i) => Number(process.env['SLUICE_SEED'] ?? 4100) + i,
);

describe('loads, compactions, reloads, undos and a janitor at the same time', () => {
  it.each(seeds)(
    'leave every row in the table once, whoever crashes and whatever answer is lost (seed %i)',
    { timeout },
    async (seed) => {
      const world = new RewriteWorld(seed, { partitions: 2, stepsPerActor: 6, faultRate: 0.01, crashRate: 0.004 });
      await world.run();
      expect(world.errors).toEqual([]);
      const { found, expected, live, rows } = await world.compare();
      expect(found).toBe(expected);
      expect(rows).toBeGreaterThan(10);
      const { compactions, reloads, undos } = world.done;
      expect(compactions + reloads + undos).toBeGreaterThan(0);
      // What readers of the folders see is the live files, all of them and nothing else, and nothing is left behind.
      expect(world.disk.paths('/events/dt=')).toEqual(live.map(({ path }) => `/events/${path}`).sort());
      expect(world.disk.paths('/events/_sluice/staging/rewrites')).toEqual([]);
    },
  );
});
