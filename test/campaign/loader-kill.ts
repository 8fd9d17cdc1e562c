import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { runKillSeries } from '../support/kill-series.ts';
import { copyTable, killPoints } from '../support/kill-trial.ts';
import { LoadLab } from '../support/load-lab.ts';
import { type PeerHdfs, startHdfs } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';

export interface LoaderKillOptions {
  seed: number;
  /** Kills at each point. */
  count: number;
  place: 'local' | 'hdfs';
  /** Series at the same time. Of most of a kill's time nothing is done but wait until the group forgets the dead member. */
  concurrency: number;
  /** Ends early; what was played by then is compared and counted. */
  signal: AbortSignal;
  print: (line: string) => void;
}

interface Tally {
  kills: number;
  missed: number;
}

const visitsPerSeries = 4;
const printEveryKills = 50;

/**
 * SIGKILLs loads at each step of their protocol (the claim, and the eleven steps of a commit), in series that recover from one
 * kill only to be killed again, and compares each series' table with its log row for row. False when one differs.
 */
export async function killLoaders(options: LoaderKillOptions): Promise<boolean> {
  const { print, seed, place, count, signal } = options;
  const random = seededRandom(seed);
  const tallies = new Map<string, Tally>(killPoints.map((point) => [point, { kills: 0, missed: 0 }]));
  const problems: string[] = [];
  const seriesCount = Math.ceil(count / visitsPerSeries);
  const waiting = Array.from({ length: seriesCount }, (_, n) => ({
    topic: `kills-${place}-${n}`,
    seed: Math.floor(random() * 2 ** 31),
    visits: Math.min(visitsPerSeries, count - n * visitsPerSeries),
  }));
  const lab = await LoadLab.open();
  const hdfs = place === 'hdfs' ? await startHdfs() : null;
  const beganMs = performance.now();
  let killCount = 0;
  let seriesDone = 0;
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
      const found = await playSeries(lab, hdfs, {
        ...next,
        signal,
        onKilled: (point) => {
          tallies.get(point)!.kills++;
          if (++killCount % printEveryKills !== 0) return;
          const perKill = (performance.now() - beganMs) / 1000 / killCount;
          print(`${place}: ${killCount} of ${count * killPoints.length} kills, one in ${perKill.toFixed(2)} s`);
        },
        onMissed: (point) => void tallies.get(point)!.missed++,
      });
      seriesDone++;
      for (const problem of found) {
        problems.push(problem);
        print(`PROBLEM in ${next.topic}, seed ${next.seed}: ${problem}`);
      }
    }
  };
  try {
    await hdfs?.waitUntilReady();
    print(
      `${place}: ${seriesCount} series of ${visitsPerSeries} kills at each of ${killPoints.length} points, seed ${seed}`,
    );
    // A lane that fails must not have the lab closed under the others.
    const lanes = await Promise.allSettled(Array.from({ length: options.concurrency }, lane));
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
  } finally {
    report(place, tallies, print);
    print(`${place}: ${killCount} kills in ${seriesDone} series, ${problems.length} differences, seed ${seed}`);
    await lab.close();
    await hdfs?.stop();
  }
  return problems.length === 0;
}

type SeriesPart = Omit<Parameters<typeof runKillSeries>[1], 'warehouseUrl' | 'files' | 'localCopy'>;

async function playSeries(lab: LoadLab, hdfs: PeerHdfs | null, series: SeriesPart): Promise<string[]> {
  const { topic } = series;
  const { directory, url } = lab.warehouse(topic);
  const copy = mkdtempSync(join(tmpdir(), 'loader-campaign-'));
  const warehouseUrl = hdfs === null ? url : hdfs.url(`/${topic}`);
  const files = await openWarehouse(warehouseUrl);
  const localCopy = async (): Promise<string> => {
    if (hdfs === null) return directory;
    await copyTable(files, topic, copy);
    return copy;
  };
  try {
    return await runKillSeries(lab, { ...series, warehouseUrl, files, localCopy });
  } finally {
    await files.close();
    rmSync(copy, { recursive: true, force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

function report(place: string, tallies: ReadonlyMap<string, Tally>, print: (line: string) => void): void {
  print(`\n${place.padEnd(38)}   kills  loads that were through before`);
  for (const [point, { kills, missed }] of tallies) {
    print(`${point.padEnd(38)}  ${String(kills).padStart(6)}  ${String(missed).padStart(6)}`);
  }
}
