import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { createLogger, silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { apiKeys, encodeBatch, type ProducerRecord } from '../../src/wire/index.ts';
import { startTestBroker, type TestBroker } from './broker.ts';
import { SluiceProcess } from './sluice-process.ts';

/** Session timeout of the lab's loads: short, so that a killed member is soon forgotten, but long enough for a busy machine. */
export const labSessionTimeout = '3s';

/** A broker, a folder for warehouses, and loads as processes of the built CLI: what tests of the loader need. */
export class LoadLab {
  readonly directory: string;
  readonly broker: TestBroker;
  readonly cluster: KafkaCluster;
  readonly #processes: SluiceProcess[] = [];

  private constructor(directory: string, broker: TestBroker) {
    this.directory = directory;
    this.broker = broker;
    this.cluster = new KafkaCluster({ brokers: [broker.bootstrap], clientId: 'lab', logger: silentLogger });
  }

  static async open(config: { maxPartitions?: number } = {}): Promise<LoadLab> {
    const directory = mkdtempSync(join(tmpdir(), 'loader-lab-'));
    const options = { dataDirectory: join(directory, 'log'), logger: createLogger('error', { part: 'lab-broker' }) };
    return new LoadLab(
      directory,
      await startTestBroker({ ...config, groups: { initialRebalanceDelayMs: 0 } }, options),
    );
  }

  get bootstrap(): string {
    return this.broker.bootstrap;
  }

  async close(): Promise<void> {
    for (const process of this.#processes) {
      process.child.kill('SIGCONT');
      process.child.kill('SIGKILL');
    }
    await Promise.all(this.#processes.map((process) => process.finished));
    await this.cluster.close();
    await this.broker.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A fresh local warehouse: its folder and its URL. */
  warehouse(name: string): { directory: string; url: string } {
    const directory = join(this.directory, name);
    return { directory, url: pathToFileURL(directory).href };
  }

  async createTopic(name: string, partitions: number): Promise<void> {
    await this.cluster.createTopics([{ name, partitions }]);
  }

  /** Appends the records as batches of `batchRecords`, acks=all. */
  async produce(
    topic: string,
    partition: number,
    records: readonly ProducerRecord[],
    batchRecords = 100,
  ): Promise<void> {
    const [found] = await this.cluster.topics({}, [topic]);
    const leader = found!.partitions.find((one) => one.partition === partition)!.leaderId;
    for (let at = 0; at < records.length; at += batchRecords) {
      const batch = encodeBatch(records.slice(at, at + batchRecords), { timestampMs: BigInt(Date.now()) });
      const response = await this.cluster.request(leader, apiKeys.Produce, {
        acks: -1,
        timeoutMs: 10_000,
        topicData: [{ name: topic, topicId: found!.topicId, partitionData: [{ index: partition, records: batch }] }],
      });
      const errorCode = response.responses[0]?.partitionResponses[0]?.errorCode;
      if (errorCode !== 0) throw new Error(`produce to ${topic}-${partition} failed with ${errorCode}`);
    }
  }

  /** Expires all records below `offset`. */
  async deleteRecords(topic: string, partition: number, offset: bigint): Promise<void> {
    const admin = new Kafka({ brokers: [this.bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic); // kafkajs deletes records only of topics that it has looked at
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    await admin.disconnect();
  }

  /** `sluice load` of one topic as a user starts it. */
  load(
    topic: string,
    warehouseUrl: string,
    args: readonly string[] = [],
    options: { fault?: string; bootstrap?: string } = {},
  ): SluiceProcess {
    const process = new SluiceProcess(
      [
        'load',
        ...['--brokers', options.bootstrap ?? this.bootstrap, '--topics', topic, '--warehouse', warehouseUrl],
        ...['--session-timeout', labSessionTimeout, '--scratch', this.directory, ...args],
      ],
      {
        env: { SLUICE_SKIP_BUILD: '1', ...(options.fault === undefined ? {} : { SLUICE_FAULT: options.fault }) },
      },
    );
    this.#processes.push(process);
    return process;
  }
}

/** All files below a folder, relative to it. */
export function filesBelow(directory: string, relative = ''): string[] {
  const here = join(directory, relative);
  if (!statSync(here, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(here, { withFileTypes: true }).flatMap((entry) => {
    const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(directory, path) : [path];
  });
}

/** The dead letters that a local table holds, as they were written. */
export function readDeadLetters(
  tableDirectory: string,
): { partition: number; offset: string; code: string; value: string | null }[] {
  return filesBelow(tableDirectory, '_sluice/dead').flatMap((path) =>
    readFileSync(join(tableDirectory, path), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { partition: number; offset: string; code: string; value: string | null }),
  );
}
