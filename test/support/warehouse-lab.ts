import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOffsets } from '../../src/offsets/index.ts';
import { BadInputError, silentLogger } from '../../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { compareActivity, sameRows, writeEvents } from './activity-events.ts';
import { dumpTopic, SteadyProducer } from './kcat.ts';
import { type Lake, openLake } from './lake.ts';
import { kafkaTool, type PeerHdfs, type PeerHdfsOptions, startHdfs, waitFor } from './peers.ts';
import { runSluice, SluiceProcess, withoutProgress } from './sluice-process.ts';

/** What `sluice load --json` prints, as far as the tests look at it. */
export interface LoadSummary {
  outcome: string;
  rowCount: string;
  deadLetterCount: string;
  fileCount: number;
  elapsedMs: number;
  rowsPerSecond: number;
  partitions: { partition: number; checkpoint: string; endOffset: string | null; landedCount: string }[];
}

/** A partition as `sluice audit --json` prints it. */
export interface AuditedPartition {
  topic: string;
  partition: number;
  first: string;
  next: string;
  landed: string;
  dead: string;
  control: string;
  missing: string[];
  double: string[];
}

/** A partition as `sluice offsets list --json` prints it. */
export interface ListedOffsets {
  topic: string;
  partition: number;
  checkpoint: string | null;
  logEnd: string | null;
  lag: string | null;
  owner: string | null;
}

/** How far a group is in a partition, as decimal strings. */
export interface GroupPosition {
  partition: number;
  position: string;
  end: string;
  lag: string;
}

export const activityPartitions = 8;

/** A real HDFS, a Kafka cluster (our broker as a process, or one that runs already), and the CLI against both. */
export class WarehouseLab {
  readonly hdfs: PeerHdfs;
  readonly bootstrap: string;
  readonly folder: string;
  readonly lake: Lake;
  readonly cluster: KafkaCluster;
  readonly #broker: SluiceProcess | null;
  readonly #loads: SluiceProcess[] = [];
  readonly #producers: SteadyProducer[] = [];
  #files: WarehouseFiles | null = null;
  #copyCount = 0;

  private constructor(parts: {
    hdfs: PeerHdfs;
    bootstrap: string;
    folder: string;
    lake: Lake;
    broker: SluiceProcess | null;
  }) {
    this.hdfs = parts.hdfs;
    this.bootstrap = parts.bootstrap;
    this.folder = parts.folder;
    this.lake = parts.lake;
    this.#broker = parts.broker;
    this.cluster = new KafkaCluster({ brokers: [parts.bootstrap], clientId: 'warehouse-lab', logger: silentLogger });
  }

