import { join } from 'node:path';
import { checkTopicIdentity } from '../offsets/index.ts';
import { abortScope, anyOf, type Clock, type Logger, SluiceError } from '../shared/index.ts';
import { openParquetEngine, openWarehouse, type ParquetEngine, type WarehouseFiles } from '../warehouse/index.ts';
import { BatchFetcher, GroupMember, KafkaCluster, type TopicPartition } from '../wire/client/index.ts';
import { type Closer, closeAll } from './close-all.ts';
import type { WorkerSettings } from './load-options.ts';
import type { WorkerStatus } from './load-progress.ts';
import { GroupMembership, hostLabel, JobMembership } from './membership.ts';
import { type Notice, noticingLogger } from './noticing-logger.ts';
import { batchFormat, openTable } from './open-table.ts';
import type { OwnerContext, TableContext } from './owner-context.ts';
import { OwnerDelays } from './owner-delays.ts';
import { OwnerSet } from './owner-set.ts';
import { type KnownTopic, knownTopic } from './topic-id.ts';
import type { WorkerEvent } from './worker-event.ts';

export interface LoadWorkerOptions {
  settings: WorkerSettings;
  clock: Clock;
  logger: Logger;
  emit: (event: WorkerEvent) => void;
}

/** Of the rebalance timeout: what is open lands before the partition goes. */
const revokeShare = 0.8;
const shutdownGraceMs = 60_000;
const reportEveryMs = 500;
const memoryLookMs = 20;

/** What a worker opens before it can own anything. */
interface Opened {
  cluster: KafkaCluster;
  clusterId: string;
  files: WarehouseFiles;
  fetcher: BatchFetcher;
  topics: Map<string, KnownTopic>;
}

/**
 * One member of the loading group, with its own connections, engine and share of the memory budget. Turns what the group
 * assigns into owners, hands them what is fetched, and keeps what they hold within the budget.
 */
export class LoadWorker {
  readonly #settings: WorkerSettings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #emit: (event: WorkerEvent) => void;
  readonly #stopping = abortScope();
  readonly #failed = abortScope();
  readonly #closers: Closer[] = [];
  #phase: WorkerStatus['phase'] = 'opening';
  #phaseSinceMs: number;
  readonly #delays: OwnerDelays;
  #trouble: WorkerStatus['trouble'] = null;

  constructor(options: LoadWorkerOptions) {
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#logger = options.logger.child({ worker: options.settings.workerIndex });
    this.#emit = options.emit;
    this.#phaseSinceMs = options.clock.nowMs();
    const common = { clock: options.clock, logger: this.#logger, signal: this.#stopping.signal };
    this.#delays = new OwnerDelays({ ...common, onDelayed: () => this.#tellStatus(null) });
  }

  /** Ends `run` in good order. */
  stop(): void {
    this.#stopping.abort(new SluiceError('stopped', 'the worker was stopped'));
  }

  /** Works until `stop`; rejects when the worker cannot go on at all. Everything it opened is closed by then. */
  async run(): Promise<void> {
    try {
      const opened = await this.#open();
      await this.#work(opened);
    } catch (error) {
      if (!this.#stopping.signal.aborted || this.#failed.signal.aborted) throw error;
    } finally {
      await closeAll(this.#closers, this.#logger);
    }
  }

  async #open(): Promise<Opened> {
    const settings = this.#settings;
    const signal = this.#stopping.signal;
    const common = { clock: this.#clock, logger: this.#logger };
    const clientId = `sluice-loader-${settings.workerIndex}`;
    const { brokers, clientConfig } = settings;
    const cluster = this.#closing('cluster', new KafkaCluster({ brokers, clientConfig, clientId, ...common }));
    const user = settings.user === null ? {} : { user: settings.user };
    const logger = noticingLogger(this.#logger, (notice) => this.#noteTrouble(notice));
    const open = () => openWarehouse(settings.warehouseUrl, { ...common, ...user, logger, signal });
    const files = this.#closing('warehouse', await this.#delays.waitOut('WarehouseNotOpened', open));
    const { clusterId, found } = await this.#delays.waitOut('ClusterNotReached', async () => ({
      clusterId: await cluster.clusterId({ signal }),
      found: await cluster.topics({ signal }, settings.topics),
    }));
    const topics = new Map(found.map((topic) => [topic.name, knownTopic(topic, clusterId)]));
    const fetcher = this.#closing(
      'fetcher',
      new BatchFetcher({ cluster, isolation: 'read_committed', ...fetchSizes(settings) }),
    );
    return { cluster, clusterId, files, fetcher, topics };
  }

