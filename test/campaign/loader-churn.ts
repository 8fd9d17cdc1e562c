import { runChurn } from '../support/churn-trial.ts';
import { forceOwners } from '../support/forced-owners.ts';
import { LoadLab } from '../support/load-lab.ts';

export interface LoaderChurnOptions {
  seed: number;
  /** Records that flow while the membership changes every 5 s. */
  records: number;
  /** Minutes of 1, 4, 2, 3 loader processes, changing every 5 s. */
  minutes: number;
  /** How often two owners are forced on one partition. */
  forcedOwners: number;
  /** Ends early: what was sent by then is loaded and compared. */
  signal: AbortSignal;
  print: (line: string) => void;
}

/** Membership churn in full doses; false when a table was not its log, row for row, or the audit found a difference. */
export async function churnLoaders(options: LoaderChurnOptions): Promise<boolean> {
  const { seed, print, signal } = options;
  const lab = await LoadLab.open();
  let isClean = true;
  const tell = (name: string, report: { problems: string[] }): void => {
    print(`${name}: ${JSON.stringify({ ...report, problems: report.problems.slice(0, 20) })}`);
    if (report.problems.length > 0) isClean = false;
  };
  // Machines that are this busy do not get a word in within the three seconds of the tests.
  const loadArgs = ['--roll-age', '2s', '--session-timeout', '10s'];
  const common = { partitions: 12, everyMs: 5_000, killShare: 0.25, loadArgs, print, signal };
  try {
    if (options.records > 0) {
      // Two processes, one of which is replaced every 5 s, so that it is a change of membership and nothing else.
      const flow = { records: options.records, durationMs: 0, rate: 20_000, processCounts: [2] };
      tell('churn by records', await runChurn(lab, { ...common, ...flow, topic: 'churn-records', seed }));
    }
    if (options.minutes > 0) {
      // So few records that all of them can be compared row for row.
      const records = Math.min(options.minutes * 60 * 200, 400_000);
      const time = { records, durationMs: options.minutes * 60_000, rate: 300, processCounts: [4, 2, 3, 1] };
      tell('churn by time', await runChurn(lab, { ...common, ...time, topic: 'churn-time', seed: seed + 10 }));
    }
    if (options.forcedOwners > 0) {
      const forced = { topic: 'forced', takeOvers: options.forcedOwners, seed: seed + 20, print, signal };
      tell('forced owners', await forceOwners(lab, forced));
    }
  } finally {
    await lab.close();
  }
  return isClean;
}
