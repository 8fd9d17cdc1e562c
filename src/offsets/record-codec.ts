/** Bytes of one record of a partition's chain (sealed-record.ts). */
import { type LedgerRecord, ledgerFormatVersion } from './ledger-record.ts';
import { checkRecord } from './record-checks.ts';
import { parseRecordJson, recordKinds } from './record-schema.ts';
import { type EncodedRecord, type RecordShape, sealRecord, unsealRecord } from './sealed-record.ts';

/** A commit with more runs of offsets that did not land is refused: roll earlier. A run takes about 60 bytes. */
export const maxRunsPerCommit = 200_000;

const shape: RecordShape<LedgerRecord> = {
  formatVersion: ledgerFormatVersion,
  kinds: recordKinds,
  parse: parseRecordJson,
  check: checkRecord,
};

/** Throws LedgerError `bad-record` when the record cannot be true. */
export function encodeRecord(record: LedgerRecord): EncodedRecord {
  return sealRecord(record, checkRecord(record) ?? runsProblem(record));
}

/** Throws LedgerError `unreadable-record` (torn, altered, not one of ours) or `unsupported-format`; `path` is for the message. */
export function decodeRecord(bytes: Buffer, path: string): { record: LedgerRecord; hash: string } {
  return unsealRecord(bytes, path, shape);
}

function runsProblem(record: LedgerRecord): string | null {
  if (record.kind !== 'commit') return null;
  const { dead, filtered, control, gaps } = record.notLanded;
  const count = dead.length + filtered.length + control.length + gaps.length;
  return count > maxRunsPerCommit ? `expected at most ${maxRunsPerCommit} runs of offsets, got ${count}` : null;
}
