import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SocialGame } from '../../src/cli/demo/social-game.ts';
import { closeHours, openHourBook } from '../../src/hours/index.ts';
import { liveFiles } from '../../src/offsets/index.ts';
import { silentLogger } from '../../src/shared/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { type BrokerProcess, startBrokerProcess } from './broker.ts';
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
  eventsPerSecond: number;
  print: (line: string) => void;
}

/** What became of one of the two tables. */
export interface DaysTable {
  hours: Record<string, number>;
  rows: number;
  files: number;
  /** Bytes of the smallest file, the one in the middle, and the largest. */
  bytes: { smallest: number; median: number; largest: number; total: number };
  auditClean: boolean;
}

export interface DaysReport {
  seed: number;
  events: number;
  hours: number;
  outages: Record<string, number>;
  /** Records appended and not committed by the continuous load, looked at once an hour. */
  lag: { median: number; largest: number };
  nightlyOutcomes: Record<string, number>;
  continuous: DaysTable;
  nightly: DaysTable;
}

const topic = 'game';
const partitions = 4;
const hourMs = 3_600_000;
const outageKinds = ['loader killed', 'loader frozen', 'broker killed'] as const;

/**
 * Plays days of the simulated game, hour by hour, as fast as the machine can: a continuous load and a nightly load settle
 * the same topic into two warehouses, hours are closed as they end, and every few hours something breaks. Events are
 * delivered late as the game delivers them, so hours that are complete get amended.
 */
export class DaysStage {
  readonly #options: SimulatedDays;
  readonly #directory: string;
  readonly #listen: string;
  readonly #game: SocialGame;
  readonly #random: () => number;
  readonly #outages: Record<string, number> = {};
  readonly #lags: number[] = [];
  readonly #nightlyOutcomes: Record<string, number> = {};
  #broker: BrokerProcess;
  #load: SluiceProcess | null = null;
  #http: string | null = null;
  #eventCount = 0;

  private constructor(options: SimulatedDays, directory: string, listen: string, broker: BrokerProcess) {
    this.#options = options;
    this.#directory = directory;
    this.#listen = listen;
    this.#broker = broker;
    this.#game = new SocialGame({ seed: options.seed, eventsPerSecond: options.eventsPerSecond });
    this.#random = seededRandom(options.seed);
  }

