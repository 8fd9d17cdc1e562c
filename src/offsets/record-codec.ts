/**
 * Bytes of one ledger record: one line of sealed canonical JSON (see canonical-json.ts). The hash that the next record
 * carries as `previousHash` is the SHA-256 of the whole file.
 */
import { describeError } from '../shared/index.ts';
import { decodeSealedJson, encodeSealedJson, sha256Hex } from './canonical-json.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { type LedgerRecord, ledgerFormatVersion } from './ledger-record.ts';
import { checkRecord } from './record-checks.ts';
import { parseRecordJson, recordKinds } from './record-schema.ts';

/** Records above this are refused on the way in and out; `maxRunsPerCommit` keeps commits well below. */
export const maxRecordBytes = 32 * 1024 * 1024;

/** A commit with more runs of offsets that did not land is refused: roll earlier. A run takes about 60 bytes. */
export const maxRunsPerCommit = 200_000;

export interface EncodedRecord {
  bytes: Buffer;
  /** SHA-256 of the bytes, hex. */
  hash: string;
}

/** Throws LedgerError `bad-record` when the record cannot be true. */
export function encodeRecord(record: LedgerRecord): EncodedRecord {
  const problem = checkRecord(record) ?? runsProblem(record);
  if (problem) throw new LedgerError('bad-record', `${record.kind} record ${record.sequence}: ${problem}`);
  const bytes = encodeSealedJson(record);
  if (bytes.length > maxRecordBytes) {
    throw new LedgerError(
      'bad-record',
      `${record.kind} record ${record.sequence}: expected at most ${maxRecordBytes} bytes, got ${bytes.length}; roll earlier`,
    );
  }
  return { bytes, hash: sha256Hex(bytes) };
}

/** Throws LedgerError `unreadable-record` (torn, altered, not one of ours) or `unsupported-format`; `path` is for the message. */
export function decodeRecord(bytes: Buffer, path: string): { record: LedgerRecord; hash: string } {
  refuseNewerFormat(bytes, path);
  let json: Record<string, unknown>;
  try {
    json = decodeSealedJson(bytes);
  } catch (error) {
    throw unreadableRecord(path, describeError(error), error);
  }
  if (!(recordKinds as readonly unknown[]).includes(json['kind'])) {
    throw new LedgerError(
      'unsupported-format',
      `${path}: expected a record of kind ${recordKinds.join(', ')}, got "${String(json['kind'])}"; a newer Sluice may have written it`,
      { path },
    );
  }
  const parsed = parseRecordJson(json);
  if ('problem' in parsed) throw unreadableRecord(path, parsed.problem);
  const problem = checkRecord(parsed.record);
  if (problem) throw unreadableRecord(path, problem);
  return { record: parsed.record, hash: sha256Hex(bytes) };
}

function refuseNewerFormat(bytes: Buffer, path: string): void {
  let version: unknown;
  try {
    version = (JSON.parse(bytes.toString('utf8')) as { formatVersion?: unknown }).formatVersion;
  } catch {
    return; // torn: told apart by the checksum below
  }
  if (typeof version === 'number' && version > ledgerFormatVersion) {
    throw new LedgerError(
      'unsupported-format',
      `${path}: expected format version ${ledgerFormatVersion}, got ${version}; use the Sluice that wrote it, or a newer one`,
      { path },
    );
  }
}

function runsProblem(record: LedgerRecord): string | null {
  if (record.kind !== 'commit') return null;
  const { dead, filtered, control, gaps } = record.notLanded;
  const count = dead.length + filtered.length + control.length + gaps.length;
  return count > maxRunsPerCommit ? `expected at most ${maxRunsPerCommit} runs of offsets, got ${count}` : null;
}
