import { describe, expect, it } from 'vitest';
import { type LedgerRecord, PartitionChain, readHistory } from '../../../src/offsets/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { place, World, type WorldOptions } from './ledger-world.ts';

const runs = Number(process.env['SLUICE_LEDGER_RUNS'] ?? 40);
const baseSeed = Number(process.env['SLUICE_SEED'] ?? 20_261_121);

const scenarios: Record<string, WorldOptions> = {
  'two claimants': { memberCount: 2, eraRecords: 1000, faultRate: 0, crashRate: 0, chaosSteps: 60 },
  'lost answers': { memberCount: 3, eraRecords: 1000, faultRate: 0.08, crashRate: 0, chaosSteps: 150 },
  'crashes and short eras': { memberCount: 5, eraRecords: 3, faultRate: 0.03, crashRate: 0.01, chaosSteps: 400 },
  'frozen members behind many eras': { memberCount: 4, eraRecords: 2, faultRate: 0.01, crashRate: 0, chaosSteps: 600 },
};

describe('a partition between racing owners', () => {
  for (const [name, options] of Object.entries(scenarios)) {
    it(`lands every commit exactly once: ${name}`, { timeout: 120_000 + runs * 1000 }, async () => {
      for (let run = 0; run < runs; run++) {
        const seed = baseSeed + run;
        try {
          await checkRun(seed, options);
        } catch (error) {
          throw new Error(`seed ${seed}, ${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
      }
    });
  }
});

async function checkRun(seed: number, options: WorldOptions): Promise<void> {
  const world = new World(seed, options);
  await world.run();
  for (const member of world.members) if (member.error) throw member.error;

  // Whoever the group gave the partition to in the end got to work on it.
  const { rightful } = world;
  if (!rightful!.hasCrashed) expect(rightful!.acknowledged.length).toBeGreaterThanOrEqual(2);

  const files = new MemoryFiles(world.disk);
  const chain = await PartitionChain.open(files, place);
  const generation = world.members.length + 1;
  await chain.claim(
    { clusterId: 'c', group: 'loaders', member: 'last', generation, host: 'last' },
    { startOffset: 0n },
  );

  const history: LedgerRecord[] = [];
  for await (const record of readHistory(files, place, chain.state)) history.push(record);
  const commits = history.filter((record) => record.kind === 'commit');

  // One record per number, for ever, whatever folder it was written to.
  const numbers = world.disk.published.flatMap(({ to }) => /\/\d{10}[^/]*\/(\d{20})\.json$/.exec(to)?.[1] ?? []);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(history.map((record) => record.sequence)).toEqual(history.map((_, i) => i + 1));

  // Offsets without hole or overlap, and nothing that was acknowledged is lost.
  let next = 0n;
  for (const commit of commits) {
    expect(commit.first).toBe(next);
    next = commit.next;
  }
  expect(chain.checkpoint).toBe(next);
  for (const member of world.members) {
    for (const sequence of member.acknowledged) {
      expect(history[sequence - 1]).toMatchObject({ kind: 'commit', owner: { member: member.owner.member } });
    }
  }

  // Readers see exactly the files of the commits, with the bytes that were staged.
  const expected = commits.flatMap((commit) => commit.files.map((file) => [`/events/${file.path}`, file.staged]));
  expect(world.disk.paths('/events/dt=')).toEqual(expected.map(([path]) => path).sort());
  for (const [path, staged] of expected) expect(world.disk.bytes(path!).toString()).toContain(staged);
  expect(world.disk.paths('/events/_sluice/staging')).toEqual([]);
}
