/**
 * SIGKILLs a broker under load, again and again, and looks after each restart whether it has kept its word:
 * - every acknowledged record is at its acknowledged offset with its bytes; offsets are dense;
 * - what an idempotent producer sent, and sent again after the kill, is there exactly once;
 * - what a reader was shown has not changed;
 * - committed group offsets are not older than the last acknowledged commit, nor newer than the last one sent.
 *
 *   node --import tsx test/campaign/broker-kill.ts [--seed N] [--count 50]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  CreateTopicsRequestSchema,
  CreateTopicsResponseSchema,
  OffsetFetchRequestSchema,
  OffsetFetchResponseSchema,
} from '../../src/wire/index.ts';
import { type BrokerProcess, startBrokerProcess } from '../support/broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Committer, fetchFrom, loadTopic, PartitionTruth, Producer, Reader, readRecords } from './broker-load.ts';

export interface BrokerKillOptions {
  readonly seed: number;
  readonly count: number;
  readonly print: (line: string) => void;
}

export interface BrokerKillReport {
  readonly kills: number;
  readonly acknowledgedRecords: number;
  readonly idempotentRecords: number;
  readonly shownRecords: number;
  readonly acknowledgedCommits: number;
  readonly slowestRestartMs: number;
}

const partitionCount = 4;

/** Places in the log where a broker may kill itself instead of being killed at a random time. */
const faultPoints = ['log.before-write', 'log.after-write', 'log.after-sync', 'log.mid-roll'];

/** Throws with the seed when the broker has broken its word. */
export async function killBrokerUnderLoad(options: BrokerKillOptions): Promise<BrokerKillReport> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'broker-kill-'));
  try {
    const report = await new BrokerKillCampaign(options, dataDirectory).run();
    rmSync(dataDirectory, { recursive: true, force: true });
    return report;
  } catch (error) {
    throw new Error(`seed ${options.seed}; the data are in ${dataDirectory}`, { cause: error });
  }
}

class BrokerKillCampaign {
  readonly #options: BrokerKillOptions;
  readonly #dataDirectory: string;
  readonly #random: () => number;
  readonly #truths = Array.from({ length: partitionCount }, () => new PartitionTruth());
  readonly #producers: Producer[];
  readonly #readers = this.#truths.map((truth, partition) => new Reader(partition, truth));
  readonly #committers = ['committer-a', 'committer-b', 'committer-c'].map((groupId) => new Committer(groupId));
  #listen = '127.0.0.1:0';
  #slowestRestartMs = 0;

  constructor(options: BrokerKillOptions, dataDirectory: string) {
    this.#options = options;
    this.#dataDirectory = dataDirectory;
    this.#random = seededRandom(options.seed);
    this.#producers = this.#truths.flatMap((truth, partition) => [
      new Producer(`plain-${partition}`, partition, truth, false, this.#random),
      new Producer(`idempotent-${partition}`, partition, truth, true, this.#random),
    ]);
  }

