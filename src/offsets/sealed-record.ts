/**
 * Bytes of one record of a chain: one line of sealed canonical JSON (see canonical-json.ts). The hash that the next record
 * carries as `previousHash` is the SHA-256 of the whole file.
 */
import { describeError } from '../shared/index.ts';
import { decodeSealedJson, encodeSealedJson, sha256Hex } from './canonical-json.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';

/** Records above this are refused on the way in and out; `maxRunsPerCommit` keeps commits well below. */
export const maxRecordBytes = 32 * 1024 * 1024;

export interface EncodedRecord {
  bytes: Buffer;
  /** SHA-256 of the bytes, hex. */
  hash: string;
}

/** What a kind of chain knows of its records. */
export interface RecordShape<R> {
  formatVersion: number;
  kinds: readonly string[];
  /** The record in parsed JSON, or what is wrong with it as one line. */
  parse: (json: unknown) => { record: R } | { problem: string };
  /** What is wrong with a record taken by itself, as one line; null when it can be true. */
  check: (record: R) => string | null;
}

/** Throws LedgerError `bad-record` when the record cannot be true. */
export function sealRecord<R extends { kind: string; sequence: number }>(
  record: R,
  problem: string | null,
): EncodedRecord {
  if (problem) throw new LedgerError('bad-record', `${record.kind} record ${record.sequence}: ${problem}`);
  const bytes = encodeSealedJson(record);
  if (bytes.length > maxRecordBytes) {
    throw new LedgerError(
      'bad-record',
      `${record.kind} record ${record.sequence}: expected at most ${maxRecordBytes} bytes, got ${bytes.length}; do less at a time`,
    );
  }
  return { bytes, hash: sha256Hex(bytes) };
}

/** Throws LedgerError `unreadable-record` (torn, altered, not one of ours) or `unsupported-format`; `path` is for the message. */
export function unsealRecord<R>(bytes: Buffer, path: string, shape: RecordShape<R>): { record: R; hash: string } {
  refuseNewerFormat(bytes, path, shape.formatVersion);
  let json: Record<string, unknown>;
  try {
    json = decodeSealedJson(bytes);
  } catch (error) {
    throw unreadableRecord(path, describeError(error), error);
  }
  if (!(shape.kinds as readonly unknown[]).includes(json['kind'])) {
    throw new LedgerError(
      'unsupported-format',
      `${path}: expected a record of kind ${shape.kinds.join(', ')}, got "${String(json['kind'])}"; a newer Sluice may have written it`,
      { path },
    );
  }
  const parsed = shape.parse(json);
  if ('problem' in parsed) throw unreadableRecord(path, parsed.problem);
  const problem = shape.check(parsed.record);
  if (problem) throw unreadableRecord(path, problem);
  return { record: parsed.record, hash: sha256Hex(bytes) };
}

function refuseNewerFormat(bytes: Buffer, path: string, expected: number): void {
  let version: unknown;
  try {
    version = (JSON.parse(bytes.toString('utf8')) as { formatVersion?: unknown }).formatVersion;
  } catch {
    return; // torn: told apart by the checksum below
  }
  if (typeof version === 'number' && version > expected) {
    throw new LedgerError(
      'unsupported-format',
      `${path}: expected format version ${expected}, got ${version}; use the Sluice that wrote it, or a newer one`,
      { path },
    );
  }
}
