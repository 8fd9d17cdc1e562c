import { systemColumnNames } from '../table/column-name.ts';
import { systemFieldIds } from '../table/field-ids.ts';
import type { TableSchema } from '../table/table-schema.ts';
import type { FileColumn } from './encode-job.ts';
import type { FolderBuffer } from './folder-buffer.ts';
import type { EncoderOptions } from './parquet-engine.ts';
import type { SpoolColumn, SpoolGroup } from './plain-spool.ts';
import { type SchemaNode, schemaNode } from './schema-nodes.ts';

/** What a final file looks like: its columns, its row groups, and what its footer says. */

export function spoolColumns(folder: FolderBuffer): SpoolColumn[] {
  return folder.allColumns.map(({ name, dataType }) => ({ name, type: dataType }));
}

/** The table's columns in the order of the schema, then the system columns. */
export function fileColumns(folder: FolderBuffer, schema: TableSchema): FileColumn[] {
  const byName = new Map(folder.allColumns.map(({ name, dataType }, spoolIndex) => [name, { dataType, spoolIndex }]));
  const column = (name: string, fieldIds: Readonly<Record<string, number>>): FileColumn => {
    const { dataType, spoolIndex } = byName.get(name)!;
    return { name, type: dataType, spoolIndex, fieldIds };
  };
  return [
    ...schema.columns.map(({ name, fieldIds }) => column(name, fieldIds ?? {})),
    ...systemColumnNames.map((name) => column(name, { '': systemFieldIds[name]! })),
  ];
}

/** The schema of the final file. */
export function fileNodes(columns: readonly FileColumn[]): SchemaNode[] {
  return columns.map(({ name, type, fieldIds }) => schemaNode(name, type, fieldIds));
}

/**
 * Rows of a row group: as wished, but so few that no run of that many rows has more than `maxBytes` in the spool, because an
 * engine holds a row group in memory. Within one spill rows count as equally large.
 */
export function rowGroupRowsFor(wished: number, maxBytes: number, groups: readonly SpoolGroup[]): number {
  let rows = wished;
  while (rows > 1 && largestRun(rows, groups) > maxBytes) rows = Math.ceil(rows / 2);
  return rows;
}

/** Bytes of the largest run of `rows` rows that begins where a spill does. */
function largestRun(rows: number, groups: readonly SpoolGroup[]): number {
  let largest = 0;
  for (let first = 0; first < groups.length; first++) {
    let bytes = 0;
    let missing = rows;
    for (let index = first; index < groups.length && missing > 0; index++) {
      const { rowCount, size } = groups[index]!;
      bytes += missing >= rowCount ? size : size * (missing / rowCount);
      missing -= rowCount;
    }
    largest = Math.max(largest, bytes);
  }
  return largest;
}

/** Key-value pairs of the footer: a file proves itself without the ledger. Keys of the caller come first. */
export function fileMetadata(options: EncoderOptions, folder: FolderBuffer, schemaId: number): Record<string, string> {
  return {
    ...options.footerMetadata,
    'sluice.topic': options.topic,
    'sluice.topic-id': options.topicId,
    'sluice.partition': String(options.partition),
    'sluice.first-offset': String(folder.firstOffset),
    'sluice.last-offset': String(folder.lastOffset),
    'sluice.row-count': String(folder.totalRows),
    'sluice.min-time-ms': String(folder.minTimeMs),
    'sluice.max-time-ms': String(folder.maxTimeMs),
    'sluice.content-hash': folder.sum.toHex(),
    'sluice.schema-id': String(schemaId),
  };
}