  async #work(opened: Opened): Promise<void> {
    const { fetcher } = opened;
    const owners = settingsAreManual(this.#settings) ? await this.#ownManually(opened) : await this.#joinGroup(opened);
    const signal = anyOf(this.#stopping.signal, this.#failed.signal);
    const reporting = this.#report(owners, signal);
    try {
      await this.#fetch(fetcher, owners, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      // Also after a failure: what is open has been read and may land.
      await owners.stopAll('shutdown', shutdownGraceMs);
      await reporting;
    }
    this.#failed.signal.throwIfAborted();
  }

  async #joinGroup(opened: Opened): Promise<OwnerSet> {
    const settings = this.#settings;
    const { cluster, clusterId } = opened;
    const { group, topics, sessionTimeoutMs, rebalanceTimeoutMs, instanceId } = settings;
    const partitionsOf = (taken: readonly TopicPartition[]) =>
      taken.map(({ topic, partition }) => ({ topic, partition }));
    const member = new GroupMember({
      cluster,
      groupId: group,
      topics,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      ...(instanceId === null ? {} : { instanceId }),
      onAssigned: (assigned) => {
        this.#enterPhase('working');
        for (const { topic, partition } of assigned) membership.noteAssigned(topic, partition);
        owners.start(partitionsOf(assigned));
      },
      onRevoked: async (revoked) => {
        await owners.stop(partitionsOf(revoked), 'revoked', rebalanceTimeoutMs * revokeShare);
        for (const { topic, partition } of revoked) membership.noteTaken(topic, partition);
      },
      onLost: async (lost) => {
        for (const { topic, partition } of lost) membership.noteTaken(topic, partition);
        await owners.abandon(partitionsOf(lost));
      },
      onFatal: (error) => this.#failed.abort(error),
    });
    const host = hostLabel(settings.workerIndex);
    const membership = new GroupMembership(member, { clusterId, group, host, logger: this.#logger });
    const owners = await this.#ownerSet(opened, membership);
    this.#closing('member', member);
    this.#enterPhase('joining');
    member.start();
    return owners;
  }

  async #ownManually(opened: Opened): Promise<OwnerSet> {
    const { manual, group, workerIndex } = this.#settings;
    const { cluster, clusterId } = opened;
    const { jobId, attempt, partitions } = manual!;
    const host = hostLabel(workerIndex);
    const membership = new JobMembership({ clusterId, jobId, attempt, host, cluster, group, logger: this.#logger });
    const owners = await this.#ownerSet(opened, membership);
    this.#enterPhase('working');
    owners.start(partitions);
    return owners;
  }

  async #ownerSet(opened: Opened, membership: OwnerContext['membership']): Promise<OwnerSet> {
    const settings = this.#settings;
    const { cluster, clusterId, files, fetcher } = opened;
    const engine = this.#closing('engine', openEngine(settings, this.#scratch()));
    const tables = new Map<string, TableContext>();
    for (const topic of opened.topics.values()) tables.set(topic.name, await this.#openTable(topic, clusterId, files));
    const worker = settings.workerIndex;
    const context: OwnerContext = {
      settings,
      cluster,
      fetching: fetcher,
      membership,
      files,
      engine,
      clock: this.#clock,
      logger: this.#logger,
      onCommitted: (commit) => this.#emit({ kind: 'committed', worker, commit }),
      onOwned: (topic, partition, checkpoint) => this.#emit({ kind: 'owned', worker, topic, partition, checkpoint }),
      onRolled: (trace) => this.#emit({ kind: 'rolled', worker, trace }),
      onDelayed: (topic, partition, delay) => this.#emit({ kind: 'delayed', worker, topic, partition, delay }),
    };
    return new OwnerSet({
      context,
      topics: opened.topics,
      tables,
      scratch: this.#scratch(),
      onStarted: ({ topic, partition }) => this.#emit({ kind: 'started', worker, topic, partition }),
      onEnded: ({ topic, partition }, end) => {
        const error = end.reason === 'failed' ? end.error : null;
        this.#emit({ kind: 'disowned', worker, topic, partition, reason: end.reason, error });
        this.#emit({ kind: 'ended', worker, topic, partition, end });
      },
    });
  }

  async #openTable(topic: KnownTopic, clusterId: string, files: WarehouseFiles): Promise<TableContext> {
    const { acceptRecreatedTopic, workerIndex } = this.#settings;
    const { name, topicId } = topic;
    const found = { topic: name, topicId, clusterId, acceptedBy: hostLabel(workerIndex) };
    const signal = this.#stopping.signal;
    await checkTopicIdentity(files, name, found, { acceptRecreated: acceptRecreatedTopic, signal });
    return await openTable(files, name, this.#settings, { clock: this.#clock, logger: this.#logger, signal });
  }

  async #fetch(fetcher: BatchFetcher, owners: OwnerSet, signal: AbortSignal): Promise<void> {
    for (;;) {
      while (!owners.makeRoom(this.#settings.memoryBytes)) await this.#clock.sleep(memoryLookMs, signal);
      for (const fetched of await fetcher.poll({ signal })) owners.offer(fetched);
    }
  }

  async #report(owners: OwnerSet, signal: AbortSignal): Promise<void> {
    const worker = this.#settings.workerIndex;
    while (!signal.aborted) {
      await this.#clock.sleep(reportEveryMs, signal).catch(() => {});
      const partitions = owners.positions();
      if (partitions.length > 0) this.#emit({ kind: 'positions', worker, partitions });
      this.#tellStatus(owners);
    }
  }

  /** What the warehouse retries by itself. */
  #noteTrouble({ event, reason }: Notice): void {
    this.#trouble = { event, reason, atMs: this.#clock.nowMs() };
    const delay = { event, attempt: 1, reason, code: 'retried' };
    this.#emit({ kind: 'delayed', worker: this.#settings.workerIndex, topic: '', partition: -1, delay });
  }

  #enterPhase(phase: WorkerStatus['phase']): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#phaseSinceMs = this.#clock.nowMs();
  }

  #tellStatus(owners: OwnerSet | null): void {
    const { workerIndex: worker, memoryBytes: memoryBudgetBytes } = this.#settings;
    const status: WorkerStatus = {
      phase: this.#phase,
      phaseSinceMs: this.#phaseSinceMs,
      delay: this.#delays.current,
      trouble: this.#trouble,
      memoryBytes: owners?.memoryBytes ?? 0,
      memoryBudgetBytes,
      owners: owners?.statuses() ?? [],
    };
    this.#emit({ kind: 'status', worker, status });
  }

