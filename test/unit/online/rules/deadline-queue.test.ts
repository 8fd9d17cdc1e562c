import { expect, it } from 'vitest';
import { DeadlineQueue } from '../../../../src/online/rules/deadline-queue.ts';
import { HitColumns } from '../../../../src/online/rules/hit-columns.ts';
import { RunPool } from '../../../../src/online/rules/state-pools.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

it('gives runs in the order of their deadlines, those of one deadline as they came, whatever is taken out and put in between', () => {
  const seed = Number(process.env.SLUICE_SEED ?? 1);
  const random = seededRandom(seed);
  const runs = new RunPool();
  const queue = new DeadlineQueue(runs);
  let expected: { run: number; deadlineMs: number }[] = [];
  let timeMs = 0;
  for (let i = 0; i < 2000; i++) {
    if (random() < (i % 500 < 250 ? 0.7 : 0.4)) {
      // Time goes on, but sometimes an event comes that is older.
      timeMs += Math.floor(random() * 3);
      const deadlineMs = random() < 0.05 ? timeMs - Math.floor(random() * 50) : timeMs;
      const run = runs.add(1, new HitColumns(1), 0);
      queue.add(run, deadlineMs);
      const at = expected.findLastIndex((entry) => entry.deadlineMs <= deadlineMs) + 1;
      expected.splice(at, 0, { run, deadlineMs });
    } else if (expected.length > 0) {
      const gone = expected[random() < 0.5 ? 0 : Math.floor(random() * expected.length)]!;
      queue.remove(gone.run);
      runs.giveBack(gone.run);
      expected = expected.filter((entry) => entry !== gone);
    }
    expect(queue.first, `seed ${seed}`).toBe(expected[0]?.run ?? 0);
    expect(queue.dueMs, `seed ${seed}`).toBe(expected[0]?.deadlineMs ?? Number.POSITIVE_INFINITY);
    if (i % 50 > 0) continue;
    expect(
      [...queue.all()].map((run) => ({ run, deadlineMs: queue.deadlineMs(run) })),
      `seed ${seed}`,
    ).toEqual(expected);
  }
});
