import { auditWarehouse, readLogBounds } from '../../src/loader/index.ts';
import type { WarehouseFiles } from '../../src/warehouse/index.ts';
import { checkTable } from './check-table.ts';
import { killPoints } from './kill-trial.ts';
import { labRecords } from './lab-records.ts';
import type { LoadLab } from './load-lab.ts';
import { seededRandom } from './seeded-random.ts';

export interface KillSeries {
  topic: string;
  seed: number;
  /** How often the series visits each point. */
  visits: number;
  warehouseUrl: string;
  /** The same warehouse, to audit it. */
  files: WarehouseFiles;
  /** Gives the warehouse as a local folder to compare. */
  localCopy: () => Promise<string>;
  /** Ends the series early: it still loads to the end and compares. */
  signal: AbortSignal;
  onKilled: (point: string) => void;
  /** The load was through before it got to the occurrence asked for. */
  onMissed: (point: string) => void;
}

interface SeriesShape {
  partitions: number;
  recordsPerPartition: number;
  hours: number;
  /** Nearly always the engine that starts fast: the steps of a commit are the same. */
  engine: 'duckdb' | 'parquetjs';
  /**
   * Each load takes the place of the dead one in the group at once (KIP-345), as a restarted process does. Without, it comes as
   * somebody else, and waits until the group has forgotten the dead one.
   */
  isStatic: boolean;
}

const attemptsPerVisit = 6;

/**
 * One table that dies many times: fresh records for every partition, a load that is killed at one of the points, fresh records
 * again, and so on in random order, so that each load first has to recover what the one before left behind, and is killed in
 * turn. In the end one load runs through, and the table must be the log, row for row. Gives what is wrong.
 */
export async function runKillSeries(lab: LoadLab, series: KillSeries): Promise<string[]> {
  const { topic, signal, onKilled, onMissed } = series;
  const random = seededRandom(series.seed);
  const shape = shapeOf(random);
  await lab.createTopic(topic, shape.partitions);
  const waiting = shuffled(random, series.visits);
  const limit = waiting.length * attemptsPerVisit;
  for (let round = 0; waiting.length > 0 && !signal.aborted; round++) {
    if (round === limit) return [`after ${limit} loads never got to ${waiting.join(', ')}`];
    await produce(lab, series, shape, random, round);
    const point = waiting.shift()!;
    const fault = `${point}#${1 + Math.floor(random() * 2)}=kill`;
    const ended = await load(lab, series, shape, fault);
    if (ended.signal === 'SIGKILL') onKilled(point);
    else {
      if (ended.code !== 0) return [`round ${round}, ${fault}: ended with ${ended.code}: ${ended.stderr}`];
      onMissed(point);
      waiting.push(point);
    }
  }
  const problems: string[] = [];
  const last = await load(lab, series, shape, null);
  if (last.code !== 0) problems.push(`the last load ended with ${last.code}: ${last.stderr}`);
  problems.push(...(await checkTable(lab.cluster, topic, await series.localCopy())));
  const logBounds = await readLogBounds(lab.cluster, [topic]);
  const audit = await auditWarehouse(series.files, { table: topic, deep: true, logBounds });
  return [...problems, ...audit.problems.map((problem) => `audit: ${JSON.stringify(problem)}`)];
}

function shapeOf(random: () => number): SeriesShape {
  return {
    partitions: 1 + Math.floor(random() * 3),
    recordsPerPartition: 14 + Math.floor(random() * 20),
    hours: 1 + Math.floor(random() * 2),
    engine: random() < 0.2 ? 'duckdb' : 'parquetjs',
    isStatic: random() < 0.8,
  };
}

function shuffled(random: () => number, visits: number): string[] {
  const points = Array.from({ length: visits }, () => killPoints).flat();
  for (let at = points.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [points[at], points[other]] = [points[other]!, points[at]!];
  }
  return points;
}

async function produce(
  lab: LoadLab,
  { topic }: KillSeries,
  { partitions, recordsPerPartition: count, hours }: SeriesShape,
  random: () => number,
  round: number,
): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const from = partition * 1_000_000 + round * count;
    // Several batches, so that a roll may end between them.
    await lab.produce(topic, partition, labRecords({ random, count, from, hours }), 8);
  }
}

/** Of a load that is to be killed: small, so that it rolls several times. */
const smallRollBytes = 2_500;
const commonRollBytes = 1_000_000;

async function load(
  lab: LoadLab,
  { topic, warehouseUrl }: KillSeries,
  { engine, isStatic }: SeriesShape,
  fault: string | null,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }> {
  const rollBytes = fault === null ? commonRollBytes : smallRollBytes;
  const fixed = ['--until-end', '--group', topic, '--time-field', 'ts', '--max-dead-letters', '1000000'];
  const args = [...fixed, '--engine', engine, '--roll-bytes', String(rollBytes), '--memory', '128MB'];
  // Long enough for a machine on which hundreds of processes come and go; who is static need not wait for it.
  args.push('--session-timeout', isStatic ? '60s' : '10s', ...(isStatic ? ['--instance-id', 'one'] : []));
  const process = lab.load(topic, warehouseUrl, args, fault === null ? {} : { fault });
  const { code, stderr } = await process.finished;
  return { code, signal: process.child.signalCode, stderr };
}