  async run(): Promise<BrokerKillReport> {
    const { count, print } = this.#options;
    for (let kill = 1; kill <= count; kill++) {
      const how = await this.#round();
      print(`kill ${kill}/${count} ${how}: ${this.#acknowledgedCount()} records acknowledged so far`);
    }
    await this.#lastLook();
    return {
      kills: count,
      acknowledgedRecords: this.#acknowledgedCount(),
      idempotentRecords: this.#truths.reduce((sum, truth) => sum + truth.onceOnly.size, 0),
      shownRecords: this.#truths.reduce((sum, truth) => sum + truth.shown.size, 0),
      acknowledgedCommits: Number(this.#committers.reduce((sum, committer) => sum + committer.acknowledged, 0n)),
      slowestRestartMs: Math.round(this.#slowestRestartMs),
    };
  }

  #acknowledgedCount(): number {
    return this.#truths.reduce((sum, truth) => sum + truth.acknowledged.size, 0);
  }

  /** Start, check what the kill before has left, load, kill. Answers how it was killed. */
  async #round(): Promise<string> {
    const delayMs = 50 + Math.floor(this.#random() * 1_450);
    const fault = this.#random() < 0.4 && !this.#listen.endsWith(':0') ? this.#fault() : '';
    const broker = await this.#start(fault);
    try {
      await this.#check(this.#address());
      const load = this.#load();
      const timer = setTimeout(() => broker.child.kill('SIGKILL'), delayMs);
      await broker.ended;
      const isByItself = !broker.child.killed;
      clearTimeout(timer);
      await load;
      return isByItself ? `at ${fault}` : `after ${delayMs} ms`;
    } finally {
      await broker.end('SIGKILL');
    }
  }

  #fault(): string {
    const point = faultPoints[Math.floor(this.#random() * faultPoints.length)]!;
    const occurrences = point === 'log.mid-roll' ? 4 : 300;
    return `${point}#${1 + Math.floor(this.#random() * occurrences)}=kill`;
  }

  async #start(fault = ''): Promise<BrokerProcess> {
    const startedMs = performance.now();
    const isFirst = this.#listen.endsWith(':0');
    const args = ['--segment-bytes', '512KB', '--log-level', 'warn'];
    const broker = await startBrokerProcess(this.#dataDirectory, this.#listen, args, { SLUICE_FAULT: fault });
    if (!isFirst) this.#slowestRestartMs = Math.max(this.#slowestRestartMs, performance.now() - startedMs);
    this.#listen = broker.bootstrap;
    if (isFirst) await createTopic(this.#address());
    return broker;
  }

  #address(): { host: string; port: number } {
    const [host, port] = this.#listen.split(':');
    return { host: host!, port: Number(port) };
  }

  /** Everybody works until the broker is gone; an error while it is still there is a failure. */
  async #load(signal = new AbortController().signal): Promise<void> {
    const workers = [...this.#producers, ...this.#readers, ...this.#committers];
    const ends = await Promise.allSettled(workers.map((worker) => worker.run(this.#address(), signal)));
    for (const end of ends) if (end.status === 'rejected' && !isConnectionLoss(end.reason)) throw end.reason;
  }

  /** A quiet round: idempotent producers send again what was open, and everything is read from the start. */
  async #lastLook(): Promise<void> {
    const broker = await this.#start();
    try {
      await this.#load(AbortSignal.timeout(500));
      await this.#check(this.#address());
      this.#options.print(`whole log checked; the slowest restart took ${Math.round(this.#slowestRestartMs)} ms`);
    } finally {
      const how = await broker.end('SIGTERM');
      if (how !== 0) this.#options.print(`the broker ended with ${how} after SIGTERM`);
    }
  }

  async #check(address: { host: string; port: number }): Promise<void> {
    const client = await RawClient.open(address);
    for (const [partition, truth] of this.#truths.entries()) await checkPartition(client, partition, truth);
    for (const committer of this.#committers) await checkCommits(client, committer);
    client.close();
  }
}

async function createTopic(address: { host: string; port: number }): Promise<void> {
  const client = await RawClient.open(address);
  await client.request(CreateTopicsRequestSchema, CreateTopicsResponseSchema, 5, {
    topics: [{ name: loadTopic, numPartitions: partitionCount, replicationFactor: 1 }],
    timeoutMs: 10_000,
  });
  client.close();
}

/** Reads the whole partition and compares it with all that is known of it. */
async function checkPartition(client: RawClient, partition: number, truth: PartitionTruth): Promise<void> {
  const values: string[] = [];
  for (;;) {
    const records = await fetchFrom(client, partition, BigInt(values.length), 0);
    if (records.length === 0) break;
    for (const { offset, value } of readRecords(records)) {
      if (offset < BigInt(values.length)) continue;
      if (offset !== BigInt(values.length))
        throw new Error(`partition ${partition}: expected offset ${values.length}, got ${offset}`);
      values.push(value);
    }
  }
  for (const [kind, expected] of [
    ['acknowledged', truth.acknowledged],
    ['shown', truth.shown],
  ] as const) {
    for (const [offset, value] of expected) {
      if (values[offset] === value) continue;
      throw new Error(
        `partition ${partition}: ${kind} at ${offset} was "${value.slice(0, 40)}", found "${values[offset]?.slice(0, 40)}"`,
      );
    }
  }
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const value of truth.onceOnly) {
    if (counts.get(value) !== 1)
      throw new Error(`partition ${partition}: "${value.slice(0, 40)}" is there ${counts.get(value) ?? 0} times`);
  }
  for (const [value, count] of counts) {
    if (count > 1) throw new Error(`partition ${partition}: "${value.slice(0, 40)}" is there ${count} times`);
  }
}

async function checkCommits(client: RawClient, committer: Committer): Promise<void> {
  const { groups } = await client.request(OffsetFetchRequestSchema, OffsetFetchResponseSchema, 8, {
    groups: [{ groupId: committer.groupId, topics: [{ name: loadTopic, partitionIndexes: [0] }] }],
  });
  const found = groups[0]!.topics[0]!.partitions[0]!.committedOffset;
  const isUntouched = committer.acknowledged === 0n && found === -1n;
  if (isUntouched || (found >= committer.acknowledged && found <= committer.sent)) return;
  throw new Error(
    `${committer.groupId}: acknowledged ${committer.acknowledged}, sent ${committer.sent}, found ${found}`,
  );
}

function isConnectionLoss(error: unknown): boolean {
  const { message, code } = error as NodeJS.ErrnoException;
  return message === 'the broker closed the connection' || code === 'ECONNREFUSED' || code === 'ECONNRESET';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string' } } });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  print(`seed ${seed}`);
  print(JSON.stringify(await killBrokerUnderLoad({ seed, count: Number(values.count ?? 50), print })));
}
