import type { Clock } from '../../../shared/index.ts';
import { isWarehouseError, type WarehouseErrorCode } from '../warehouse-error.ts';
import type { FileSource, WarehouseFiles } from '../warehouse-files.ts';
import type { WebHdfsFiles } from '../webhdfs/webhdfs-files.ts';

/** - `ok`: as it must be. - `warning`: works, and somebody should know. - `failed`: no load may be trusted to this file system. */
export type Verdict = 'ok' | 'warning' | 'failed';

export interface Finding {
  verdict: Verdict;
  /** What was seen, with figures. */
  found: string;
  /** What to do about it; null when nothing is to be done. */
  advice: string | null;
}

export interface CheckContext {
  files: WarehouseFiles;
  /** The same, when it is in HDFS. */
  hdfs: WebHdfsFiles | null;
  /** What is known where it is not in HDFS: by what a file is known again after a rename, as whom we came, and that files never show in part. */
  facts: { identity: string; login: string; showsWholeOnly?: boolean };
  /** A folder of our own in the warehouse; all that a check makes lies in it. */
  folder: string;
  /** Local folder for files to upload. */
  scratch: string;
  /** A client with connections of its own; closed by the caller. */
  connect: () => WarehouseFiles;
  sizes: CheckSizes;
  clock: Clock;
  signal: AbortSignal;
}

/** How much is made; `defaultSizes` shows what is meant to show on a real file system. */
export interface CheckSizes {
  /** Entries of the folder that is listed: more than one page of a NameNode (`dfs.ls.limit`, 1,000). */
  listedCount: number;
  /** Of the upload that is broken off: takes long enough to be caught in the middle. */
  brokenBytes: number;
  /** Of the upload that is timed. */
  timedBytes: number;
}

export const defaultSizes: CheckSizes = {
  listedCount: 1_500,
  brokenBytes: 64 * 1024 * 1024,
  timedBytes: 16 * 1024 * 1024,
};

export interface Check {
  name: string;
  /** The promise that is put to the test, in words. */
  promise: string;
  run: (context: CheckContext) => Promise<Finding>;
}

export function ok(found: string): Finding {
  return { verdict: 'ok', found, advice: null };
}

export function warning(found: string, advice: string): Finding {
  return { verdict: 'warning', found, advice };
}

export function failed(found: string, advice: string): Finding {
  return { verdict: 'failed', found, advice };
}

export function textSource(text: string): FileSource {
  return { bytes: Buffer.from(text) };
}

/** The code of the error that a call ends with; null when it succeeds. Anything but a WarehouseError goes up. */
export async function codeOf(call: Promise<unknown>): Promise<WarehouseErrorCode | null> {
  try {
    await call;
    return null;
  } catch (error) {
    if (isWarehouseError(error)) return error.code;
    throw error;
  }
}
