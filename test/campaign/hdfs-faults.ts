import { createUnique, openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { HaAdmin } from '../support/ha-admin.ts';
import { startHdfs } from '../support/peers.ts';
import { runFaultCampaign } from '../support/webhdfs-campaign.ts';

/** Random faults of a WebHDFS under staged uploads and ledger commits; a fifth of them of one like an old HttpFS. */
export async function failWebHdfs(options: {
  seed: number;
  faults: number;
  print: (line: string) => void;
}): Promise<boolean> {
  const { seed, faults, print } = options;
  let isClean = true;
  for (const [isHttpFs, share] of [
    [false, 0.8],
    [true, 0.2],
  ] as const) {
    const report = await runFaultCampaign({ seed, faultCount: Math.ceil(faults * share), isHttpFs });
    print(`webhdfs faults${isHttpFs ? ' (old HttpFS)' : ''}: ${JSON.stringify(report)}`);
    isClean &&= report.problems.length === 0;
  }
  return isClean;
}

/** Numbered records are published to a real HDFS while its two NameNodes take turns: each number must be ours, once. */
export async function failOverNameNodes(options: {
  count: number;
  /** Ends early: what was published by then is read again. */
  signal: AbortSignal;
  print: (line: string) => void;
}): Promise<boolean> {
  const { count, signal, print } = options;
  const hdfs = await startHdfs({ ha: true });
  const admin = new HaAdmin(hdfs);
  const files = await openWarehouse(hdfs.url('/failovers'), {
    user: 'root',
    retry: { firstDelayMs: 100, maxDelayMs: 1_000 },
  });
  const stop = new AbortController();
  try {
    const working = publishUntil(files, stop.signal);
    working.catch(() => {}); // awaited below
    let failovers = 0;
    while (failovers < count && !signal.aborted) {
      await admin.changeOver(failovers++);
      if (failovers % 20 === 0) print(`${failovers} of ${count} failovers`);
    }
    stop.abort();
    const published = await working;
    const problems = await problemsOf(files, published);
    print(`failovers: ${JSON.stringify({ failovers, published, problems })}`);
    return problems.length === 0;
  } finally {
    stop.abort();
    admin.stop();
    await files.close();
    await hdfs.stop();
  }
}

/** Leaves the servers time to change over. */
const publishEveryMs = 20;

/** Gives how many it has published; fails when a number is not ours, for nobody else publishes here. */
async function publishUntil(files: WarehouseFiles, signal: AbortSignal): Promise<number> {
  await files.mkdirs('/chain');
  for (let n = 0; ; n++) {
    if (signal.aborted) return n;
    const temporary = await createUnique(files, '/tmp', { bytes: Buffer.from(`record ${n}`) });
    const outcome = await files.publishIfAbsent(temporary, `/chain/${n}`);
    if (outcome !== 'published') throw new Error(`number ${n} is ${outcome}, and nobody else publishes here`);
    await new Promise((resolve) => setTimeout(resolve, publishEveryMs));
  }
}

async function problemsOf(files: WarehouseFiles, count: number): Promise<string[]> {
  const problems: string[] = [];
  const listed = await files.list('/chain');
  if (listed.length !== count) problems.push(`${listed.length} records, ${count} were published`);
  for (const { name } of listed) {
    const text = (await files.read(`/chain/${name}`)).toString();
    if (text !== `record ${name}`) problems.push(`record ${name} holds "${text}"`);
  }
  return problems;
}
