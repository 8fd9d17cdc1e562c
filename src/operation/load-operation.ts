import { answerHourRequest } from '../hours/index.ts';
import { currentPause, type LoadProgress, readControl, writeControl } from '../loader/index.ts';
import { describeOffsets } from '../offsets/index.ts';
import { abortScope, BadInputError, type Clock, type Logger, silentLogger } from '../shared/index.ts';
import { type OpenWarehouseOptions, openWarehouse, type WarehouseFiles } from '../warehouse/index.ts';
import { type ClientConfigSource, KafkaCluster } from '../wire/client/index.ts';
import { defaultStallMs, type Health, type HealthLimits, judgeHealth } from './load-health.ts';
import { LoadMetrics } from './load-metrics.ts';
import { appendedOf, LoadStatus, lagOf, type PartitionView } from './load-status.ts';
import { watchLog } from './log-watch.ts';
import { OperationServer, type Route, type RouteAnswer, type RouteRequest } from './operation-server.ts';
import { TraceExporter, traceSettings } from './trace-exporter.ts';
import { type RollSettings, waitWords } from './wait-words.ts';

export interface LoadOperationOptions {
  brokers: string[];
  clientConfig: ClientConfigSource | null;
  topics: string[];
  warehouseUrl: string;
  warehouseOptions: OpenWarehouseOptions;
  roll: RollSettings;
  /** Null: no HTTP, only traces when the environment asks for them. */
  http: { host: string; port: number; token: string | null } | null;
  /** Default: twice the roll age and a minute. */
  stallMs?: number;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  logger: Logger;
}

const logLookMs = 5000;

/**
 * Watches over a running load: gathers its progress, asks the log on connections of its own, and answers over HTTP.
 *   GET  /health                              200 ok, 503 with the exact waits
 *   GET  /live                                200 while the process answers
 *   GET  /metrics                             Prometheus
 *   GET  /v1/partitions                       every partition: offsets, state, wait, pause, last commit
 *   GET  /v1/tables/<table>/hours/<hour>      is it complete? ?wait=60s waits for it: 200, or 409 with the reason
 *   POST /v1/partitions/<table>/<n>/pause     {"reason": "..."}, and /resume
 */
export class LoadOperation {
  readonly status: LoadStatus;
  readonly #options: LoadOperationOptions;
  readonly #limits: HealthLimits;
  readonly #metrics: LoadMetrics;
  readonly #closing = abortScope();
  readonly #traces: TraceExporter | null;
  readonly #cluster: KafkaCluster;
  #server: OperationServer | null = null;
  #watching: Promise<void> = Promise.resolve();
  #files: Promise<WarehouseFiles> | null = null;

