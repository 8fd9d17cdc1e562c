import { isUtf8 } from 'node:buffer';
import { SluiceError } from '../../shared/index.ts';
import type { BatchFormat } from '../parquet/batch-records.ts';
import { ColumnInference } from '../parquet/column-inference.ts';
import { columnNameProblem, maxColumnCount } from './column-name.ts';
import type { Column, TableSchema } from './table-schema.ts';

/** Records of a batch that are looked at. */
const maxSampleRecords = 10_000;

/** Key and value of a record, as it came. */
export interface SampleRecord {
  key: Buffer | null;
  value: Buffer | null;
}

/**
 * The schema of a table from its first records (best taken from all partitions of the topic); see `ColumnInference` for
 * the types. Keys are `string` when every key of the sample is UTF-8 text, `bytes` otherwise and when no record has a key.
 * A field whose name cannot be a column's (taken by a system column, or another one's twin but for case) gets none.
 */
export function inferSchema(records: Iterable<SampleRecord>): TableSchema {
  const inference = new ColumnInference(() => true);
  let keyCount = 0;
  let isText = true;
  for (const { key, value } of records) {
    if (value !== null) inference.add(value, 0, value.length);
    if (key === null) continue;
    keyCount++;
    isText &&= isUtf8(key);
  }
  return {
    id: 0,
    mode: 'inferred',
    keyType: keyCount > 0 && isText ? 'string' : 'bytes',
    columns: usable(inference.columns()),
  };
}

/** The schema of a table from one record batch; an unreadable one gives a schema without columns. */
export function inferBatchSchema(batches: BatchFormat, batch: Buffer): TableSchema {
  return inferSchema(recordsOf(batches, batch));
}

function recordsOf(batches: BatchFormat, batch: Buffer): SampleRecord[] {
  const records: SampleRecord[] = [];
  try {
    const cursor = batches.openCursor(batch);
    while (records.length < maxSampleRecords && cursor.next())
      records.push({ key: cursor.key(), value: cursor.value() });
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
  }
  return records;
}

function usable(columns: readonly Column[]): Column[] {
  const folded = new Set<string>();
  const kept = columns.filter(({ name }) => {
    const isUsable = columnNameProblem(name) === null && !folded.has(name.toLowerCase());
    folded.add(name.toLowerCase());
    return isUsable;
  });
  return kept.slice(0, maxColumnCount);
}
