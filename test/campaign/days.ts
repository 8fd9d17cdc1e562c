import { brokenPromises, DaysStage } from '../support/simulated-days.ts';

/** A nightly and a continuous load of the simulated game over days of compressed time, with outages; true: all promises hold. */
export async function playThreeDays(options: {
  seed: number;
  days: number;
  print: (line: string) => void;
}): Promise<boolean> {
  const { seed, days, print } = options;
  const report = await DaysStage.play({
    seed,
    hours: days * 24,
    nightEvery: 24,
    breakEvery: 6,
    eventsPerSecond: 0.2,
    print,
  });
  print(`days: ${JSON.stringify(report)}`);
  const broken = brokenPromises(report);
  for (const promise of broken) print(`days: broken: ${promise}`);
  return broken.length === 0;
}
