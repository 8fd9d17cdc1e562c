import { brokenPromises, describeDays } from '../support/days-report.ts';
import { DaysStage, outageKinds } from '../support/simulated-days.ts';

/**
 * A nightly and a continuous load of the simulated game over days of compressed time on a real HDFS, with outages; true: all promises
 * hold. Prints the report of hours, files, sizes and lag.
 */
export async function playDays(options: {
  seed: number;
  days: number;
  print: (line: string) => void;
}): Promise<boolean> {
  const { seed, days, print } = options;
  const report = await DaysStage.play({
    seed,
    hours: days * 24,
    nightEvery: 24,
    breakEvery: 4,
    outages: outageKinds,
    eventsPerSecond: 0.2,
    hdfs: 'real',
    print: (line) => print(`days: ${line}`),
  });
  for (const line of describeDays(report)) print(`days: ${line}`);
  const broken = brokenPromises(report);
  for (const promise of broken) print(`days: broken: ${promise}`);
  return broken.length === 0;
}
