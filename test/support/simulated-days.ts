import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GameEvent, SocialGame } from '../../src/cli/demo/social-game.ts';
import { closeHours, openHourBook } from '../../src/hours/index.ts';
import { describeOffsets, liveFiles } from '../../src/offsets/index.ts';
import { silentLogger } from '../../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { type BrokerProcess, startBrokerProcess } from './broker.ts';
import type { DaysReport, DaysTable } from './days-report.ts';
import { type DaysWarehouse, realHdfs, simulatedHdfs } from './days-warehouse.ts';
import { waitFor } from './peers.ts';
import { reservePorts } from './ports.ts';
import { seededRandom } from './seeded-random.ts';
import { runSluice, SluiceProcess } from './sluice-process.ts';

export interface SimulatedDays {
  seed: number;
  hours: number;
  /** A nightly load after so many hours, and something that breaks in one of so many. */
  nightEvery: number;
  breakEvery: number;
  outages: readonly (typeof outageKinds)[number][];
  eventsPerSecond: number;
  /** `simulated`: an HDFS in this process. */
  hdfs: 'simulated' | 'real';
  print: (line: string) => void;
}

const topic = 'game';
const partitions = 4;
const hourMs = 3_600_000;
const lateEvents = 10;
export const outageKinds = ['loader killed', 'loader frozen', 'broker killed', 'warehouse away'] as const;
const tableNames = ['continuous', 'nightly'] as const;
type TableName = (typeof tableNames)[number];

/**
 * Plays days of the simulated game, hour by hour, as fast as the machine can: a continuous load and a nightly load settle
 * the same topic into two tables, hours are closed as they end, and every few hours something breaks. Some players come
 * back online after every night, and what they send is of hours that are complete.
 */
export class DaysStage {
  readonly #options: SimulatedDays;
  readonly #directory: string;
  readonly #listen: string;
  readonly #warehouse: DaysWarehouse;
  readonly #cluster: KafkaCluster;
  readonly #game: SocialGame;
  readonly #random: () => number;
  readonly #startMs: number;
  readonly #outages: Record<string, number> = {};
  readonly #lags: number[] = [];
  readonly #nightlyOutcomes: Record<string, number> = {};
  /** Some events of each hour, which are sent again as late ones. */
  readonly #samples: GameEvent[][] = [];
  /** Hours that were complete when late records for them were sent. */
  readonly #mustAmend = { continuous: new Set<number>(), nightly: new Set<number>() };
  readonly #files = new Map<TableName, WarehouseFiles>();
  #deck: (typeof outageKinds)[number][] = [];
  #broker: BrokerProcess;
  #load: SluiceProcess | null = null;
  #eventCount = 0;
  #lateCount = 0;
  #nightCount = 0;

  private constructor(
    options: SimulatedDays,
    place: { directory: string; listen: string; broker: BrokerProcess; warehouse: DaysWarehouse },
  ) {
    this.#options = options;
    this.#directory = place.directory;
    this.#listen = place.listen;
    this.#broker = place.broker;
    this.#warehouse = place.warehouse;
    this.#cluster = new KafkaCluster({ brokers: [place.listen], clientId: 'days', logger: silentLogger });
    this.#game = new SocialGame({ seed: options.seed, eventsPerSecond: options.eventsPerSecond });
    this.#random = seededRandom(options.seed);
    this.#startMs = Math.floor(Date.now() / hourMs) * hourMs - (options.hours + 2) * hourMs;
  }

