import { parseTableFolder, TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { signalOption } from './chain-reader.ts';
import type { ChainId } from './ledger-paths.ts';
import { mapBounded } from './map-bounded.ts';

const looksUnderWay = 8;

/** Names of the tables in a warehouse: the folders with a ledger in them. */
export async function listTables(files: WarehouseFiles, signal?: AbortSignal): Promise<string[]> {
  const entries = await files.list('/', signalOption(signal));
  const names = entries.flatMap(({ name, type }) => {
    const table = type === 'directory' ? parseTableFolder(name) : null;
    return table === null ? [] : [table];
  });
  const isTable = await mapBounded(names, looksUnderWay, async (name) => {
    return (await files.stat(new TablePaths(name).ledger, signalOption(signal)))?.type === 'directory';
  });
  return names.filter((_, i) => isTable[i]);
}

/** All chains of a table, by topic id and then by partition. */
export async function listChains(files: WarehouseFiles, table: string, signal?: AbortSignal): Promise<ChainId[]> {
  const root = new TablePaths(table).ledger;
  const topics = (await files.list(root, signalOption(signal))).filter(({ name }) => /^[0-9a-f]{32}$/.test(name));
  const chains = await mapBounded(topics, looksUnderWay, async ({ name: topicId }) => {
    const entries = await files.list(`${root}/${topicId}`, signalOption(signal));
    const partitions = entries.flatMap(({ name }) => (/^\d+$/.test(name) ? [Number(name)] : []));
    return partitions.sort((a, b) => a - b).map((partition) => ({ table, topicId, partition }));
  });
  return chains.flat();
}
