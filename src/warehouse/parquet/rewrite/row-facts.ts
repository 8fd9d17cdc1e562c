import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColumnType } from '../../table/data-type.ts';
import type { TableSchema } from '../../table/table-schema.ts';
import { ByteHeap } from '../byte-heap.ts';
import { appendCanonical } from '../cell-value.ts';
import { sqlIdentifier } from '../duckdb-instance.ts';
import { ContentSum, cellKinds, type HashWords, RowHasher } from '../row-hash.ts';
import { type CellExpression, cellExpression, plainDecimal } from './cell-expression.ts';
import { nestedCell } from './nested-cell.ts';

/** What rows of one partition come to. */
export interface PartitionFacts {
  partition: number;
  rowCount: number;
  /** Inclusive. */
  firstOffset: bigint;
  lastOffset: bigint;
  contentHash: string;
}

/** The types of the system columns, which no schema lists. */
export function systemColumns(schema: TableSchema): { name: string; type: ColumnType }[] {
  return [
    { name: '_partition', type: 'int32' },
    { name: '_offset', type: 'int64' },
    { name: '_timestamp', type: 'timestamp' },
    { name: '_key', type: schema.keyType },
  ];
}

/**
 * Counts and hashes the rows that `source` (what follows FROM) gives, by partition: the same content hash as the engine made
 * when it wrote the rows. Reads row by row in pieces, so memory does not grow. `present`: the columns that `source` has.
 */
export async function rowFacts(
  connection: DuckDBConnection,
  source: string,
  schema: TableSchema,
  present: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<PartitionFacts[]> {
  const columns = [...schema.columns, ...systemColumns(schema)].filter(({ name }) => present.has(name));
  const cells = columns.map(({ name, type }) => {
    const expression = cellExpression(name, type);
    return { expression, seed: RowHasher.seedOf(name, expression.kind) };
  });
  const list = cells.map(({ expression }, index) => `${expression.sql} AS c${index}`).join(', ');
  const sql = `SELECT ${sqlIdentifier('_partition')}::INTEGER AS p, ${sqlIdentifier('_offset')}::BIGINT AS o, ${list} FROM ${source}`;
  const result = await connection.stream(sql);
  const sums = new FactSums();
  for (;;) {
    signal?.throwIfAborted();
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    const vectors = cells.map((_, index) => chunk.getColumnVector(index + 2));
    const [partitions, offsets] = [chunk.getColumnVector(0), chunk.getColumnVector(1)];
    for (let row = 0; row < chunk.rowCount; row++) {
      sums.hasher.reset();
      for (const [index, { expression, seed }] of cells.entries()) {
        addCell(sums.hasher, seed, expression, vectors[index]!.getItem(row));
      }
      sums.add(partitions.getItem(row) as number, offsets.getItem(row) as bigint);
    }
  }
  return sums.take();
}

const eight = new DataView(new ArrayBuffer(8));
const heap = new ByteHeap();

function addCell(hasher: RowHasher, seed: HashWords, { type, kind }: CellExpression, value: unknown): void {
  if (value === null) return;
  if (kind === cellKinds.nested) {
    heap.length = 0;
    appendCanonical(heap, type, nestedCell(type, value));
    hasher.addBytes(seed, heap.view, 0, heap.length);
  } else if (typeof value === 'bigint') {
    hasher.addWords(seed, Number(value & 0xffffffffn) | 0, Number(value >> 32n) | 0);
  } else if (typeof value === 'number') {
    eight.setFloat64(0, value, true);
    hasher.addWords(seed, eight.getInt32(0, true), eight.getInt32(4, true));
  } else {
    const { bytes } = value as { bytes: Uint8Array };
    const isDecimal = kind === cellKinds.decimal;
    const canonical = isDecimal ? Buffer.from(plainDecimal(Buffer.from(bytes).toString('latin1'))) : bytes;
    const view = new DataView(canonical.buffer, canonical.byteOffset, canonical.length);
    hasher.addBytes(seed, view, 0, canonical.length);
  }
}

interface FactSum {
  rowCount: number;
  firstOffset: bigint;
  lastOffset: bigint;
  sum: ContentSum;
}

class FactSums {
  readonly hasher = new RowHasher();
  readonly #byPartition = new Map<number, FactSum>();

  /** Ends the row in `hasher`. */
  add(partition: number, offset: bigint): void {
    let facts = this.#byPartition.get(partition);
    if (!facts) {
      facts = { rowCount: 0, firstOffset: offset, lastOffset: offset, sum: new ContentSum() };
      this.#byPartition.set(partition, facts);
    }
    facts.rowCount++;
    if (offset < facts.firstOffset) facts.firstOffset = offset;
    if (offset > facts.lastOffset) facts.lastOffset = offset;
    this.hasher.finishInto(facts.sum);
  }

  take(): PartitionFacts[] {
    return [...this.#byPartition]
      .map(([partition, { sum, ...facts }]) => ({ partition, ...facts, contentHash: sum.toHex() }))
      .sort((a, b) => a.partition - b.partition);
  }
}
