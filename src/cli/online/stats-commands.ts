import {
  type Consumer,
  createStats,
  MemoryStatsStore,
  type MinuteRange,
  type MinuteRow,
  minuteMs,
  minuteName,
  RedisStatsStore,
  type StatsHandler,
  type StatsSettings,
  type StatsSnapshot,
  type StatsStore,
} from '../../online/index.ts';
import { BadInputError, createLogger, systemClock } from '../../shared/index.ts';
import { type ClusterFlags, withCluster } from '../kafka/with-cluster.ts';
import { serveMetrics } from '../operation/serve-metrics.ts';
import { exitCodes, formatCount, printJson, printTable, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { withHistory } from './with-history.ts';

export interface RunStatsFlags extends ClusterFlags {
  topics?: string[];
  redis?: string;
  prefix: string;
  gameField: string;
  callField: string[];
  timeField?: string;
  unique?: string;
  expiry: number;
  group: string;
  warehouse?: string;
  user?: string;
  table?: string;
  game?: string[];
  batchEvents: number;
  metrics?: { host: string; port: number };
  untilEnd?: boolean;
  json?: boolean;
}

export interface ShowStatsFlags {
  redis: string;
  prefix: string;
  last: number;
  game?: string[];
  json?: boolean;
}

const logger = createLogger('warn', { part: 'stats' });

export async function runStats(flags: RunStatsFlags): Promise<number> {
  if (!flags.topics) throw new BadInputError('expected --topics NAMES (or the subcommand show)');
  if (flags.expiry < minuteMs) throw new BadInputError(`expected an --expiry of at least 1m, got ${flags.expiry}ms`);
  if (flags.table !== undefined && flags.warehouse === undefined)
    throw new BadInputError('expected --warehouse URL with --table');
  const settings = settingsOf(flags);
  const store = await openStore(flags, settings);
  try {
    await withCluster(flags, (cluster) =>
      withHistory(flags, async (warehouse) => {
        const { signal } = stopSignal();
        const { consumer, handler } = createStats({
          ...{ cluster, store, settings, signal, logger, warehouse, topics: flags.topics!, group: flags.group },
          ...{ table: flags.table, untilEnd: flags.untilEnd, batchEvents: flags.batchEvents },
        });
        const server = flags.metrics ? await serveMetrics(flags.metrics, consumer.registry, logger) : null;
        try {
          await consumer.start();
          const metricsText = server ? ` metrics=${server.url}/metrics` : '';
          process.stderr.write(`counting ${flags.topics!.join(', ')} per game and minute${metricsText}\n`);
          await watch(consumer, handler);
        } finally {
          await server?.close();
        }
      }),
    );
    if (!flags.redis || flags.untilEnd) await print(store, wholeRange(settings), flags);
    return exitCodes.complete;
  } finally {
    await store.close();
  }
}

/** Shows how far it is until it ends. */
async function watch(consumer: Consumer<unknown>, handler: StatsHandler): Promise<void> {
  const progress = progressBar('counting', 0, 'events');
  const ticker = setInterval(() => progress.update(handler.totals.counted), 1000);
  await consumer.finished.finally(() => {
    clearInterval(ticker);
    progress.stop();
  });
  process.stderr.write(`${summaryOf(handler)}\n`);
}

export async function showStats(flags: ShowStatsFlags): Promise<number> {
  const store = await RedisStatsStore.open({ url: flags.redis, prefix: flags.prefix, settings: null, logger });
  try {
    const nowMs = systemClock.nowMs();
    const toMs = nowMs - (nowMs % minuteMs) + minuteMs;
    const fromMs = Math.max(0, toMs - Math.ceil(flags.last / minuteMs) * minuteMs);
    if ((await store.settings()) === null) throw new BadInputError(`expected counters ${flags.prefix}:*, found none`);
    await print(store, { fromMs, toMs }, flags);
    return exitCodes.complete;
  } finally {
    await store.close();
  }
}

function settingsOf({ gameField, callField, timeField, unique, expiry }: RunStatsFlags): StatsSettings {
  const fields = { game: gameField, call: callField, time: timeField ?? null, unique: unique ?? null };
  return { fields, expiryMs: expiry };
}

async function openStore({ redis, prefix }: RunStatsFlags, settings: StatsSettings): Promise<StatsStore> {
  if (redis === undefined) return new MemoryStatsStore(settings, systemClock);
  return await RedisStatsStore.open({ url: redis, prefix, settings, logger });
}

/** All minutes whose counters may live. */
function wholeRange({ expiryMs }: StatsSettings): MinuteRange {
  const nowMs = systemClock.nowMs();
  const fromMs = Math.max(0, nowMs - (nowMs % minuteMs) - expiryMs);
  return { fromMs, toMs: nowMs - (nowMs % minuteMs) + 25 * 3_600_000 };
}

async function print(
  store: StatsStore,
  range: MinuteRange,
  flags: { prefix: string; game?: string[]; json?: boolean },
): Promise<void> {
  const snapshot = await store.snapshot(range);
  const rows = snapshot.rows.filter(({ game }) => flags.game?.includes(game) ?? true);
  const field = (await store.settings())?.fields.unique ?? null;
  const games = [...new Set(rows.map(({ game }) => game))].sort();
  const uniques: [game: string, count: number][] = [];
  if (field !== null) for (const game of games) uniques.push([game, await store.uniques(game, range)]);
  if (flags.json) {
    const minutes = rows.map(({ game, minuteMs: startMs, counts }) => ({ game, minute: minuteName(startMs), counts }));
    printJson({
      minutes,
      uniques: Object.fromEntries(uniques),
      positions: snapshot.positions,
      leftOut: snapshot.leftOut,
      gone: snapshot.gone,
    });
    return;
  }
  printRows(rows);
  for (const [game, count] of uniques)
    process.stdout.write(`${game}: about ${formatCount(count)} different ${field}\n`);
  printLeftOut(snapshot);
  if (snapshot.gone.length > 0) process.stdout.write(goneText(snapshot.gone, flags.prefix));
}

/** One line a minute and game, the calls side by side. */
function printRows(rows: readonly MinuteRow[]): void {
  const calls = [...new Set(rows.flatMap(({ counts }) => Object.keys(counts)))].sort();
  printTable(rows, [
    {
      header: 'MINUTE',
      cell: ({ minuteMs: startMs }) => new Date(startMs).toISOString().slice(0, 16).replace('T', ' '),
    },
    { header: 'GAME', cell: ({ game }) => game },
    ...calls.map((call) => ({
      header: call.toUpperCase(),
      cell: ({ counts }: MinuteRow) => (counts[call] === undefined ? '' : formatCount(counts[call])),
      align: 'right' as const,
    })),
  ]);
}

function printLeftOut({ leftOut }: StatsSnapshot): void {
  const { late, future, unusable } = leftOut;
  if (late + future + unusable === 0) return;
  const parts = [
    `${formatCount(late)} too late`,
    `${formatCount(future)} dated ahead`,
    `${formatCount(unusable)} unusable`,
  ];
  process.stdout.write(`in no counter: ${parts.join(', ')}\n`);
}

function goneText(keys: readonly string[], prefix: string): string {
  const names = keys.length > 3 ? `${keys.slice(0, 3).join(', ')}, ...` : keys.join(', ');
  return `removed before their time, by eviction or by hand: ${formatCount(keys.length)} counters (${names}); remove the key ${prefix}:positions to count anew\n`;
}

function summaryOf({ totals }: StatsHandler): string {
  const { counted, late, future, unusable } = totals;
  const left = late + future + unusable;
  return `${formatCount(counted)} events counted${left > 0 ? `, ${formatCount(left)} left out (${late} too late, ${future} dated ahead, ${unusable} unusable)` : ''}`;
}