  /** @param options.bootstrap a cluster that runs already; left out: a broker of ours is started */
  static async open(options: { hdfs?: PeerHdfsOptions; bootstrap?: string } = {}): Promise<WarehouseLab> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-warehouse-lab-'));
    const hdfs = await startHdfs(options.hdfs);
    const broker = options.bootstrap === undefined ? startBroker(join(folder, 'log')) : null;
    const bootstrap = options.bootstrap ?? (await broker!.waitFor(/^ready kafka=(\S+)/m))[1]!;
    return new WarehouseLab({ hdfs, bootstrap, folder, lake: await openLake(), broker });
  }

  async close(): Promise<void> {
    for (const producer of this.#producers) producer.kill();
    for (const load of this.#loads) {
      load.child.kill('SIGCONT');
      load.child.kill('SIGKILL');
    }
    await Promise.all(this.#loads.map((load) => load.finished));
    await this.#files?.close();
    await this.cluster.close();
    await this.#broker?.stop();
    await this.lake.close();
    await this.hdfs.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async createTopic(name: string, partitions = activityPartitions): Promise<void> {
    await this.cluster.createTopics([{ name, partitions }]);
  }

  /** A file of the first `count` of as many activity events as fill a whole day, all of them when left out. */
  async events(count: number, ofDay = count): Promise<string> {
    const file = join(this.folder, `events-${count}-of-${ofDay}.tsv`);
    await writeEvents(file, ofDay);
    if (count < ofDay) {
      const lines = readFileSync(file, 'utf8').split('\n');
      writeFileSync(file, `${lines.slice(0, count).join('\n')}\n`);
    }
    return file;
  }

  /** Sends the lines of a file of events at a steady rate, for as long as a test disturbs what comes behind. */
  produce(topic: string, eventsFile: string, linesPerSecond: number): SteadyProducer {
    const lines = readFileSync(eventsFile, 'utf8').trimEnd().split('\n');
    const producer = new SteadyProducer({ bootstrap: this.bootstrap, topic, lines, linesPerSecond });
    this.#producers.push(producer);
    return producer;
  }

  /** `sluice load` of one topic, on its own. */
  startLoad(topic: string, args: readonly string[], options: { fault?: string } = {}): SluiceProcess {
    const common = ['--brokers', this.bootstrap, '--topics', topic, '--warehouse', this.hdfs.url('/warehouse')];
    const env = options.fault === undefined ? {} : { SLUICE_FAULT: options.fault };
    const load = new SluiceProcess(['load', ...common, '--scratch', this.folder, ...args], { env });
    this.#loads.push(load);
    return load;
  }

  /** A bounded load that must succeed. */
  async load(topic: string, ...args: string[]): Promise<LoadSummary> {
    const { code, stdout, stderr } = await this.startLoad(topic, ['--until-end', '--json', ...args]).finished;
    if (code !== 0) throw new Error(`sluice load ended with ${code}:\n${stdout}\n${stderr}`);
    return JSON.parse(stdout) as LoadSummary;
  }

  /** `sluice audit --json`: its exit code, whether it says ok, the partitions of the topic, and what it says in words. */
  async audit(
    topic: string,
    ...args: string[]
  ): Promise<{ code: number | null; ok: boolean; partitions: AuditedPartition[]; problems: string }> {
    const url = this.hdfs.url('/warehouse');
    const { code, stdout, stderr } = await runSluice([
      'audit',
      '--warehouse',
      url,
      '--table',
      topic,
      '--json',
      ...['--brokers', this.bootstrap, ...args],
      ...(args.includes('--deep') ? [] : ['--no-records']),
    ]);
    if (stdout === '') throw new Error(`sluice audit ended with ${code}:\n${stderr}`);
    const { ok, partitions } = JSON.parse(stdout) as { ok: boolean; partitions: AuditedPartition[] };
    const problems = withoutProgress(stderr);
    return { code, ok, partitions: partitions.filter((one) => one.topic === topic), problems };
  }

  /** `sluice offsets list --json` of a topic, by partition. */
  async offsets(topic: string): Promise<ListedOffsets[]> {
    const url = this.hdfs.url('/warehouse');
    const { code, stdout, stderr } = await runSluice([
      'offsets',
      'list',
      ...['--warehouse', url, '--table', topic, '--brokers', this.bootstrap, '--json'],
    ]);
    if (code !== 0) throw new Error(`sluice offsets list ended with ${code}:\n${stderr}`);
    return (JSON.parse(stdout) as ListedOffsets[]).filter((one) => one.topic === topic);
  }

  /** How many partitions of a topic a process owns at present, by the ledger. */
  async ownedBy(topic: string, load: SluiceProcess): Promise<number> {
    try {
      this.#files ??= await openWarehouse(this.hdfs.url('/warehouse'), { access: 'read' });
    } catch (error) {
      if (error instanceof BadInputError) return 0; // the first load has not made the folder yet
      throw error;
    }
    const partitions = await describeOffsets(this.#files, { table: topic });
    return partitions.filter(({ state }) => state?.holder?.owner.host.split(':')[1] === String(load.child.pid)).length;
  }

  async untilOwned(topic: string, load: SluiceProcess, count: number): Promise<void> {
    let found = 0;
    try {
      await waitFor('ownership', 180_000, async () => {
        found = await this.ownedBy(topic, load);
        return found === count;
      });
    } catch (error) {
      const said = `${load.stdout}\n${load.stderr}`;
      throw new Error(
        `expected the process to own ${count} partitions of ${topic}, found ${found}; it said:\n${said}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Sum of the positions that the loaders show in their group: known also while the warehouse cannot be asked. */
  async committed(topic: string, group = 'sluice-loader'): Promise<bigint> {
    const offsets = await this.cluster.fetchOffsets(group, null);
    return offsets.filter((one) => one.topic === topic).reduce((sum, { offset }) => sum + offset, 0n);
  }

  /** Sum of the ends of a topic's partitions. */
  async logEnd(topic: string): Promise<bigint> {
    const [found] = await this.cluster.topics({}, [topic]);
    const partitions = found!.partitions.map(({ partition }) => partition);
    const ends = await this.cluster.listOffsets(topic, partitions, 'latest', { isolation: 'read_committed' });
    return [...ends.values()].reduce((sum, { offset }) => sum + offset, 0n);
  }

  /** Resolves when the load has committed up to the end that the topic has now. */
  async untilCaughtUp(topic: string, load: SluiceProcess, options: { group?: string } = {}): Promise<void> {
    const end = await this.logEnd(topic);
    await this.#untilCommitted(topic, end, options.group, load);
  }

  /** Resolves when something has been committed that was not when this was called. */
  async untilCommittedSince(topic: string, load: SluiceProcess, options: { group?: string } = {}): Promise<void> {
    await this.#untilCommitted(topic, (await this.committed(topic, options.group)) + 1n, options.group, load);
  }

  async #untilCommitted(topic: string, count: bigint, group: string | undefined, load: SluiceProcess): Promise<void> {
    try {
      await waitFor(`${count} records of ${topic} to be loaded`, 180_000, async () => {
        if (load.child.exitCode !== null) throw new Error('the load ended');
        return (await this.committed(topic, group)) >= count;
      });
    } catch (error) {
      throw new Error(`${error} (at ${await this.committed(topic, group)}); the load said:\n${load.stderr}`);
    }
  }

  /** How far a group is in a topic, as Apache Kafka's own tool shows it, by partition. */
  async kafkaGroup(group: string, topic: string): Promise<GroupPosition[]> {
    const args = ['--bootstrap-server', this.bootstrap, '--describe', '--group', group, '--offsets'];
    const lines = (await kafkaTool('consumer-groups', args)).split('\n').map((line) => line.trim().split(/\s+/));
    return lines
      .filter((cells) => cells[0] === group && cells[1] === topic)
      .map(([, , partition, position, end, lag]) => {
        return { partition: Number(partition), position: position!, end: end!, lag: lag! };
      })
      .sort((a, b) => a.partition - b.partition);
  }

  /** The same, as the ledger has it. */
  async ledgerAsGroup(topic: string): Promise<GroupPosition[]> {
    return (await this.offsets(topic)).map(({ partition, checkpoint, logEnd, lag }) => {
      return { partition, position: checkpoint!, end: logEnd!, lag: lag! };
    });
  }

  /** A local copy of a table, made by Hadoop's own tool. */
  async copyTable(topic: string): Promise<string> {
    const target = join(this.folder, `copy-${this.#copyCount++}`);
    await this.hdfs.dfs('-get', `/warehouse/${topic}`, target);
    return target;
  }

  /** All committed records of a topic, as kcat reads them. */
  async dumpLog(topic: string): Promise<string> {
    const file = join(this.folder, `${topic}.log.tsv`);
    await dumpTopic(this.bootstrap, topic, file);
    return file;
  }

  /**
   * What is wrong with a table that should hold all of its topic's log, `records` activity events, exactly once: row for row against
   * what kcat reads, and by `sluice audit --deep --brokers`. Nothing, when all is well.
   */
  async problems(topic: string, records: number): Promise<unknown[]> {
    const difference = await compareActivity(this.lake, await this.dumpLog(topic), await this.copyTable(topic));
    const { code, partitions, problems } = await this.audit(topic, '--deep');
    const landed = partitions.reduce((sum, partition) => sum + Number(partition.landed), 0);
    return [
      ...(JSON.stringify(difference) === JSON.stringify(sameRows(records)) ? [] : [difference]),
      ...(code === 0 ? [] : [`sluice audit ended with ${code}: ${problems}`]),
      ...(landed === records ? [] : [`sluice audit counts ${landed} rows`]),
    ];
  }
}

function startBroker(data: string): SluiceProcess {
  const listen = ['--listen', '127.0.0.1:0', '--default-partitions', String(activityPartitions)];
  return new SluiceProcess([
    'broker',
    '--data',
    data,
    ...listen,
    '--group-initial-delay',
    '500ms',
    '--log-level',
    'warn',
  ]);
}
