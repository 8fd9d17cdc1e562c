// Confluent's HDFS sink (HDFS 2 and 3) for Kafka Connect: what its file names say. It goes on behind the highest offset in any.
import type { FileStatus, WarehouseFiles } from '../warehouse/index.ts';
import type { ForeignPositions, ForeignRange } from './foreign-position.ts';
import { coverRanges } from './range-cover.ts';
import { joinPath, walkFiles } from './walk-files.ts';

/** `<topic>+<partition>+<first offset>+<last offset>.<extension>`, offsets inclusive and padded with zeros. */
const committedName = /^([a-zA-Z0-9._-]+)\+(\d+)\+(\d+)\+(\d+)(\.\w+)*$/;
/** A whole Parquet file has its magic word at both ends; the sink deletes shorter ones. */
const minParquetBytes = 8;

/** Reads all names below `topics.dir` (or the topic's own folder) that belong to the topic. */
export async function readConnectHdfs(
  files: WarehouseFiles,
  topic: string,
  options: { onFile?: (count: number) => void; signal?: AbortSignal } = {},
): Promise<ForeignPositions> {
  const ranges = new Map<number, ForeignRange[]>();
  const warnings: string[] = [];
  const isTopicsFolder = (await files.stat(joinPath('/', topic), signalOf(options)))?.type === 'directory';
  let count = 0;
  for await (const { path, status } of walkFiles(
    files,
    isTopicsFolder ? joinPath('/', topic) : '/',
    isHidden,
    options.signal,
  )) {
    options.onFile?.(++count);
    const found = readName(status, topic);
    if (!found) continue;
    if (found === 'too-short') warnings.push(`${path} has ${status.size} bytes and is no Parquet file: not counted`);
    else ranges.set(found.partition, [...(ranges.get(found.partition) ?? []), found.range]);
  }
  const positions = [...ranges].map(([partition, found]) => ({
    partition,
    ...coverRanges(found),
    sourceCount: found.length,
  }));
  return { positions: positions.sort((a, b) => a.partition - b.partition), warnings };
}

function readName(status: FileStatus, topic: string): { partition: number; range: ForeignRange } | 'too-short' | null {
  const match = committedName.exec(status.name);
  if (!match || match[1] !== topic) return null;
  if (status.name.includes('.parquet') && status.size < minParquetBytes) return 'too-short';
  const range = { first: BigInt(match[3]!), next: BigInt(match[4]!) + 1n };
  return range.next > range.first ? { partition: Number(match[2]), range } : null;
}

/** `+tmp` holds what was never committed. */
function isHidden({ name }: FileStatus): boolean {
  return name === '+tmp' || name.startsWith('_') || name.startsWith('.');
}

function signalOf({ signal }: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
