import { seededRandom } from '../support/seeded-random.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';

export interface HdfsOutagesOptions {
  seed: number;
  /** How often the NameNode and how often the DataNode is killed and started again; HDFS with one of each. */
  kills: number;
  /** How often two NameNodes change over. */
  failovers: number;
  print: (line: string) => void;
}

interface Outages {
  topic: string;
  ha: boolean;
  count: number;
  outage: (lab: WarehouseLab, n: number) => Promise<void>;
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
  const { seed, kills, failovers, print } = options;
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
    isClean = await play({ topic: 'kills', ha: false, count: 2 * kills, outage }, print);
  }
  if (failovers > 0) {
    const outage = async (lab: WarehouseLab, n: number): Promise<void> => {
      await lab.hdfs.haadmin('-failover', ...(n % 2 === 0 ? ['nn1', 'nn2'] : ['nn2', 'nn1']));
      await pause();
    };
    isClean = (await play({ topic: 'failovers', ha: true, count: failovers, outage }, print)) && isClean;
  }
  return isClean;
}

async function play({ topic, ha, count, outage }: Outages, print: (line: string) => void): Promise<boolean> {
  const lab = await WarehouseLab.open({ hdfs: { ha, properties } });
  try {
    await lab.hdfs.waitUntilReady();
    await lab.createTopic(topic, 4);
    const producer = lab.produce(topic, await lab.events(recordCount), recordsPerSecond);
    const load = lab.startLoad(topic, [
      '--group',
      topic,
      '--workers',
      '2',
      '--time-field',
      'ts',
      '--roll-age',
      '500ms',
    ]);
    await lab.untilCommittedSince(topic, load, { group: topic });
    let longestMs = 0;
    for (let n = 0; n < count; n++) {
      const beganMs = performance.now();
      await outage(lab, n);
      await lab.untilCommittedSince(topic, load, { group: topic });
      longestMs = Math.max(longestMs, performance.now() - beganMs);
      if ((n + 1) % 10 === 0) print(`hdfs ${topic}: ${n + 1} of ${count}`);
    }
    const records = await producer.stop();
    await lab.untilCaughtUp(topic, load, { group: topic });
    const { code, stderr } = await load.stop();
    const problems = [...(code === 0 ? [] : [`the load ended with ${code}: ${stderr}`])];
    problems.push(...(await lab.problems(topic, records)).map((problem) => JSON.stringify(problem)));
    const longestSeconds = Math.round(longestMs / 1000);
    print(`hdfs ${topic} under load: ${JSON.stringify({ outages: count, records, longestSeconds, problems })}`);
    return problems.length === 0;
  } finally {
    await lab.close();
  }
}
