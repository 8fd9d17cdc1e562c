/**
 * The few file operations the log is built on, narrow enough that a simulation can stand in for them and lose power at any
 * point (test/support/simulated-file-system.ts). Failures reject with errors that carry an errno word in `code`, as Node's do.
 *
 * What is durable when: bytes of a file after `datasync` of that file; a name (created, renamed, removed) after
 * `syncDirectory` of the folder that holds it. Nothing else is promised.
 */
import type { DirectoryLock } from '../../shared/index.ts';

export type { DirectoryLock };

export interface LogFileSystem {
  /** `read` and `write` want an existing file; `create` makes it or empties it; `create-new` refuses an existing one (EEXIST). */
  open(path: string, mode: OpenMode): Promise<LogFile>;
  /** null when nothing is there. */
  stat(path: string): Promise<FileStatus | null>;
  /** The names in a folder, in no order. */
  list(path: string): Promise<string[]>;
  /** Makes one folder; its parent must exist. Rejects with EEXIST when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Replaces what has the new name, atomically. */
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Removes an empty folder. */
  removeDirectory(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Keeps other processes out of `directory` until `release`, or until this process ends. Rejects with EBUSY when another has it. */
  lockDirectory(directory: string): Promise<DirectoryLock>;
}

export type OpenMode = 'read' | 'write' | 'create' | 'create-new';

export interface FileStatus {
  isDirectory: boolean;
  sizeBytes: number;
  modifiedMs: number;
}

export interface LogFile {
  /** Fills `target` from `position` on; the count is smaller only at the end of the file. */
  read(target: Buffer, position: number): Promise<number>;
  /** Writes all bytes one after the other from `position` on. When it rejects, any part of them may be in the file. */
  write(buffers: Buffer[], position: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** fdatasync: the bytes and the length are on stable storage when it resolves. Must not be retried after a failure. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}
