import type { ChainFormat } from '../chain-format.ts';
import { LedgerError } from '../ledger-error.ts';
import { type EncodedRecord, type RecordShape, sealRecord, unsealRecord } from '../sealed-record.ts';
import { rewritesFolder } from './table-paths.ts';
import { type TableRecord, tableFormatVersion } from './table-record.ts';
import { checkTableRecord } from './table-record-checks.ts';
import { parseTableRecord, tableRecordKinds } from './table-record-schema.ts';
import { afterEraEnd, applyTableRecord, emptyTableState, type TableState } from './table-state.ts';
import { readStateFile } from './table-state-file.ts';

const shape: RecordShape<TableRecord> = {
  formatVersion: tableFormatVersion,
  kinds: tableRecordKinds,
  parse: parseTableRecord,
  check: checkTableRecord,
};

export type TableFormat = ChainFormat<TableRecord, TableState>;

/** How the chain of a table is written. */
export function tableFormat(table: string): TableFormat {
  return {
    table,
    folder: rewritesFolder(table),
    identity: { table },
    encode: encodeTableRecord,
    decode: decodeTableRecord,
    empty: () => emptyTableState(table),
    apply: applyTableRecord,
    begin: async (files, { record, hash, path }, folder, signal) => {
      if (record.kind !== 'era-end') {
        throw new LedgerError('broken-chain', `${path}: expected the record that closes its era`, { path });
      }
      const state = record.state ? await readStateFile(files, table, record.state, signal) : emptyTableState(table);
      return afterEraEnd(state, record, hash, folder);
    },
    nextFolder: (record) => (record.kind === 'era-end' ? record.nextFolder : null),
    isVoiding: (record) => record.kind === 'repair',
    isForeign: (record) => record.table !== table,
  };
}

/** Throws LedgerError `bad-record` when the record cannot be true. */
export function encodeTableRecord(record: TableRecord): EncodedRecord {
  return sealRecord(record, checkTableRecord(record));
}

export function decodeTableRecord(bytes: Buffer, path: string): { record: TableRecord; hash: string } {
  return unsealRecord(bytes, path, shape);
}
