import { expect, it } from 'vitest';
import { brokenPromises, DaysStage } from '../support/simulated-days.ts';

it('settles hours of the game, live and at night, with outages: every hour complete, every event once, the audit clean', async () => {
  const seed = Number(process.env['SEED'] ?? 22);
  const lines: string[] = [];
  const report = await DaysStage.play({
    seed,
    hours: 4,
    nightEvery: 2,
    breakEvery: 2,
    eventsPerSecond: 0.1,
    print: (line) => lines.push(line),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  expect(brokenPromises(report), `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
  expect(Object.values(report.outages).reduce((sum, count) => sum + count, 0)).toBe(2);
}, 300_000);
