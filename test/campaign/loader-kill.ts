import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { copyTable, killPoints, runKillTrial } from '../support/kill-trial.ts';
import { LoadLab } from '../support/load-lab.ts';
import { type PeerHdfs, startHdfs } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';

export interface LoaderKillOptions {
  seed: number;
  /** Kills at each point on the local disk, and on a real HDFS. */
  localCount: number;
  hdfsCount: number;
  /** Trials at the same time. */
  concurrency: number;
  print: (line: string) => void;
}

interface Tally {
  trials: number;
  kills: number;
  problems: string[];
}

type Place = 'local' | 'hdfs';

/**
 * SIGKILLs a load at each step of its protocol (the claim, and the eleven steps of a commit), lets the next load finish, and
 * compares the table with the log row for row. Returns false when any trial found a difference.
 */
export async function killLoaders(options: LoaderKillOptions): Promise<boolean> {
  const { print, seed } = options;
  const random = seededRandom(seed);
  const lab = await LoadLab.open();
  const hdfs = options.hdfsCount > 0 ? await startHdfs() : null;
  const tallies = new Map<string, Tally>();
  const waiting: (() => Promise<void>)[] = [];
  for (const [place, count] of [
    ['local', options.localCount],
    ['hdfs', options.hdfsCount],
  ] as const) {
    for (let round = 0; round < count; round++) {
      for (const point of killPoints) {
        // A load claims each of its two partitions once, and rolls each several times.
        const occurrence = 1 + Math.floor(random() * (point.includes('claim') ? 2 : 4));
        const trialSeed = Math.floor(random() * 2 ** 31);
        waiting.push(() => tryOnce(lab, hdfs, place, point, occurrence, trialSeed, tallies, print));
      }
    }
  }
  try {
    await hdfs?.waitUntilReady();
    print(`${waiting.length} trials, seed ${seed}`);
    const lane = async (): Promise<void> => {
      for (let trial = waiting.shift(); trial; trial = waiting.shift()) {
        await trial().catch((error: unknown) => {
          waiting.length = 0;
          throw error;
        });
        if (waiting.length > 0 && waiting.length % 20 === 0) print(`${waiting.length} trials to go`);
      }
    };
    // A lane that fails must not have the lab closed under the others.
    const lanes = await Promise.allSettled(Array.from({ length: options.concurrency }, lane));
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
  } finally {
    await lab.close();
    await hdfs?.stop();
  }
  return report(tallies, seed, print);
}

let trialCount = 0;

async function tryOnce(
  lab: LoadLab,
  hdfs: PeerHdfs | null,
  place: Place,
  point: string,
  occurrence: number,
  seed: number,
  tallies: Map<string, Tally>,
  print: (line: string) => void,
): Promise<void> {
  const topic = `kill-${place}-${trialCount++}`;
  const copy = mkdtempSync(join(tmpdir(), 'loader-campaign-'));
  const { directory, url } = lab.warehouse(topic);
  const warehouseUrl = place === 'local' ? url : hdfs!.url(`/${topic}`);
  const localCopy = async (): Promise<string> => {
    if (place === 'local') return directory;
    await using files = Object.assign(await openWarehouse(warehouseUrl, { access: 'read' }), {
      async [Symbol.asyncDispose](this: { close: () => Promise<void> }) {
        await this.close();
      },
    });
    await copyTable(files, topic, copy);
    return copy;
  };
  const result = await runKillTrial(lab, { topic, point, occurrence, seed, warehouseUrl, localCopy });
  rmSync(copy, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
  const key = `${place} ${point}`;
  const tally = tallies.get(key) ?? { trials: 0, kills: 0, problems: [] };
  tallies.set(key, tally);
  tally.trials++;
  if (result.wasKilled) tally.kills++;
  for (const problem of result.problems) {
    tally.problems.push(problem);
    print(`PROBLEM at ${key}#${occurrence}, seed ${seed}: ${problem}`);
  }
}

function report(tallies: Map<string, Tally>, seed: number, print: (line: string) => void): boolean {
  print(`\n${'place and point'.padEnd(46)}  trials   kills  differences`);
  for (const [key, { trials, kills, problems }] of [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))) {
    print(
      `${key.padEnd(46)}  ${String(trials).padStart(6)}  ${String(kills).padStart(6)}  ${String(problems.length).padStart(11)}`,
    );
  }
  const all = [...tallies.values()];
  const kills = all.reduce((sum, tally) => sum + tally.kills, 0);
  const problems = all.reduce((sum, tally) => sum + tally.problems.length, 0);
  print(`\n${kills} kills, ${problems} differences, seed ${seed}`);
  return problems === 0;
}