  #scratch(): string {
    return join(this.#settings.scratchDirectory, `worker-${this.#settings.workerIndex}`);
  }

  #closing<T extends { close: () => Promise<void> }>(name: string, opened: T): T {
    this.#closers.push({ name, close: () => opened.close() });
    return opened;
  }
}

function settingsAreManual(settings: WorkerSettings): boolean {
  return settings.manual !== null;
}

/** How the engine reads record batches: the wire format stays ours. */
function openEngine({ engine, memoryBytes }: WorkerSettings, scratch: string): ParquetEngine {
  const megabytes = Math.max(64, Math.min(512, Math.floor(memoryBytes / 2 / 1024 / 1024)));
  return openParquetEngine(engine, {
    batches: batchFormat,
    maxEncoderBytes: Math.max(1024 * 1024, Math.min(32 * 1024 * 1024, Math.floor(memoryBytes / 8))),
    nativeMemoryLimit: `${megabytes}MB`,
    scratchDirectory: scratch,
  });
}

/** An answer should be large enough to keep the encoder busy, and small against the budget. */
function fetchSizes({ memoryBytes }: WorkerSettings): { maxBytes: number; maxPartitionBytes: number } {
  const maxBytes = Math.max(1024 * 1024, Math.min(32 * 1024 * 1024, Math.floor(memoryBytes / 8)));
  return { maxBytes, maxPartitionBytes: Math.min(4 * 1024 * 1024, maxBytes) };
}
