import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WarehouseFiles } from '../../src/warehouse/index.ts';
import { checkTable } from './check-table.ts';
import { labRecords } from './lab-records.ts';
import type { LoadLab } from './load-lab.ts';
import { seededRandom } from './seeded-random.ts';

/** Every place where a load can be made to die: around the claim, and at each of the eleven steps of a commit. */
export const killPoints = [
  'loader.claim.before',
  'ledger-claim-written',
  'ledger-claim-published',
  'loader.claim.after',
  'loader.commit.1-fetched',
  'loader.commit.2-decoded',
  'loader.commit.3-encoded',
  'loader.commit.4-staged',
  'loader.commit.5-verified',
  'ledger-commit-written',
  'ledger-commit-published',
  'ledger-file-moved',
  'loader.commit.8-moved',
  'loader.commit.9-position-published',
  'loader.commit.10-hours-noted',
  'loader.commit.11-swept',
] as const;

export interface KillTrial {
  topic: string;
  point: string;
  /** At which passing of the point the load dies, from 1 on. */
  occurrence: number;
  seed: number;
  warehouseUrl: string;
  /** Gives the warehouse as a local folder to compare. */
  localCopy: () => Promise<string>;
  partitions?: number;
  recordsPerPartition?: number;
  extraArgs?: readonly string[];
}

export interface KillResult {
  /** False: the load was through before it got that far. */
  wasKilled: boolean;
  problems: string[];
}

/** Fills a topic, loads it with a load that dies, loads the rest with a second one, and compares with the log. */
export async function runKillTrial(lab: LoadLab, trial: KillTrial): Promise<KillResult> {
  const { topic, partitions = 2, recordsPerPartition = 300, warehouseUrl, extraArgs = [] } = trial;
  const random = seededRandom(trial.seed);
  await lab.createTopic(topic, partitions);
  for (let partition = 0; partition < partitions; partition++) {
    await lab.produce(
      topic,
      partition,
      labRecords({ random, count: recordsPerPartition, from: partition * 100_000 }),
      40,
    );
  }
  const args = [
    '--until-end',
    '--time-field',
    'ts',
    '--roll-bytes',
    '6000',
    '--max-dead-letters',
    '100000',
    '--group',
    topic,
    ...extraArgs,
  ];
  const dying = lab.load(topic, warehouseUrl, args, { fault: `${trial.point}#${trial.occurrence}=kill` });
  const first = await dying.finished;
  const wasKilled = dying.child.signalCode === 'SIGKILL';
  const problems: string[] = [];
  if (!wasKilled && first.code !== 0) problems.push(`the first load ended with ${first.code}: ${first.stderr}`);
  const second = await lab.load(topic, warehouseUrl, args).finished;
  if (second.code !== 0) problems.push(`the second load ended with ${second.code}: ${second.stdout}${second.stderr}`);
  problems.push(...(await checkTable(lab.cluster, topic, await trial.localCopy())));
  return { wasKilled, problems };
}

/** Copies a table of any warehouse to a local folder. */
export async function copyTable(files: WarehouseFiles, table: string, directory: string): Promise<void> {
  const copyFolder = async (folder: string): Promise<void> => {
    for (const { name, type } of await files.list(folder)) {
      const path = `${folder}/${name}`;
      if (type === 'directory') await copyFolder(path);
      else {
        const local = join(directory, path);
        mkdirSync(dirname(local), { recursive: true });
        writeFileSync(local, await files.read(path));
      }
    }
  };
  await copyFolder(`/${table}`);
}
