import { HaAdmin } from '../support/ha-admin.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';

export interface HdfsOutagesOptions {
  seed: number;
  /** How often the NameNode and how often the DataNode is killed and started again; HDFS with one of each. */
  kills: number;
  /** How often two NameNodes change over. */
  failovers: number;
  /** Ends early: what was sent by then is loaded and compared. */
  signal: AbortSignal;
  print: (line: string) => void;
}

interface Outages {
  topic: string;
  ha: boolean;
  count: number;
  outage: (lab: WarehouseLab, n: number) => Promise<void>;
  signal: AbortSignal;
  print: (line: string) => void;
}

const recordsPerSecond = 30;
const recordCount = 200_000;
/** A dead DataNode is known as such after 14 s instead of 10 minutes. */
const properties = { 'dfs.heartbeat.interval': '1', 'dfs.namenode.heartbeat.recheck-interval': '2000' };

/**
 * A continuous load beside a steady producer while servers of a real HDFS are killed, or NameNodes change over. Nobody touches the
 * load: after each outage something must be committed again, and in the end the table must be the log, row for row.
 */
export async function disturbHdfsUnderLoad(options: HdfsOutagesOptions): Promise<boolean> {
  const { seed, kills, failovers, signal, print } = options;
  const random = seededRandom(seed);
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, random() * 3_000));
  let isClean = true;
  if (kills > 0) {
    const outage = async (lab: WarehouseLab, n: number): Promise<void> => {
      const server = n % 2 === 0 ? 'nn1' : 'dn0';
      await lab.hdfs.kill(server);
      await pause();
      await lab.hdfs.start(server);
    };
    isClean = await play({ topic: 'kills', ha: false, count: 2 * kills, outage, signal, print });
  }
  if (failovers > 0) {
    let admin: HaAdmin | null = null;
    const outage = async (lab: WarehouseLab, n: number): Promise<void> => {
      admin ??= new HaAdmin(lab.hdfs);
      await admin.changeOver(n);
      await pause();
    };
    const failing = play({ topic: 'failovers', ha: true, count: failovers, outage, signal, print });
    isClean = (await failing.finally(() => admin?.stop())) && isClean;
  }
  return isClean;
}

async function play({ topic, ha, count, outage, signal, print }: Outages): Promise<boolean> {
  const lab = await WarehouseLab.open({ hdfs: { ha, properties } });
  try {
    await lab.hdfs.waitUntilReady();
    await lab.createTopic(topic, 4);
    const producer = lab.produce(topic, await lab.events(recordCount), recordsPerSecond);
    const load = lab.startLoad(topic, ['--group', topic, '--workers', '2', '--time-field', 'ts', '--roll-age', '3s']);
    await lab.untilCommittedSince(topic, load, { group: topic });
    let longestMs = 0;
    let outages = 0;
    for (let n = 0; n < count && !signal.aborted; n++) {
      const beganMs = performance.now();
      await outage(lab, n);
      await lab.untilCommittedSince(topic, load, { group: topic });
      longestMs = Math.max(longestMs, performance.now() - beganMs);
      if (++outages % 10 === 0) print(`hdfs ${topic}: ${outages} of ${count}`);
    }
    const records = await producer.stop();
    await lab.untilCaughtUp(topic, load, { group: topic });
    const { code, stderr } = await load.stop();
    const problems = [...(code === 0 ? [] : [`the load ended with ${code}: ${stderr}`])];
    problems.push(...(await lab.problems(topic, records)).map((problem) => JSON.stringify(problem)));
    const longestSeconds = Math.round(longestMs / 1000);
    print(`hdfs ${topic} under load: ${JSON.stringify({ outages, records, longestSeconds, problems })}`);
    return problems.length === 0;
  } finally {
    await lab.close();
  }
}
