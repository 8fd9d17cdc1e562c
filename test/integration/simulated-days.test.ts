import { expect, it } from 'vitest';
import { brokenPromises, describeDays } from '../support/days-report.ts';
import { DaysStage } from '../support/simulated-days.ts';

// The full dose, three days on a real HDFS: `npm run campaign -- --only days`.
it('settles hours of the game, live and at night, through outages: every hour complete, late ones amended, every event once, the audit clean', async () => {
  const seed = Number(process.env['SEED'] ?? 22);
  const lines: string[] = [];
  const report = await DaysStage.play({
    seed,
    hours: 3,
    nightEvery: 3,
    breakEvery: 1,
    outages: ['loader killed', 'broker killed', 'warehouse away'],
    eventsPerSecond: 0.1,
    hdfs: 'simulated',
    print: (line) => lines.push(line),
  });
  process.stdout.write(`${describeDays(report).join('\n')}\n`);
  expect(brokenPromises(report), `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
  expect(report.outages).toMatchObject({ 'loader killed': 1, 'broker killed': 1, 'warehouse away': 1 });
  expect(report.late).toMatchObject({ events: 10 });
  expect(report.continuous.hours['amended']).toBeGreaterThan(0);
}, 600_000);