  private constructor(options: LoadOperationOptions) {
    const { clock, logger, brokers, clientConfig, roll } = options;
    const nowMs = (): number => clock.nowMs();
    this.#options = options;
    this.#limits = { stallMs: options.stallMs ?? defaultStallMs(roll.rollAgeMs), roll };
    this.status = new LoadStatus(nowMs);
    this.#metrics = new LoadMetrics(this.status, () => this.health().status === 'ok', nowMs);
    const traces = traceSettings(options.env);
    this.#traces = traces && new TraceExporter(traces, { clock, logger });
    this.#cluster = new KafkaCluster({
      brokers,
      clientConfig,
      clientId: 'sluice-operation',
      clock,
      logger: silentLogger,
    });
  }

  /** Throws BadInputError when it cannot listen, or when the environment names a wrong collector. */
  static async start(options: LoadOperationOptions): Promise<LoadOperation> {
    const operation = new LoadOperation(options);
    const { http, logger, topics, clock } = options;
    try {
      if (!http) return operation;
      operation.#server = await OperationServer.start({ ...http, logger, routes: operation.#routes() });
      const { signal } = operation.#closing;
      const watch = { cluster: operation.#cluster, topics, clock, everyMs: logLookMs, signal };
      operation.#watching = watchLog(operation.status, watch);
      return operation;
    } catch (error) {
      await operation.close();
      throw error;
    }
  }

  /** Null: there is no HTTP. */
  get url(): string | null {
    return this.#server?.url ?? null;
  }

  /** Takes every progress event of the load. */
  apply(progress: LoadProgress): void {
    this.status.apply(progress);
    this.#metrics.apply(progress);
    if (progress.kind === 'rolled') this.#traces?.add(progress.trace);
  }

  health(): Health {
    return judgeHealth(this.status, this.#limits, this.#options.clock.nowMs());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#server?.close();
    await this.#watching;
    await this.#traces?.close();
    await this.#cluster.close();
    await (await this.#files?.catch(() => null))?.close();
  }

  #routes(): Route[] {
    return [
      { method: 'GET', pattern: /^\/health$/, answer: () => this.#healthAnswer() },
      { method: 'GET', pattern: /^\/live$/, answer: () => ({ status: 200, json: { status: 'ok' } }) },
      { method: 'GET', pattern: /^\/metrics$/, answer: () => this.#metricsAnswer() },
      { method: 'GET', pattern: /^\/v1\/partitions$/, answer: () => ({ status: 200, json: this.partitions() }) },
      {
        method: 'GET',
        pattern: /^\/v1\/tables\/([^/]+)\/hours\/([^/]+)$/,
        answer: (request) => this.#hourAnswer(request),
      },
      {
        method: 'POST',
        pattern: /^\/v1\/partitions\/([^/]+)\/(\d{1,9})\/(pause|resume)$/,
        answer: (request) => this.#control(request),
      },
    ];
  }

  #healthAnswer(): RouteAnswer {
    const health = this.health();
    return { status: health.status === 'ok' ? 200 : 503, json: health };
  }

  async #metricsAnswer(): Promise<RouteAnswer> {
    const { registry } = this.#metrics;
    return { status: 200, text: await registry.metrics(), type: registry.contentType };
  }

  /** Every partition as plain data; offsets are bigint, which is decimal text in JSON. */
  partitions() {
    const nowMs = this.#options.clock.nowMs();
    const context = { workers: this.status.workers, roll: this.#limits.roll, nowMs };
    return this.status.partitions.map((view) => describeView(view, waitWords(view, context)));
  }

  async #hourAnswer({ params, query, signal }: RouteRequest): Promise<RouteAnswer> {
    const [table, hour] = params as [string, string];
    const request = { table, hour, wait: query.get('wait') ?? undefined };
    const { status, body } = await answerHourRequest(request, { files: await this.#warehouse() }, signal);
    return { status, text: body, type: 'application/json; charset=utf-8' };
  }

  #warehouse(): Promise<WarehouseFiles> {
    const { warehouseUrl, warehouseOptions } = this.#options;
    this.#files ??= openWarehouse(warehouseUrl, { ...warehouseOptions, access: 'write' });
    return this.#files;
  }

  async #control({ params, body, signal }: RouteRequest): Promise<RouteAnswer> {
    const [table, partition, action] = params as [string, string, 'pause' | 'resume'];
    const { reason, by } = body;
    if (typeof reason !== 'string') throw new BadInputError('expected {"reason": "..."} in the body');
    const said = { action, by: typeof by === 'string' ? by : 'http', reason };
    return {
      status: 200,
      json: await controlPartition(await this.#warehouse(), table, Number(partition), said, signal),
    };
  }
}

/**
 * Pauses or resumes a partition of a table by its number: its current chain is looked up, the word is written where every
 * owner looks. Throws BadInputError when no such partition has ever been loaded.
 */
export async function controlPartition(
  files: WarehouseFiles,
  table: string,
  partition: number,
  said: { action: 'pause' | 'resume'; by: string; reason: string },
  signal?: AbortSignal,
) {
  const places = await findPartitions(files, table, partition, signal);
  const written = [];
  for (const place of places) {
    const { entry, isNew } = await writeControl(files, place, said, signal);
    written.push({ table, topic: place.topic, partition, isNew, entry });
  }
  return written;
}

/** The current chains of a table's partition; with several topics in one table there may be several. */
export async function findPartitions(files: WarehouseFiles, table: string, partition?: number, signal?: AbortSignal) {
  const found = await describeOffsets(files, { table, partition, signal });
  if (found.length === 0) {
    const what = partition === undefined ? `table "${table}"` : `partition ${partition} of table "${table}"`;
    throw new BadInputError(`expected ${what} in ${files.url}, found none; see "sluice offsets list"`);
  }
  return found;
}

/** The pause that holds and all that was ever said, for each of the partitions. */
export async function readPauses(files: WarehouseFiles, table: string, partition?: number, signal?: AbortSignal) {
  const found = await findPartitions(files, table, partition, signal);
  return await Promise.all(
    found.map(async (place) => ({
      place,
      pause: await currentPause(files, place, signal),
      history: await readControl(files, place, signal),
    })),
  );
}

function describeView(view: PartitionView, wait: string) {
  const { topic, partition, worker, owner, checkpoint, lastCommit, error } = view;
  return {
    topic,
    partition,
    worker,
    state: owner?.state ?? (error === null ? 'not-owned' : 'stopped'),
    wait,
    appended: appendedOf(view),
    read: owner?.read ?? null,
    encoded: owner?.encoded ?? null,
    committed: checkpoint,
    lag: lagOf(view),
    oldestUncommittedAt: view.oldestUncommittedMs === null ? null : new Date(view.oldestUncommittedMs).toISOString(),
    movedAt: new Date(view.movedAtMs).toISOString(),
    openBytes: owner?.openBytes ?? 0,
    memoryBytes: owner?.memoryBytes ?? 0,
    pause: owner?.pause ?? null,
    lastCommit: lastCommit && { at: new Date(lastCommit.atMs).toISOString(), ...lastCommit.commit },
    error,
  };
}
