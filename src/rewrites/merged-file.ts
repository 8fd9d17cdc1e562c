import type { FileRange, TableFile } from '../offsets/index.ts';
import { SluiceError } from '../shared/index.ts';
import { addContentHashes, type PartitionFacts } from '../warehouse/index.ts';

/** What the rows of these files come to, by partition: bounds, count, content hash. */
export function rangesOfFiles(files: readonly TableFile[]): FileRange[] {
  const found = new Map<string, FileRange>();
  for (const range of files.flatMap((file) => file.ranges)) {
    const key = `${range.topicId}/${range.partition}`;
    const before = found.get(key);
    found.set(key, before ? joined(before, range) : range);
  }
  return [...found.values()].sort((a, b) => a.partition - b.partition);
}

function joined(a: FileRange, b: FileRange): FileRange {
  return {
    ...a,
    first: least([a.first, b.first]),
    next: largest([a.next, b.next]),
    rowCount: a.rowCount + b.rowCount,
    contentHash: addContentHashes(a.contentHash, b.contentHash),
  };
}

/** From the first to the last event of all files. */
export function timesOf(files: readonly TableFile[]): { minTimeMs: bigint; maxTimeMs: bigint } {
  return {
    minTimeMs: least(files.map((file) => file.minTimeMs)),
    maxTimeMs: largest(files.map((file) => file.maxTimeMs)),
  };
}

export function least(values: readonly bigint[]): bigint {
  return values.reduce((found, value) => {
    if (value < found) return value; // Math.min knows no bigint
    return found;
  });
}

export function largest(values: readonly bigint[]): bigint {
  return values.reduce((found, value) => {
    if (value > found) return value;
    return found;
  });
}

/** Ranges as tight as the rows that were counted. */
export function rangesOfFacts(topicId: string, facts: readonly PartitionFacts[]): FileRange[] {
  return facts.map(({ partition, rowCount, firstOffset, lastOffset, contentHash }) => {
    return { topicId, partition, first: firstOffset, next: lastOffset + 1n, rowCount, contentHash };
  });
}

/** Throws SluiceError `rows-differ` unless the rows that were read are exactly the expected ones. */
export function checkSameRows(what: string, expected: readonly FileRange[], found: readonly PartitionFacts[]): void {
  const wanted = expected.filter(({ rowCount }) => rowCount > 0);
  for (const { partition, rowCount, contentHash, first, next } of wanted) {
    const facts = found.find((other) => other.partition === partition);
    const isSame =
      facts?.rowCount === rowCount &&
      facts.contentHash === contentHash &&
      facts.firstOffset >= first &&
      facts.lastOffset < next;
    if (isSame) continue;
    throw new SluiceError(
      'rows-differ',
      `${what}: expected ${rowCount} rows of partition ${partition} with content hash ${contentHash}, found ${facts?.rowCount ?? 0} with ${facts?.contentHash ?? 'none'}`,
    );
  }
  if (found.length === wanted.length) return;
  throw new SluiceError('rows-differ', `${what}: expected rows of ${wanted.length} partitions, found ${found.length}`);
}

/** What a file says of itself in its footer, so that it can be checked, and the ledger rebuilt, without the ledger. */
export function rewriteFooter(file: Omit<TableFile, 'path' | 'size'>, operation: string): Record<string, string> {
  const [range] = file.ranges;
  const single = file.partition !== null && file.ranges.length === 1 && range;
  return {
    'sluice.topic': file.topic,
    'sluice.topic-id': file.topicId,
    ...(single && {
      'sluice.partition': String(range.partition),
      'sluice.first-offset': String(range.first),
      'sluice.last-offset': String(range.next - 1n),
    }),
    'sluice.row-count': String(file.rowCount),
    'sluice.min-time-ms': String(file.minTimeMs),
    'sluice.max-time-ms': String(file.maxTimeMs),
    'sluice.content-hash': file.contentHash,
    'sluice.schema-id': String(file.schemaId),
    'sluice.rewrite': operation,
    'sluice.ranges': JSON.stringify(
      file.ranges.map(({ partition, first, next, rowCount, contentHash }) => {
        return [partition, String(first), String(next), rowCount, contentHash];
      }),
    ),
  };
}
