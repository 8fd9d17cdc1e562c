import { describeOwner, type PartitionOffsets } from '../../offsets/index.ts';
import { currentPause, readTimesAt } from '../../operation/index.ts';
import { BadInputError, describeError, larger } from '../../shared/index.ts';
import type { GroupsAnswer, PartitionLine, PartitionsAnswer, TopicsAnswer } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import type { LedgerSight } from '../live/ledger-look.ts';
import type { LogPartition, LogSight, LogTopic } from '../live/log-look.ts';
import type { SharedLook } from '../live/shared-look.ts';
import type { ConsoleRoute } from '../route.ts';

interface Looks {
  log: SharedLook<LogSight>;
  ledger: SharedLook<LedgerSight>;
}

/** As many partitions are asked for the age of their lag, and for a pause; the furthest behind first. */
const closelyAsked = 200;

/** Topics, partitions and groups. */
export function topicRoutes(context: ConsoleContext, looks: Looks): ConsoleRoute[] {
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/topics$/,
      answer: async () => ({ json: await listTopics(looks) }),
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/groups$/,
      answer: async ({ signal }) => ({ json: await listGroups(context, signal) }),
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/topics\/([^/]+)\/partitions$/,
      answer: async ({ params, query, signal }) => {
        return { json: await listPartitions(context, looks, params[0]!, query.get('group'), signal) };
      },
    },
  ];
}

async function listTopics({ log, ledger }: Looks): Promise<TopicsAnswer> {
  const [sight, landed] = await Promise.all([log.get(), ledger.get()]);
  const topics = sight.topics.map((topic) => {
    const { name, isInternal, partitionCount, partitions, problem } = topic;
    const chains = partitions.map(({ partition }) => landed.byPartition.get(`${name}/${partition}`));
    const isLoaded = chains.some((chain) => chain !== undefined);
    const lag = partitions.reduce((sum, found, i) => sum + (lagOf(found, chains[i]) ?? 0n), 0n);
    return {
      ...{ name, isInternal, partitionCount, problem },
      kept: partitions.reduce((sum, { start, end }) => sum + (end - start), 0n),
      appended: partitions.reduce((sum, { end }) => sum + end, 0n),
      table: chains.find((chain) => chain !== undefined)?.table ?? null,
      lag: isLoaded ? lag : null,
      ownedCount: chains.filter((chain) => chain?.state?.holder).length,
    };
  });
  return { topics, problems: [sight.problem, landed.problem].filter((text) => text !== null) };
}

/** Groups with their states; none where the cluster does not tell. */
async function listGroups({ cluster }: ConsoleContext, signal: AbortSignal): Promise<GroupsAnswer> {
  try {
    return { groups: await cluster.listGroups({ signal }), problem: null };
  } catch (error) {
    signal.throwIfAborted();
    return { groups: [], problem: describeError(error) };
  }
}

async function listPartitions(
  context: ConsoleContext,
  looks: Looks,
  name: string,
  group: string | null,
  signal: AbortSignal,
): Promise<PartitionsAnswer> {
  const [log, ledger] = await Promise.all([looks.log.get(), looks.ledger.get()]);
  const topic = log.topics.find((found) => found.name === name);
  if (!topic) throw new BadInputError(log.problem ?? `expected an existing topic, got "${name}"`);
  const committed = group ? await groupOffsets(context, group, topic, signal) : new Map<number, bigint>();
  const lines = topic.partitions.map((found) => {
    return lineOf(found, ledger.byPartition.get(`${name}/${found.partition}`), committed.get(found.partition));
  });
  const table = topic.partitions.map(({ partition }) => ledger.byPartition.get(`${name}/${partition}`)).find(Boolean);
  await lookCloser(context, name, lines, ledger, signal);
  return { topic: name, table: table?.table ?? null, problem: topic.problem, partitions: lines };
}

async function groupOffsets(
  { cluster }: ConsoleContext,
  group: string,
  { name, partitions }: LogTopic,
  signal: AbortSignal,
) {
  const asked = partitions.map(({ partition }) => ({ topic: name, partition }));
  const found = await cluster.fetchOffsets(group, asked, { signal });
  return new Map(found.map(({ partition, offset }) => [partition, offset]));
}

function lineOf(
  found: LogPartition,
  chain: PartitionOffsets | undefined,
  groupOffset: bigint | undefined,
): PartitionLine {
  const state = chain?.state ?? null;
  return {
    ...found,
    checkpoint: state?.next ?? null,
    lag: lagOf(found, chain),
    lagMs: null,
    owner: state?.holder?.owner.host ?? null,
    ownerWords: state?.holder ? describeOwner(state.holder.owner) : null,
    rollCause: state?.lastCommit?.cause ?? null,
    rolledAtMs: state?.lastCommit?.writtenAtMs ?? null,
    groupOffset: groupOffset ?? null,
    groupLag: groupOffset === undefined ? null : larger(0n, found.end - groupOffset),
    pause: null,
    problem: chain?.problem ? describeError(chain.problem) : null,
  };
}

function lagOf({ end }: LogPartition, chain: PartitionOffsets | undefined): bigint | null {
  const next = chain?.state?.next ?? null;
  return next === null ? null : larger(0n, end - next);
}

/** What costs a question for each partition: how old the lag is, and whether somebody paused it. */
async function lookCloser(
  context: ConsoleContext,
  topic: string,
  lines: PartitionLine[],
  ledger: LedgerSight,
  signal: AbortSignal,
): Promise<void> {
  const loaded = lines.filter(({ checkpoint }) => checkpoint !== null);
  const closely = loaded.sort((a, b) => (a.lag! > b.lag! ? -1 : a.lag! < b.lag! ? 1 : 0)).slice(0, closelyAsked);
  const behind = closely.filter(({ lag }) => lag! > 0n);
  const positions = behind.map(({ partition, checkpoint, start }) => {
    return { topic, partition, offset: larger(checkpoint!, start) };
  });
  const times = await readTimesAt(context.cluster, positions, signal);
  const nowMs = context.clock.nowMs();
  for (const line of closely) {
    const at = times.get(`${topic}/${line.partition}`);
    if (line.lag === 0n) line.lagMs = 0;
    else if (at !== undefined) line.lagMs = Math.max(0, nowMs - Number(at));
  }
  const files = closely.length > 0 ? await context.warehouse('read') : null;
  await Promise.all(
    closely.map(async (line) => {
      const chain = ledger.byPartition.get(`${topic}/${line.partition}`);
      if (chain && files) line.pause = await currentPause(files, chain, signal);
    }),
  );
}