  static async play(options: SimulatedDays): Promise<DaysReport> {
    const directory = mkdtempSync(join(tmpdir(), 'days-'));
    const ports = await reservePorts(1);
    const listen = `127.0.0.1:${ports.first}`;
    const broker = await startBrokerProcess(join(directory, 'log'), listen, ['--log-level', 'silent']);
    const stage = new DaysStage(options, directory, listen, broker);
    try {
      return await stage.#play();
    } finally {
      stage.#load?.child.kill('SIGCONT');
      stage.#load?.child.kill('SIGKILL');
      stage.#broker.child.kill('SIGKILL');
      ports.release();
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #play(): Promise<DaysReport> {
    const { hours, nightEvery, breakEvery, print, seed } = this.#options;
    const startMs = Math.floor(Date.now() / hourMs) * hourMs - (hours + 2) * hourMs;
    const cluster = new KafkaCluster({ brokers: [this.#listen], clientId: 'days', logger: silentLogger });
    await cluster.createTopics([{ name: topic, partitions }]);
    const producer = new ProducerClient({ cluster, acks: 'all', lingerMs: 20, idempotent: true });
    await this.#startLoad();
    for (let hour = 0; hour < hours; hour++) {
      const isBroken = hour % breakEvery === Math.floor(breakEvery / 2);
      const heal = isBroken ? await this.#break() : null;
      await this.#produceHour(producer, startMs + hour * hourMs);
      if (heal) await heal();
      await this.#noteLag();
      await this.#close('continuous', cluster);
      if ((hour + 1) % nightEvery === 0) {
        await this.#loadNight();
        await this.#close('nightly', cluster);
        print(`hour ${hour + 1} of ${hours}: ${this.#eventCount} events, outages ${JSON.stringify(this.#outages)}`);
      }
    }
    await producer.close();
    await this.#caughtUp();
    await this.#load!.stop();
    await this.#loadNight();
    for (const name of ['continuous', 'nightly']) await this.#close(name, cluster);
    await cluster.close();
    const lags = this.#lags.sort((a, b) => a - b);
    return {
      seed,
      events: this.#eventCount,
      hours,
      outages: this.#outages,
      lag: { median: lags[Math.floor(lags.length / 2)] ?? 0, largest: lags.at(-1) ?? 0 },
      nightlyOutcomes: this.#nightlyOutcomes,
      continuous: await this.#look('continuous', startMs, hours),
      nightly: await this.#look('nightly', startMs, hours),
    };
  }

  #url(name: string): string {
    const folder = join(this.#directory, name);
    mkdirSync(folder, { recursive: true });
    return pathToFileURL(folder).href;
  }

  async #startLoad(): Promise<void> {
    const where = ['--brokers', this.#listen, '--topics', topic, '--warehouse', this.#url('continuous')];
    const how = ['--group', 'continuous', '--time-field', 'ts', '--roll-age', '1s', '--session-timeout', '3s'];
    const args = [...where, ...how, '--scratch', this.#directory, '--http', '127.0.0.1:0', '--log-level', 'silent'];
    this.#load = new SluiceProcess(['load', ...args]);
    [, this.#http] = (await this.#load.waitFor(/^ready http=(\S+)$/m, 60_000)) as unknown as [string, string];
  }

  async #produceHour(producer: ProducerClient, fromMs: number): Promise<void> {
    for (const { key, value, deliverMs } of this.#game.advance(fromMs, fromMs + hourMs)) {
      await producer.send(topic, { key, value, timestamp: BigInt(Math.round(deliverMs)) });
      this.#eventCount++;
    }
    await producer.flush();
  }

  /** Breaks something; gives what heals it. */
  async #break(): Promise<() => Promise<void>> {
    const kind = outageKinds[Math.floor(this.#random() * outageKinds.length)]!;
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
    }
  }

  async #partitions(): Promise<{ lag: string | null }[]> {
    try {
      const response = await fetch(`${this.#http}/v1/partitions`, { signal: AbortSignal.timeout(5000) });
      return (await response.json()) as { lag: string | null }[];
    } catch {
      return [];
    }
  }

  async #noteLag(): Promise<void> {
    const shown = await this.#partitions();
    if (shown.length > 0) this.#lags.push(shown.reduce((sum, { lag }) => sum + Number(lag ?? 0), 0));
  }

  async #caughtUp(): Promise<void> {
    await waitFor('the continuous load to catch up', 120_000, async () => {
      const list = await runSluice([
        ...['offsets', 'list', '--warehouse', this.#url('continuous'), '--brokers', this.#listen, '--json'],
      ]);
      if (list.code !== 0) return false;
      const lines = JSON.parse(list.stdout) as { lag: string | null }[];
      return lines.length > 0 && lines.every(({ lag }) => lag === '0');
    });
  }

  async #loadNight(): Promise<void> {
    const where = ['--brokers', this.#listen, '--topics', topic, '--warehouse', this.#url('nightly')];
    const done = await runSluice(['jobs', 'run', 'load-window', ...where, '--time-field', 'ts', '--json']);
    const outcome = { 0: 'complete', 3: 'partial' }[String(done.code)] ?? `failed: ${done.stderr.slice(0, 300)}`;
    this.#nightlyOutcomes[outcome] = (this.#nightlyOutcomes[outcome] ?? 0) + 1;
  }

  async #close(name: string, cluster: KafkaCluster): Promise<void> {
    const files = await openWarehouse(this.#url(name), { access: 'write' });
    try {
      await closeHours({ files, table: topic, cluster, latenessMs: 0 });
    } catch (error) {
      // Before the first commit there is no such table.
      if (!(error instanceof Error && /expected a table that has been loaded/.test(error.message))) throw error;
    } finally {
      await files.close();
    }
  }

  async #look(name: string, startMs: number, hours: number): Promise<DaysTable> {
    const files = await openWarehouse(this.#url(name), { access: 'read' });
    try {
      const book = await openHourBook(files, topic);
      const states: Record<string, number> = {};
      for (let hour = 0; hour < hours; hour++) {
        const key = new Date(startMs + hour * hourMs).toISOString().slice(0, 13);
        const { status } = await book.look(book.times.parse(key));
        states[status] = (states[status] ?? 0) + 1;
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
      return { hours: states, rows, files: sizes.length, bytes, auditClean: await this.#isAuditClean(name) };
    } finally {
      await files.close();
    }
  }

  async #isAuditClean(name: string): Promise<boolean> {
    const audit = await runSluice(['audit', '--deep', '--warehouse', this.#url(name), '--brokers', this.#listen]);
    if (audit.code !== 0) this.#options.print(`${name}: ${audit.stdout}${audit.stderr}`);
    return audit.code === 0;
  }
}

/** What was promised and does not hold, in words; empty when all of it does. */
export function brokenPromises(report: DaysReport): string[] {
  const broken: string[] = [];
  for (const name of ['continuous', 'nightly'] as const) {
    const { hours, rows, auditClean } = report[name];
    const ready = (hours['complete'] ?? 0) + (hours['amended'] ?? 0);
    if (ready !== report.hours)
      broken.push(`${name}: ${report.hours - ready} hours are not complete: ${JSON.stringify(hours)}`);
    if (rows !== report.events) broken.push(`${name}: ${rows} rows of ${report.events} events`);
    if (!auditClean) broken.push(`${name}: the audit found differences`);
  }
  const failed = Object.keys(report.nightlyOutcomes).filter((outcome) => outcome !== 'complete');
  return [...broken, ...failed.map((outcome) => `a nightly load ended ${outcome}`)];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
