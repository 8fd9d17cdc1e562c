import { type LedgerHolder, listChains, readChain } from '../../src/offsets/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { ProducerClient } from '../../src/wire/client/index.ts';
import { checkTable } from './check-table.ts';
import { claimsOf } from './churn-trial.ts';
import { labRecords } from './lab-records.ts';
import type { LoadLab } from './load-lab.ts';
import { seededRandom } from './seeded-random.ts';
import { runSluice, type SluiceProcess } from './sluice-process.ts';

export interface ForcedOwnersOptions {
  topic: string;
  /** How often the partition is taken from an owner that is alive and at work. */
  takeOvers: number;
  seed: number;
  /** Where to load to, and how to see it as a local folder; a folder of the lab when left out. */
  warehouse?: { url: string; localCopy: () => Promise<string> };
  /** Ends it early, with the comparison. */
  signal?: AbortSignal;
  print?: (line: string) => void;
}

const timeLimitMs = 180_000;

/**
 * Forces two owners on one partition: while one load is at work, another of another group takes the partition over by the
 * operator's word, and so on in turn. The one that was overruled is told by the ledger, at its next commit or look, and stops.
 * In the end the table must be the log, row for row.
 */
export async function forceOwners(
  lab: LoadLab,
  options: ForcedOwnersOptions,
): Promise<{ forced: number; claims: number; problems: string[] }> {
  const { topic, takeOvers, seed, print = () => {} } = options;
  const local = lab.warehouse(topic);
  const { url, localCopy } = options.warehouse ?? { url: local.url, localCopy: async () => local.directory };
  const problems: string[] = [];
  await lab.createTopic(topic, 1);
  const flow = startFlow(lab, topic, seed);
  let owner = startOwner(lab, topic, url, 0);
  await untilClaimedBy(url, topic, owner);
  let forced = 0;
  for (let round = 1; round <= takeOvers && !options.signal?.aborted; round++) {
    const rival = startOwner(lab, topic, url, round);
    await untilClaimedBy(url, topic, rival);
    problems.push(...(await endOverruled(owner, round)));
    owner = rival;
    if (++forced % 20 === 0) print(`${forced} owners forced`);
  }
  await flow.stop();
  const end = await lab.cluster.listOffsets(topic, [0], 'latest', { isolation: 'read_committed' });
  await until('the last owner to load the rest', async () => {
    const [committed] = await lab.cluster.fetchOffsets(groupOf(topic, forced), null);
    return (committed?.offset ?? 0n) >= end.get(0)!.offset;
  });
  // What an overruled owner was uploading stays in the staging of its claim until somebody claims again.
  const sweeper = startOwner(lab, topic, url, forced + 1);
  await untilClaimedBy(url, topic, sweeper);
  for (const process of [owner, sweeper]) problems.push(...(await endOverruled(process, forced + 1)));
  problems.push(...(await checkTable(lab.cluster, topic, await localCopy())));
  const audit = await runSluice(['audit', '--warehouse', url, '--brokers', lab.bootstrap, '--deep']);
  if (audit.code !== 0) problems.push(`audit ended with ${audit.code}: ${audit.stderr}`);
  return { forced, claims: (await claimsOf(url, topic)).length, problems };
}

const groupOf = (topic: string, round: number): string => `${topic}-${round}`;

function startOwner(lab: LoadLab, topic: string, url: string, round: number): SluiceProcess {
  const args = ['--group', groupOf(topic, round), '--take-over', `forced, round ${round}`, '--time-field', 'ts'];
  return lab.load(topic, url, [
    ...args,
    '--roll-age',
    '200ms',
    '--max-dead-letters',
    '100000000',
    '--session-timeout',
    '30s',
  ]);
}

/** A partition that an operator gave away stops with an error (1); a load that was not told yet ends as any other (0). */
async function endOverruled(process: SluiceProcess, round: number): Promise<string[]> {
  const { code, stderr } = await process.stop();
  return code === 0 || code === 1 ? [] : [`round ${round}: the overruled owner ended with ${code}: ${stderr}`];
}

async function untilClaimedBy(url: string, topic: string, process: SluiceProcess): Promise<void> {
  await until(`a claim of process ${process.child.pid}`, async () => {
    if (process.child.exitCode !== null) throw new Error(`the load ended: ${process.stderr}`);
    const holder = await holderOf(url, topic).catch(() => null); // before the first claim there is no warehouse
    return holder?.owner.host.split(':')[1] === String(process.child.pid);
  });
}

/** Who made the newest claim of the one partition. */
async function holderOf(url: string, topic: string): Promise<LedgerHolder | null> {
  const files = await openWarehouse(url, { access: 'read' });
  try {
    const [chain] = await listChains(files, topic);
    return chain ? (await readChain(files, chain, topic)).holder : null;
  } finally {
    await files.close();
  }
}

/** Records to the one partition all the time. */
function startFlow(lab: LoadLab, topic: string, seed: number): { stop: () => Promise<void> } {
  const random = seededRandom(seed);
  const producer = new ProducerClient({ cluster: lab.cluster, lingerMs: 5 });
  let isFlowing = true;
  const flowing = (async () => {
    for (let from = 0; isFlowing; from += 20) {
      for (const record of labRecords({ random, count: 20, from })) await producer.send(topic, record);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await producer.close();
  })();
  return {
    stop: async () => {
      isFlowing = false;
      await flowing;
    },
  };
}

async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + timeLimitMs;
  while (!(await test())) {
    if (performance.now() > endMs) throw new Error(`waited ${timeLimitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
