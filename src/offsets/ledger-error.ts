import { SluiceError } from '../shared/index.ts';
import type { LedgerHolder } from './ledger-record.ts';

/**
 * - `unreadable-record`: a record or snapshot is torn, empty or altered; `sluice offsets repair` is the way on.
 * - `broken-chain`: records that can be read contradict each other. Nothing repairs that by itself.
 * - `unsupported-format`: written by a newer Sluice.
 * - `bad-record`: the caller wants to write something that cannot be true. Nothing was written.
 * - `fenced`: somebody else owns the partition now, or this member is not (any more) who may claim it.
 * - `held-by-other`: another group or job holds the partition.
 * - `contended`: the claim lost the race too often; try again later.
 * - `in-doubt`: the answer to the rename was lost and could not be settled; look again (claim) before anything else, and
 *   delete nothing.
 * - `missing-file`, `file-mismatch`: a file that a record names is not there, or is another one.
 * - `conflict`: the table has changed meanwhile, so that this rewrite cannot be true any more: plan it again.
 * - `topic-recreated`: the topic has another id than the table knows.
 */
export type LedgerErrorCode =
  | 'unreadable-record'
  | 'broken-chain'
  | 'unsupported-format'
  | 'bad-record'
  | 'fenced'
  | 'held-by-other'
  | 'contended'
  | 'in-doubt'
  | 'missing-file'
  | 'file-mismatch'
  | 'conflict'
  | 'topic-recreated';

export class LedgerError extends SluiceError {
  declare readonly code: LedgerErrorCode;
  /** Full path of the file it is about, when it is about one. */
  readonly path: string | null;

  constructor(
    code: LedgerErrorCode,
    message: string,
    options: { cause?: unknown; isRetriable?: boolean; path?: string } = {},
  ) {
    super(code, message, options);
    this.path = options.path ?? null;
  }
}

/** The number that was to be written is taken, or the partition went to somebody else: drop the buffers, then ask the group. */
export class FencedError extends LedgerError {
  /** Who holds the partition now, as far as it is known. */
  readonly holder: LedgerHolder | null;

  constructor(message: string, holder: LedgerHolder | null = null, options: { cause?: unknown } = {}) {
    super('fenced', message, options);
    this.holder = holder;
  }
}

export function unreadableRecord(path: string, why: string, cause?: unknown): LedgerError {
  return new LedgerError(
    'unreadable-record',
    `${path}: ${why}; the partition stops here, run "sluice offsets repair" to see what can be done`,
    { path, ...(cause === undefined ? {} : { cause }) },
  );
}
