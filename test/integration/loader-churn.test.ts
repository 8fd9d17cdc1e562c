// Promises of many loader processes in one group: whoever comes, goes or dies, each record lands once, and only what must move
// moves. The full doses (10 million records, 30 minutes, 200 forced owners) are in `npm run campaign`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimsOf, runChurn } from '../support/churn-trial.ts';
import { forceOwners } from '../support/forced-owners.ts';
import { labRecords } from '../support/lab-records.ts';
import { LoadLab } from '../support/load-lab.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { SluiceProcess } from '../support/sluice-process.ts';

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(async () => {
  await lab.close();
});

async function waitUntil(what: string, test: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await test())) {
    if (performance.now() > endMs) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('a group of loader processes', () => {
  it('1, 4, 2, 3, 1, ... of them, stopped and killed, land every record exactly once and leave nothing behind', async () => {
    const seed = Date.now() % 1_000_000;
    const report = await runChurn(lab, {
      topic: 'churn',
      partitions: 6,
      records: 15_000,
      durationMs: 12_000,
      rate: 2_000,
      processCounts: [4, 2, 3, 1],
      everyMs: 2_000,
      killShare: 0.3,
      patienceMs: 120_000, // less than the test has, so that it can tell what they said
      seed,
    });
    expect(report.problems, `seed ${seed}`).toEqual([]);
    expect(report.sent).toBeGreaterThanOrEqual(15_000);
    expect(report.changes).toBeGreaterThanOrEqual(4);
  });

  it('moves a partition only when somebody has too many: the others are neither flushed nor claimed again', async () => {
    const { url } = lab.warehouse('sticky');
    await lab.createTopic('sticky', 6);
    const args = ['--group', 'sticky', '--time-field', 'ts', '--roll-age', '1h'];
    for (let partition = 0; partition < 6; partition++) {
      await lab.produce('sticky', partition, labRecords({ random: seededRandom(partition), count: 5, poisonShare: 0 }));
    }
    const pidOf = (process: SluiceProcess) => String(process.child.pid);
    const claims = async (): Promise<Map<string, number>> => {
      const counts = new Map<string, number>();
      for (const { owner } of await claimsOf(url, 'sticky').catch(() => [])) {
        const pid = owner.host.split(':')[1]!;
        counts.set(pid, (counts.get(pid) ?? 0) + 1);
      }
      return counts;
    };
    const first = lab.load('sticky', url, args);
    await waitUntil('six claims of the first', async () => (await claims()).get(pidOf(first)) === 6);
    const second = lab.load('sticky', url, args);
    await waitUntil('three claims of the second', async () => (await claims()).get(pidOf(second)) === 3);
    const third = lab.load('sticky', url, args);
    await waitUntil('two claims of the third', async () => (await claims()).get(pidOf(third)) === 2);
    expect((await second.stop()).code).toBe(0);
    await waitUntil('the two of the second to be claimed', async () => {
      return [...(await claims()).values()].reduce((sum, count) => sum + count, 0) === 13;
    });
    const counts = await claims();
    expect([counts.get(pidOf(first)), counts.get(pidOf(second)), counts.get(pidOf(third))]).toEqual([7, 3, 3]);
    expect([(await first.stop()).code, (await third.stop()).code]).toEqual([0, 0]);
  });

  it('and one of another group that is forced on the same partition, again and again, fence each other cleanly', async () => {
    const report = await forceOwners(lab, { topic: 'forced', takeOvers: 3, seed: 77 });
    expect(report.problems).toEqual([]);
    expect(report.claims).toBeGreaterThanOrEqual(5);
  });
});