  static async play(options: SimulatedDays): Promise<DaysReport> {
    const directory = mkdtempSync(join(tmpdir(), 'days-'));
    const ports = await reservePorts(1);
    const listen = `127.0.0.1:${ports.first}`;
    const warehouse = options.hdfs === 'real' ? await realHdfs() : await simulatedHdfs(options.seed);
    const broker = await startBrokerProcess(join(directory, 'log'), listen, ['--log-level', 'silent']);
    const stage = new DaysStage(options, { directory, listen, broker, warehouse });
    try {
      return await stage.#play();
    } finally {
      await stage.#close();
      ports.release();
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #play(): Promise<DaysReport> {
    const { hours, nightEvery, breakEvery, print, seed } = this.#options;
    const beganMs = performance.now();
    await this.#cluster.createTopics([{ name: topic, partitions }]);
    const producer = new ProducerClient({ cluster: this.#cluster, acks: 'all', lingerMs: 20, idempotent: true });
    for (const name of tableNames) this.#files.set(name, await openWarehouse(this.#url(name), { access: 'write' }));
    await this.#startLoad();
    for (let hour = 0; hour < hours; hour++) {
      const isBroken = hour % breakEvery === Math.floor(breakEvery / 2);
      const heal = isBroken ? await this.#break() : null;
      await this.#produceHour(producer, hour);
      await this.#noteLag();
      if (heal) await heal();
      await this.#closeHours('continuous');
      if ((hour + 1) % nightEvery !== 0) continue;
      await this.#loadNight();
      await this.#closeHours('nightly');
      await this.#sendLate(producer, hour);
      print(`hour ${hour + 1} of ${hours}: ${this.#eventCount} events, outages ${JSON.stringify(this.#outages)}`);
    }
    await producer.close();
    await this.#untilCaughtUp();
    await this.#load!.stop();
    await this.#loadNight();
    for (const name of tableNames) await this.#closeHours(name);
    const lags = this.#lags.sort((a, b) => a - b);
    return {
      seed,
      events: this.#eventCount,
      hours,
      outages: this.#outages,
      late: {
        events: this.#lateCount,
        continuous: this.#mustAmend.continuous.size,
        nightly: this.#mustAmend.nightly.size,
      },
      lag: { median: lags[Math.floor(lags.length / 2)] ?? 0, largest: lags.at(-1) ?? 0 },
      nightlyOutcomes: this.#nightlyOutcomes,
      seconds: Math.round((performance.now() - beganMs) / 1000),
      continuous: await this.#look('continuous'),
      nightly: await this.#look('nightly'),
    };
  }

  async #close(): Promise<void> {
    this.#load?.child.kill('SIGCONT');
    this.#load?.child.kill('SIGKILL');
    this.#broker.child.kill('SIGKILL');
    await this.#cluster.close();
    for (const files of this.#files.values()) await files.close();
    await this.#warehouse.close();
  }

  #url(name: TableName): string {
    return this.#warehouse.url(`/${name}`);
  }

  #keyOf(hour: number): string {
    return new Date(this.#startMs + hour * hourMs).toISOString().slice(0, 13);
  }

  async #startLoad(): Promise<void> {
    const where = ['--brokers', this.#listen, '--topics', topic, '--warehouse', this.#url('continuous')];
    const how = ['--group', 'continuous', '--time-field', 'ts', '--roll-age', '1s', '--session-timeout', '3s'];
    const args = [...where, ...how, '--scratch', this.#directory, '--http', '127.0.0.1:0', '--log-level', 'silent'];
    this.#load = new SluiceProcess(['load', ...args]);
    await this.#load.waitFor(/^ready http=(\S+)$/m, 120_000);
  }

  async #produceHour(producer: ProducerClient, hour: number): Promise<void> {
    const fromMs = this.#startMs + hour * hourMs;
    const events = this.#game.advance(fromMs, fromMs + hourMs);
    const isOfThisHour = ({ value }: GameEvent): boolean => value.includes(`"ts":"${this.#keyOf(hour)}`);
    this.#samples[hour] = events.filter(isOfThisHour).slice(0, lateEvents);
    for (const event of events) await this.#send(producer, event);
    await producer.flush();
  }

  async #send(producer: ProducerClient, { key, value, deliverMs }: GameEvent): Promise<void> {
    await producer.send(topic, { key, value, timestamp: BigInt(Math.round(deliverMs)) });
    this.#eventCount++;
  }

  /** Players come back online: events of one of the last hours, which the continuous load at least has completed. */
  async #sendLate(producer: ProducerClient, lastHour: number): Promise<void> {
    const hour = lastHour - Math.floor(this.#random() * this.#options.nightEvery);
    await this.#untilCaughtUp();
    await this.#closeHours('continuous');
    for (const name of tableNames) {
      const book = await openHourBook(this.#files.get(name)!, topic);
      const { status } = await book.look(book.times.parse(this.#keyOf(hour)));
      const isComplete = status === 'complete' || status === 'amended';
      if (isComplete) this.#mustAmend[name].add(hour);
      else if (name === 'continuous') throw new Error(`${this.#keyOf(hour)} is ${status}, although all has landed`);
    }
    for (const event of this.#samples[hour]!) {
      await this.#send(producer, { ...event, value: event.value.replace(/"attempt":\d+/, '"attempt":9') });
      this.#lateCount++;
    }
    await producer.flush();
  }

  /** Breaks something, each kind once before any comes again; gives what heals it. */
  async #break(): Promise<() => Promise<void>> {
    if (this.#deck.length === 0) this.#deck = shuffled(this.#options.outages, this.#random);
    const kind = this.#deck.pop()!;
    this.#outages[kind] = (this.#outages[kind] ?? 0) + 1;
    const load = this.#load!;
    switch (kind) {
      case 'loader killed':
        load.child.kill('SIGKILL');
        await load.finished;
        return () => this.#startLoad();
      case 'loader frozen':
        load.child.kill('SIGSTOP');
        return async () => {
          // Longer than its session: it wakes as a zombie, and must find that out.
          await pause(4000);
          load.child.kill('SIGCONT');
        };
      case 'broker killed':
        await this.#broker.end('SIGKILL');
        this.#broker = await startBrokerProcess(join(this.#directory, 'log'), this.#listen, ['--log-level', 'silent']);
        return async () => {};
      case 'warehouse away':
        return await this.#warehouse.breakDown();
    }
  }

  /** Positions that the group shows: known also while the warehouse is away. */
  async #noteLag(): Promise<void> {
    const shown = new Map((await this.#cluster.fetchOffsets('continuous', null)).map((one) => [one.partition, one]));
    const ends = await this.#ends();
    this.#lags.push(ends.reduce((sum, end, partition) => sum + Number(end - (shown.get(partition)?.offset ?? 0n)), 0));
  }

  async #ends(): Promise<bigint[]> {
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const ends = await this.#cluster.listOffsets(topic, all, 'latest', { isolation: 'read_committed' });
    return all.map((partition) => ends.get(partition)!.offset);
  }

  async #untilCaughtUp(): Promise<void> {
    const ends = await this.#ends();
    await waitFor('the continuous load to catch up', 180_000, async () => {
      const chains = await describeOffsets(this.#files.get('continuous')!, { table: topic });
      return ends.every((end, at) => (chains.find(({ partition }) => partition === at)?.state?.next ?? 0n) >= end);
    });
  }

  /** Every other night its process is killed at work, and begun again as the same job: what an orchestrator does. */
  async #loadNight(): Promise<void> {
    const night = ++this.#nightCount;
    const where = ['--brokers', this.#listen, '--topics', topic, '--warehouse', this.#url('nightly')];
    const job = ['jobs', 'run', 'load-window', '--job-id', `night-${night}`, ...where, '--time-field', 'ts', '--json'];
    if (night % 2 === 1) {
      const dying = new SluiceProcess(job);
      const timer = setTimeout(() => dying.child.kill('SIGKILL'), 700 + this.#random() * 2000);
      const { code } = await dying.finished;
      clearTimeout(timer);
      if (code === null) this.#outages['nightly load killed'] = (this.#outages['nightly load killed'] ?? 0) + 1;
    }
    const done = await runSluice(job);
    const outcome = { 0: 'complete', 3: 'partial' }[String(done.code)] ?? `failed: ${done.stderr.slice(0, 300)}`;
    this.#nightlyOutcomes[outcome] = (this.#nightlyOutcomes[outcome] ?? 0) + 1;
  }

  async #closeHours(name: TableName): Promise<void> {
    try {
      await closeHours({ files: this.#files.get(name)!, table: topic, cluster: this.#cluster, latenessMs: 0 });
    } catch (error) {
      // Before the first commit there is no such table.
      if (!(error instanceof Error && /expected a table that has been loaded/.test(error.message))) throw error;
    }
  }

  async #look(name: TableName): Promise<DaysTable> {
    const files = this.#files.get(name)!;
    const book = await openHourBook(files, topic);
    const states: Record<string, number> = {};
    const notAmended: string[] = [];
    for (let hour = 0; hour < this.#options.hours; hour++) {
      const { status } = await book.look(book.times.parse(this.#keyOf(hour)));
      states[status] = (states[status] ?? 0) + 1;
      if (this.#mustAmend[name].has(hour) && status !== 'amended') notAmended.push(`${this.#keyOf(hour)} (${status})`);
    }
    const sizes: number[] = [];
    let rows = 0;
    for await (const file of liveFiles(files, topic)) {
      sizes.push(file.size);
      rows += file.rowCount;
    }
    sizes.sort((a, b) => a - b);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const median = sizes[Math.floor(sizes.length / 2)] ?? 0;
    const bytes = { smallest: sizes[0] ?? 0, median, largest: sizes.at(-1) ?? 0, total };
    return { hours: states, notAmended, rows, files: sizes.length, bytes, auditClean: await this.#isAuditClean(name) };
  }

  async #isAuditClean(name: TableName): Promise<boolean> {
    const audit = await runSluice(['audit', '--deep', '--warehouse', this.#url(name), '--brokers', this.#listen]);
    if (audit.code !== 0) this.#options.print(`${name}: ${audit.stdout}${audit.stderr}`);
    return audit.code === 0;
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const deck = [...items];
  for (let at = deck.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [deck[at], deck[other]] = [deck[other]!, deck[at]!];
  }
  return deck;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
