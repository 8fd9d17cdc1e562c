import type { OffsetRun, PartitionRuns, TableFile } from '../offsets/index.ts';
import { countOffsets, joinRuns, partitionKey } from '../offsets/index.ts';
import { SluiceError } from '../shared/index.ts';
import { ColumnScan, TablePaths } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

/** Offsets that are looked at at a time, a bit each: 8 MiB. */
const windowOffsets = 2 ** 26;

/**
 * The exact offsets of the rows of files, by partition. A file whose rows lie densely in its range needs no look; of others the
 * column `_offset` is read, and must come to the number of rows that the table's records say.
 */
export class ExpiredRuns {
  readonly #context: RewriteContext;
  readonly #columns: ColumnScan;

  constructor(context: RewriteContext, scratchDirectory?: string) {
    this.#context = context;
    this.#columns = new ColumnScan(scratchDirectory === undefined ? {} : { scratchDirectory });
  }

  /** @throws SluiceError `rows-differ` when a file does not hold what it should. */
  async of(file: TableFile): Promise<PartitionRuns[]> {
    const found: PartitionRuns[] = [];
    for (const key of new Set(file.ranges.map(partitionKey))) {
      const ranges = file.ranges.filter((range) => partitionKey(range) === key);
      const { topicId, partition } = ranges[0]!;
      const isDense = ranges.every(({ first, next, rowCount }) => next - first === BigInt(rowCount));
      const runs = isDense ? joinRuns(ranges, []) : await this.#read(file, partition, ranges);
      const rows = ranges.reduce((sum, { rowCount }) => sum + BigInt(rowCount), 0n);
      if (countOffsets(runs) !== rows) {
        throw new SluiceError(
          'rows-differ',
          `${file.path}: expected ${rows} rows of partition ${partition}, found ${countOffsets(runs)}; see "sluice audit --deep"`,
        );
      }
      found.push({ topicId, partition, runs: runs.map(({ first, next }) => ({ first, next })) });
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#columns.close();
  }

  async #read(file: TableFile, partition: number, ranges: readonly OffsetRun[]): Promise<OffsetRun[]> {
    const { files, table, signal } = this.#context;
    const path = `${new TablePaths(table).root}/${file.path}`;
    const read = async (offset: number, length: number): Promise<Buffer> =>
      await files.read(path, { offset, length, signal });
    const where = { column: '_partition', equals: partition };
    const [whole] = joinRuns(hullOf(ranges), []);
    const runs: OffsetRun[] = [];
    for (let first = whole!.first; first < whole!.next; first += BigInt(windowOffsets)) {
      const size = Math.min(windowOffsets, Number(whole!.next - first));
      const seen = new Uint32Array((size + 31) >>> 5);
      for await (const offsets of this.#columns.integers(read, file.size, '_offset', signal, where)) {
        mark(seen, size, first, offsets);
      }
      appendRuns(runs, seen, size, first);
    }
    return runs;
  }
}

function hullOf(ranges: readonly OffsetRun[]): OffsetRun[] {
  const [first] = [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1));
  const [last] = [...ranges].sort((a, b) => (a.next > b.next ? -1 : 1));
  return [{ first: first!.first, next: last!.next }];
}

function mark(seen: Uint32Array, size: number, first: bigint, offsets: BigInt64Array): void {
  for (const offset of offsets) {
    const position = Number(offset - first);
    if (position >= 0 && position < size) seen[position >>> 5]! |= 1 << (position & 31);
  }
}

/** Behind those that are there, which may go on. */
function appendRuns(runs: OffsetRun[], seen: Uint32Array, size: number, first: bigint): void {
  const isSeen = (position: number): boolean => ((seen[position >>> 5]! >>> (position & 31)) & 1) === 1;
  for (let from = 0; from < size; ) {
    if (!isSeen(from)) {
      from = seen[from >>> 5] === 0 ? (from | 31) + 1 : from + 1;
      continue;
    }
    let to = from;
    while (to < size && isSeen(to)) to++;
    const run = { first: first + BigInt(from), next: first + BigInt(to) };
    const last = runs.at(-1);
    if (last?.next === run.first) last.next = run.next;
    else runs.push(run);
    from = to;
  }
}

/** Runs of many files as one list a partition. */
export function joinPartitions(all: readonly PartitionRuns[]): PartitionRuns[] {
  const byPartition = new Map<string, PartitionRuns>();
  for (const { topicId, partition, runs } of all) {
    const known = byPartition.get(partitionKey({ topicId, partition }));
    if (known) for (const run of runs) known.runs.push(run);
    else byPartition.set(partitionKey({ topicId, partition }), { topicId, partition, runs: [...runs] });
  }
  return [...byPartition.values()].map((one) => ({ ...one, runs: joinRuns(one.runs, []) }));
}
