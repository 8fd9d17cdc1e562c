import { type ClaimRecord, listChains, readChain, readHistory } from '../../src/offsets/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { ProducerClient } from '../../src/wire/client/index.ts';
import { checkCounts } from './check-counts.ts';
import { checkTable } from './check-table.ts';
import { labRecords } from './lab-records.ts';
import type { LoadLab } from './load-lab.ts';
import { seededRandom } from './seeded-random.ts';
import { runSluice, type SluiceProcess } from './sluice-process.ts';

export interface ChurnOptions {
  topic: string;
  partitions: number;
  /** Ends when this many records were sent or this much time is over, whichever is later. */
  records: number;
  durationMs: number;
  /** Records a second, at most. */
  rate: number;
  /** Loader processes at work, one after the other, again and again. */
  processCounts: readonly number[];
  everyMs: number;
  /** Share of the processes that are killed instead of stopped. */
  killShare: number;
  seed: number;
  /** Further arguments of every load. */
  loadArgs?: readonly string[];
  /** How long the last processes may take to load what is left, and each to end; 300 s when left out. */
  patienceMs?: number;
  /** Ends it early: what was sent by then is loaded and compared. */
  signal?: AbortSignal;
  print?: (line: string) => void;
}

export interface ChurnReport {
  sent: number;
  changes: number;
  kills: number;
  claims: number;
  /** What is wrong; nothing when all is well. */
  problems: string[];
}

/** More are counted by offset instead of being compared row for row. */
const comparableRecords = 500_000;
const defaultPatienceMs = 300_000;

/**
 * Several loader processes in one group whose number changes all the time, some of them by SIGKILL, while records flow. In the
 * end the table must be the log, row for row, nothing may be left in staging, and `sluice audit --deep` must agree.
 */
export async function runChurn(lab: LoadLab, options: ChurnOptions): Promise<ChurnReport> {
  const { topic, partitions, processCounts, everyMs, seed, print = () => {} } = options;
  const { patienceMs = defaultPatienceMs } = options;
  const random = seededRandom(seed);
  const { directory, url } = lab.warehouse(topic);
  const report: ChurnReport = { sent: 0, changes: 0, kills: 0, claims: 0, problems: [] };
  await lab.createTopic(topic, partitions);
  const running: SluiceProcess[] = [];
  const startOne = (): void => void running.push(lab.load(topic, url, loadArgs(topic, options)));
  const sending = send(lab, options, report);
  const endMs = performance.now() + options.durationMs;
  startOne();
  for (let step = 0; (performance.now() < endMs && !options.signal?.aborted) || !sending.isDone; step++) {
    await sleep(everyMs);
    const target = processCounts[step % processCounts.length]!;
    while (running.length < target) startOne();
    while (running.length > target) {
      const [ending] = running.splice(Math.floor(random() * running.length), 1);
      report.problems.push(...(await endOne(ending!, random() < options.killShare, report, patienceMs)));
    }
    // The number may stay the same: then one is replaced, for membership must change with every step.
    if (processCounts.length === 1) {
      report.problems.push(...(await endOne(running.shift()!, random() < options.killShare, report, patienceMs)));
      startOne();
    }
    report.changes++;
    if (step % 20 === 19) print(`${report.changes} changes, ${report.sent} records`);
  }
  await sending.done;
  report.problems.push(...(await untilLoaded(lab, topic, running, patienceMs)));
  for (const process of running) report.problems.push(...(await endOne(process, false, report, patienceMs)));
  const check = report.sent <= comparableRecords ? checkTable : checkCounts;
  report.problems.push(...(await check(lab.cluster, topic, directory)));
  const audit = await runSluice(['audit', '--warehouse', url, '--brokers', lab.bootstrap, '--deep']);
  if (audit.code !== 0) report.problems.push(`audit ended with ${audit.code}: ${audit.stderr}`);
  report.claims = (await claimsOf(url, topic)).length;
  return report;
}

function loadArgs(topic: string, { loadArgs: more = [] }: ChurnOptions): string[] {
  const fixed = ['--group', topic, '--time-field', 'ts', '--roll-age', '500ms', '--max-dead-letters', '100000000'];
  return [...fixed, '--memory', '128MB', ...more];
}

/** Sends in the background; `done` rejects when a record could not be sent. */
function send(lab: LoadLab, options: ChurnOptions, report: ChurnReport): { isDone: boolean; done: Promise<void> } {
  const random = seededRandom(options.seed + 1);
  const producer = new ProducerClient({ cluster: lab.cluster, lingerMs: 10 });
  const batch = Math.max(1, Math.floor(options.rate / 20));
  const state = { isDone: false, done: Promise.resolve() };
  state.done = (async () => {
    while (report.sent < options.records && !options.signal?.aborted) {
      const startedMs = performance.now();
      for (const record of labRecords({ random, count: batch, from: report.sent })) {
        await producer.send(options.topic, record, { partition: Math.floor(random() * options.partitions) });
      }
      report.sent += batch;
      await sleep(Math.max(0, 50 - (performance.now() - startedMs)));
    }
    await producer.close();
    state.isDone = true;
  })();
  state.done.catch(() => (state.isDone = true));
  return state;
}

/** SIGTERM must end a load with 0, or end it at once while it starts; SIGKILL leaves what the others have to clean up. */
async function endOne(
  process: SluiceProcess,
  isKill: boolean,
  report: ChurnReport,
  patienceMs: number,
): Promise<string[]> {
  if (isKill) report.kills++;
  const { code, stderr } = await process.stop(isKill ? 'SIGKILL' : 'SIGTERM', patienceMs);
  const isTooYoung = code === null && process.child.signalCode === 'SIGTERM';
  return isKill || isTooYoung || code === 0 ? [] : [`a load ended with ${code}: ${stderr}`];
}

/** What is not loaded to the end of the log in time, and what those say who should have; nothing, when all is. */
async function untilLoaded(
  lab: LoadLab,
  topic: string,
  running: readonly SluiceProcess[],
  patienceMs: number,
): Promise<string[]> {
  const partitions = (await lab.cluster.topics({}, [topic]))[0]!.partitions.map(({ partition }) => partition);
  const ends = await lab.cluster.listOffsets(topic, partitions, 'latest', { isolation: 'read_committed' });
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const committed = await lab.cluster.fetchOffsets(topic, null);
    const late = [...ends].filter(
      ([partition, { offset }]) => (committed.find((one) => one.partition === partition)?.offset ?? 0n) < offset,
    );
    if (late.length === 0) return [];
    const isOver =
      performance.now() > deadlineMs || running.every(({ child }) => (child.exitCode ?? child.signalCode) !== null);
    if (isOver) {
      const said = running.map(
        ({ child, stderr }) => `load ${child.pid} (exit code ${child.exitCode}) said:\n${stderr}`,
      );
      return [`partitions ${late.map(([partition]) => partition).join(', ')} are not loaded to their end`, ...said];
    }
    await sleep(200);
  }
}

/** Every claim that the chains of a table have, in the order of each chain. */
export async function claimsOf(url: string, topic: string): Promise<ClaimRecord[]> {
  const files = await openWarehouse(url, { access: 'read' });
  try {
    const claims: ClaimRecord[] = [];
    for (const chain of await listChains(files, topic)) {
      const state = await readChain(files, chain, topic);
      for await (const record of readHistory(files, chain, state)) {
        if (record.kind === 'claim') claims.push(record);
      }
    }
    return claims;
  } finally {
    await files.close();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
