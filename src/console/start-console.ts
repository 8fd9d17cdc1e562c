import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abortScope, BadInputError, type Clock, type Logger, silentLogger } from '../shared/index.ts';
import { type OpenWarehouseOptions, openWarehouse, type WarehouseFiles } from '../warehouse/index.ts';
import { type ClientConfigSource, KafkaCluster } from '../wire/client/index.ts';
import { actionRoutes } from './api/action-routes.ts';
import { askRoutes } from './api/ask-routes.ts';
import { counterRoutes } from './api/counter-routes.ts';
import { deadRoutes } from './api/dead-routes.ts';
import { hourRoutes } from './api/hour-routes.ts';
import { messageRoutes } from './api/message-routes.ts';
import { reportRoutes } from './api/report-routes.ts';
import { TableFiles } from './api/table-files.ts';
import { tableRoutes } from './api/table-routes.ts';
import { topicRoutes } from './api/topic-routes.ts';
import { Turns } from './api/turns.ts';
import { watchRoutes } from './api/watch-routes.ts';
import { AuditTrail } from './audit-trail.ts';
import { type Account, Accounts } from './auth/accounts.ts';
import { RequestGuard } from './auth/request-guard.ts';
import type { ConsoleContext, ConsoleCounters, ConsoleJobs, ConsoleRules } from './console-context.ts';
import { ConsoleServer } from './console-server.ts';
import { defaultHubOptions, EventHub } from './live/event-hub.ts';
import { ledgerLook } from './live/ledger-look.ts';
import { logLook } from './live/log-look.ts';
import { defaultSamplerLimits } from './live/log-sampler.ts';
import { Pulse } from './live/pulse.ts';
import { StaticFiles } from './static-files.ts';

export interface ConsoleOptions {
  listen: { host: string; port: number };
  brokers: string[];
  clientConfig: ClientConfigSource | null;
  warehouseUrl: string;
  warehouseOptions: OpenWarehouseOptions;
  /** Who may come in; null: whoever reaches us, which is only allowed on a loopback address. */
  accounts: readonly Account[] | null;
  /** Where browsers find us behind a proxy, such as `https://console.example.org`; null: at the address we listen on. */
  publicOrigin: string | null;
  /** Where the trail of actions is kept; null: only in the log. */
  auditPath: string | null;
  jobs: ConsoleJobs | null;
  rules: ConsoleRules | null;
  counters: ConsoleCounters | null;
  /** Column with the event time by which the tables were loaded, for reports; `_timestamp`: the records' own. */
  timeField: string;
  /** The built pages. */
  pagesDirectory: string;
  clock: Clock;
  logger: Logger;
}

export interface RunningConsole {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

/** SQL runs in this process, beside everything else: one statement at a time, and so many may wait. */
const waitingMost = 20;

/** Serves the console until it is closed. Throws BadInputError when it cannot listen, or would be open to everybody. */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  checkOpenness(options);
  const { clock, logger } = options;
  const closing = abortScope();
  const warehouse = new LazyWarehouse(options.warehouseUrl, options.warehouseOptions);
  const context = contextOf(options, warehouse, closing.signal);
  const looks = { log: logLook(context), ledger: ledgerLook(context) };
  const hub = new EventHub({ ...defaultHubOptions, nowMs: () => clock.monotonicMs() });
  const pulse = new Pulse(context, looks, hub, defaultSamplerLimits);
  const scratch = join(tmpdir(), `sluice-console-${randomUUID()}`);
  const tables = new TableFiles(context, scratch);
  const trail = new AuditTrail({ path: options.auditPath, clock, logger });
  const close = async (): Promise<void> => {
    closing.abort(new Error('the console closes'));
    hub.close();
    await pulse.closed();
    await tables.close();
    await context.cluster.close();
    await warehouse.close();
  };
  try {
    const accounts = options.accounts && new Accounts(options.accounts, () => clock.nowMs());
    const guard = new RequestGuard({ accounts, publicOrigin: options.publicOrigin, nowMs: () => clock.nowMs() });
    const turns = new Turns(1, waitingMost);
    const routes = [
      ...watchRoutes(context, { pulse, hub, trail }),
      ...topicRoutes(context, looks),
      ...messageRoutes(context),
      ...counterRoutes(context, { pulse, log: looks.log }),
      ...tableRoutes(tables, turns),
      ...hourRoutes(context),
      ...deadRoutes(context, tables),
      ...askRoutes(context, tables, turns),
      ...reportRoutes(context, { files: tables, turns, scratch, liveGames: () => pulse.games() }),
      ...actionRoutes(context, { trail, ledger: looks.ledger }),
    ];
    const pages = new StaticFiles(options.pagesDirectory);
    const server = await ConsoleServer.start({ ...options.listen, guard, pages, routes, logger });
    return {
      url: server.url,
      close: async () => {
        await server.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function contextOf(options: ConsoleOptions, warehouse: LazyWarehouse, signal: AbortSignal): ConsoleContext {
  const { brokers, clientConfig, clock, logger, jobs, rules, counters, timeField } = options;
  // A page waits for the answer: patience is short, and the next look is soon.
  const client = { clientId: 'sluice-console', retryTimeoutMs: 4000, requestTimeoutMs: 10_000 };
  // What is wrong with the cluster is shown on the page, to whom it concerns.
  const cluster = new KafkaCluster({ brokers, clientConfig, ...client, clock, logger: silentLogger });
  const parts = { jobs, rules, counters, timeField };
  return { cluster, warehouse: (access) => warehouse.open(access), ...parts, clock, logger, signal };
}

function checkOpenness({ listen, accounts }: ConsoleOptions): void {
  if (accounts || /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(listen.host)) return;
  throw new BadInputError(
    `expected accounts for a console that others can reach at ${listen.host}: make some with "sluice console password" and name their file with --accounts, or listen on 127.0.0.1`,
  );
}

/** Opened when somebody looks, and again when that failed: the console is there before its warehouse is. */
class LazyWarehouse {
  readonly #url: string;
  readonly #options: OpenWarehouseOptions;
  readonly #opened = new Map<'read' | 'write', Promise<WarehouseFiles>>();

  constructor(url: string, options: OpenWarehouseOptions) {
    this.#url = url;
    this.#options = options;
  }

  open(access: 'read' | 'write'): Promise<WarehouseFiles> {
    let opened = this.#opened.get(access);
    if (!opened) {
      opened = openWarehouse(this.#url, { openTimeoutMs: 5000, ...this.#options, access });
      this.#opened.set(access, opened);
      opened.catch(() => this.#opened.delete(access));
    }
    return opened;
  }

  async close(): Promise<void> {
    for (const opened of this.#opened.values()) await (await opened.catch(() => null))?.close();
  }
}
