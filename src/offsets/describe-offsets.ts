import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { readChain, signalOption } from './chain-reader.ts';
import type { ChainState } from './chain-state.ts';
import { LedgerError } from './ledger-error.ts';
import type { ChainId } from './ledger-paths.ts';
import { mapBounded } from './map-bounded.ts';
import { listChains, listTables } from './table-discovery.ts';
import { readTopicIdentity, type TopicIdentity } from './topic-identity.ts';

const chainsUnderWay = 4;

/** What the ledger says of one partition. */
export interface PartitionOffsets extends ChainId {
  /** '' when neither the chain nor the table's list of topics tells. */
  topic: string;
  /** False: a chain of an earlier incarnation of the topic, which nobody loads any more. */
  isCurrent: boolean;
  /** Null when the chain cannot be read; `problem` says why. */
  state: ChainState | null;
  problem: LedgerError | null;
}

export interface OffsetsFilter {
  table?: string | undefined;
  topic?: string | undefined;
  partition?: number | undefined;
  /** Chains of earlier incarnations of topics as well. */
  withPast?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** All partitions of all tables that the filter lets through, by table, topic and partition. Reads one era per partition. */
export async function describeOffsets(files: WarehouseFiles, filter: OffsetsFilter = {}): Promise<PartitionOffsets[]> {
  const tables = (await listTables(files, filter.signal)).filter((table) => (filter.table ?? table) === table);
  const found: PartitionOffsets[] = [];
  for (const table of tables) {
    const topics = await listTopics(files, table, filter.signal);
    const chains = (await listChains(files, table, filter.signal)).filter(
      ({ partition }) => (filter.partition ?? partition) === partition,
    );
    found.push(...(await mapBounded(chains, chainsUnderWay, (chain) => describe(files, chain, topics, filter.signal))));
  }
  return found
    .filter(({ topic }) => (filter.topic ?? topic) === topic)
    .filter(({ isCurrent }) => isCurrent || filter.withPast)
    .sort(compare);
}

/** The newest identity of every topic that the table has ever accepted. */
export async function listTopics(files: WarehouseFiles, table: string, signal?: AbortSignal): Promise<TopicIdentity[]> {
  const entries = await files.list(`${new TablePaths(table).system}/topics`, signalOption(signal));
  const topics = await mapBounded(entries, chainsUnderWay, ({ name }) => readTopicIdentity(files, table, name, signal));
  return topics.filter((topic) => topic !== null);
}

async function describe(
  files: WarehouseFiles,
  chain: ChainId,
  topics: readonly TopicIdentity[],
  signal: AbortSignal | undefined,
): Promise<PartitionOffsets> {
  const known = topics.find(({ topicId }) => topicId === chain.topicId);
  const name = known?.topic ?? '';
  try {
    const state = await readChain(files, chain, name, signal);
    const isCurrent = known !== undefined || !topics.some(({ topic }) => topic === state.topic);
    return { ...chain, topic: state.topic, isCurrent, state, problem: null };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { ...chain, topic: name, isCurrent: true, state: null, problem: error };
  }
}

function compare(a: PartitionOffsets, b: PartitionOffsets): number {
  const [left, right] = [a, b].map(({ table, topic, topicId }) => `${table}\0${topic}\0${topicId}`) as [string, string];
  return left === right ? a.partition - b.partition : left < right ? -1 : 1;
}
