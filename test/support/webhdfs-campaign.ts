import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailedUploads } from '../../src/loader/failed-uploads.ts';
import { uploadToStaging } from '../../src/loader/staged-upload.ts';
import { waitOut } from '../../src/loader/wait-out.ts';
import { FencedError, LedgerError, PartitionChain } from '../../src/offsets/index.ts';
import { describeError, SluiceError, silentLogger, systemClock } from '../../src/shared/index.ts';
import { openWarehouse, TablePaths, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { seededRandom } from './seeded-random.ts';
import { WebHdfsFaultServer } from './webhdfs-fault-server.ts';
import type { WebHdfsFaultKind } from './webhdfs-faults.ts';

export interface FaultCampaignReport {
  seed: number;
  faults: number;
  byKind: Record<string, number>;
  failovers: number;
  claims: number;
  fenced: number;
  commits: number;
  offsets: number;
  problems: string[];
}

const table = 'events';
const topicId = 'cd'.repeat(16);
const partitionCount = 4;
const ownersAtOnce = 2;
const rowsPerFile = 10;

/** Each fault hits this share of the requests that it can hit. */
const rates: Partial<Record<WebHdfsFaultKind, number>> = {
  ...{ standby: 0.01, retriable: 0.01, 'safe-mode': 0.02, quota: 0.02, 'no-datanode': 0.01, 'no-block': 0.03 },
  ...{
    reset: 0.015,
    'lost-answer': 0.02,
    late: 0.015,
    'dead-datanode': 0.01,
    cut: 0.03,
    'error-page': 0.01,
    slow: 0.01,
  },
  ...{ stall: 0.002, 'lost-stall': 0.002 },
};

/**
 * Loads through a WebHDFS that fails at random until `faultCount` faults have happened: the real client, the real staged
 * uploads and the real chains, with two owners fighting for every partition. Then all is well again, the chains are claimed
 * a last time, and what lies in the visible folders must be every offset up to each checkpoint, once.
 */
export async function runFaultCampaign(options: {
  seed: number;
  faultCount: number;
  /** Like an HttpFS of old: renames answer with a boolean, files have no ids. */
  isHttpFs?: boolean;
}): Promise<FaultCampaignReport> {
  const { seed, faultCount, isHttpFs = false } = options;
  const server = await WebHdfsFaultServer.start({ seed, nameNodes: 2 });
  server.isHttpFs = isHttpFs;
  const world = new CampaignWorld(server, seed, faultCount);
  try {
    await world.run();
    const { claims, fenced, commits, failovers } = world;
    const problems = [...world.problems, ...(await world.check())];
    const byKind = Object.fromEntries(server.faults.counts);
    return { seed, faults: world.faults, byKind, failovers, claims, fenced, commits, offsets: world.offsets, problems };
  } finally {
    await world.close();
    await server.stop();
  }
}

class CampaignWorld {
  claims = 0;
  fenced = 0;
  commits = 0;
  failovers = 0;
  offsets = 0;
  readonly problems: string[] = [];
  readonly #server: WebHdfsFaultServer;
  readonly #faultCount: number;
  readonly #random: () => number;
  readonly #opened: WarehouseFiles[] = [];
  readonly #scratch = join(tmpdir(), `webhdfs-campaign-${process.pid}-${Math.random().toString(36).slice(2)}`);
  /** What each owner was told to be committed: the offsets up to `next` of that partition. */
  readonly #acknowledged = new Array<bigint>(partitionCount).fill(0n);
  #generation = 0;

  constructor(server: WebHdfsFaultServer, seed: number, faultCount: number) {
    this.#server = server;
    this.#faultCount = faultCount;
    this.#random = seededRandom(seed ^ 0x5eed);
  }

  get faults(): number {
    return [...this.#server.faults.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  get #isOver(): boolean {
    return this.problems.length > 0 || this.faults >= this.#faultCount;
  }

  async run(): Promise<void> {
    const owners: Promise<void>[] = [];
    for (let partition = 0; partition < partitionCount; partition++) {
      for (let n = 0; n < ownersAtOnce; n++) owners.push(this.#own(partition, await this.#connect()));
    }
    this.#server.faults.rates = rates;
    const disturbing = this.#failOver();
    await Promise.all(owners);
    await disturbing;
    this.#server.faults.rates = {};
    await this.#server.settled();
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((files) => files.close()));
    rmSync(this.#scratch, { force: true });
  }

  async #connect(): Promise<WarehouseFiles> {
    const files = await openWarehouse(this.#server.url('/wh'), {
      user: 'sluice',
      retry: { firstDelayMs: 1, maxDelayMs: 20, giveUpAfterMs: 30_000, alarmEveryMs: 60_000 },
      timeouts: { connectMs: 2_000, idleMs: 800, totalMs: 4_000, continueMs: 50, refusalMs: 5 },
    });
    this.#opened.push(files);
    return files;
  }

  /** The other NameNode takes over now and then. */
  async #failOver(): Promise<void> {
    while (!this.#isOver) {
      await systemClock.sleep(100 + this.#random() * 400);
      this.#server.activeNameNode = 1 - this.#server.activeNameNode;
      this.failovers++;
    }
  }

  /** Claims and commits until it is fenced or the campaign is over; then another incarnation does. */
  async #own(partition: number, files: WarehouseFiles): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#incarnation(partition, files);
      } catch (error) {
        if (error instanceof FencedError || (error instanceof LedgerError && error.isRetriable)) this.fenced++;
        else if (!(error instanceof SluiceError)) throw error;
        else if (error instanceof LedgerError)
          return void this.problems.push(`partition ${partition}: ${describeError(error)}`);
        await systemClock.sleep(this.#random() * 100);
      }
    }
  }

  async #incarnation(partition: number, files: WarehouseFiles): Promise<void> {
    const generation = ++this.#generation;
    const owner = { clusterId: 'c', group: 'g', member: `m${generation}`, generation, host: 'h' };
    const chain = await PartitionChain.open(
      files,
      { table, topic: table, topicId, partition },
      { eraRecords: 8, retryMs: 5 },
    );
    await chain.claim(owner, { startOffset: 0n, confirmMembership: async () => true });
    this.claims++;
    for (let rolls = 1 + Math.floor(this.#random() * 8); rolls > 0 && !this.#isOver; rolls--) {
      await this.#roll(partition, files, chain);
    }
  }

  /** As `commitRoll` does it, of rows that are their own offsets. */
  async #roll(partition: number, files: WarehouseFiles, chain: PartitionChain): Promise<void> {
    const signal = AbortSignal.timeout(60_000);
    const failed = new FailedUploads();
    const context = {
      files,
      stagingFolder: chain.stagingFolder,
      failed,
      clock: systemClock,
      logger: silentLogger,
      signal,
    };
    const first = chain.checkpoint!;
    const next = first + BigInt(rowsPerFile);
    const sequence = chain.nextSequence;
    const content = Buffer.from(Array.from({ length: rowsPerFile }, (_, n) => `${first + BigInt(n)}\n`).join(''));
    const localPath = `${this.#scratch}-${partition}-${chain.state.holder!.claimSequence}-${first}`;
    writeFileSync(localPath, content);
    try {
      const staged = await uploadToStaging({ localPath, size: content.length, kind: 'jsonl' }, context);
      const root = `${new TablePaths(table).root}/`;
      const path = `dt=2026-11-21/part+${partition}+${first}+${next - 1n}+${sequence}.jsonl`;
      const times = { minTimeMs: 1n, maxTimeMs: 2n, contentHash: '0'.repeat(32), schemaId: 1 };
      const file = {
        staged: staged.slice(root.length),
        path,
        size: content.length,
        firstOffset: first,
        lastOffset: next - 1n,
        rowCount: rowsPerFile,
        ...times,
      };
      const notLanded = { dead: [], filtered: [], control: [], gaps: [] };
      const facts = {
        deadLetters: null,
        notLanded,
        landedCount: BigInt(rowsPerFile),
        cause: 'bytes',
        leaderEpoch: 0,
      } as const;
      await waitOut('commit', context, () => chain.commit({ first, next, files: [file], ...facts }, { signal }));
      this.commits++;
      if (next > this.#acknowledged[partition]!) this.#acknowledged[partition] = next;
      await waitOut('moves', context, () => chain.finishMoves({ signal }));
      await chain.turnEraIfDue({ signal });
    } finally {
      rmSync(localPath, { force: true });
    }
  }

  /** What is not as it must be. Reads the tree of the server itself, not through the client. */
  async check(): Promise<string[]> {
    const problems: string[] = [];
    const files = await this.#connect();
    for (let partition = 0; partition < partitionCount; partition++) {
      const chain = await PartitionChain.open(files, { table, topic: table, topicId, partition });
      const owner = { clusterId: 'c', group: 'g', member: 'last', generation: ++this.#generation, host: 'h' };
      await chain.claim(owner, { startOffset: 0n, confirmMembership: async () => true });
      const { next } = chain.state;
      this.offsets += Number(next);
      const found = this.#visibleRows().get(partition) ?? [];
      const expected = Array.from({ length: Number(next) }, (_, n) => n);
      if (next! < this.#acknowledged[partition]!)
        problems.push(`partition ${partition}: told ${this.#acknowledged[partition]}, checkpoint ${next}`);
      const sorted = [...found].sort((a, b) => a - b);
      const wrong = expected.findIndex((offset, i) => sorted[i] !== offset);
      if (wrong >= 0 || sorted.length !== expected.length) {
        problems.push(
          `partition ${partition}: ${sorted.length} rows of ${expected.length}, first difference at ${wrong}`,
        );
      }
    }
    return problems;
  }

  #visibleRows(): Map<number, number[]> {
    const rows = new Map<number, number[]>();
    for (const path of this.#server.tree.files(`/wh/${table}/dt=2026-11-21`)) {
      const partition = Number(/\/part\+(\d+)\+/.exec(path)?.[1]);
      const offsets = this.#server.read(path)!.toString().trimEnd().split('\n').map(Number);
      rows.set(partition, [...(rows.get(partition) ?? []), ...offsets]);
    }
    return rows;
  }
}
