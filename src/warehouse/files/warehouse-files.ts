/** What is known of one file or folder. */
export interface FileStatus {
  /** Last component of the path. */
  name: string;
  type: 'file' | 'directory';
  /** Bytes; 0 for folders. */
  size: number;
  modifiedMs: number;
}

/** What became of a `publishIfAbsent`. `refused` says nothing about why: look at what is there (`stat`, `read`). */
export type PublishOutcome = 'published' | 'refused';

/** Bytes in memory, or a file on the local disk that is uploaded as a stream. */
export type FileSource = { bytes: Buffer } | { localPath: string; size: number };

/**
 * The narrow file interface all tables live behind. Paths are absolute within the warehouse (`/table/dt=.../file`), use
 * `/`, and never contain `.` or `..` components. Every method retries what is safe to retry (retriable errors, failover,
 * safe mode), takes a signal, and throws WarehouseError with a `code` otherwise.
 */
export interface WarehouseFiles {
  /** The URL the user named, without secrets. */
  readonly url: string;

  /**
   * Writes a new file with all its bytes, parents created, synced where the file system can. Fails with `already-exists`
   * when the path is taken. The caller uses a name never used before: after an error the path may hold a truncated file, or
   * come to hold one later. `uncertain` (retriable) says that the answer was lost: try again under a new name, as
   * `createUnique` does.
   */
  create(path: string, source: FileSource, options?: { signal?: AbortSignal }): Promise<void>;

  /**
   * The one primitive of exactly-once: atomically gives the file `from` the name `to` unless a file has it already.
   * Never replaces, and never moves into a folder of that name. The parent of `to` is NOT created (a removed folder must stay
   * closed to late renames). `refused`: `to` is taken (by a file or a folder), `from` is missing or a folder, or the parent is
   * missing. Lost answers are settled here where the file's identity tells; else it fails with `uncertain`, and the caller
   * looks at what is there. Also after any other error, an abort included, the file may still get its new name.
   */
  publishIfAbsent(from: string, to: string, options?: { signal?: AbortSignal }): Promise<PublishOutcome>;

  /** Status, or null when there is nothing at that path. */
  stat(path: string, options?: { signal?: AbortSignal }): Promise<FileStatus | null>;

  /** Children in byte order of their names; an empty list when the folder does not exist. */
  list(path: string, options?: { signal?: AbortSignal }): Promise<FileStatus[]>;

  /** `length` bytes from `offset` (to the end when left out). Fails with `not-found`. Shorter than asked only at the end. */
  read(path: string, options?: { offset?: number; length?: number; signal?: AbortSignal }): Promise<Buffer>;

  /** Removes a file, an empty folder, or a folder with all in it when `recursive`. False when there was nothing. */
  delete(path: string, options?: { recursive?: boolean; signal?: AbortSignal }): Promise<boolean>;

  /** Creates a folder and its parents; nothing happens when it exists. */
  mkdirs(path: string, options?: { signal?: AbortSignal }): Promise<void>;

  /** The file system's own clock (the NameNode's), epoch milliseconds. Ages of files are measured with it. */
  nowMs(options?: { signal?: AbortSignal }): Promise<number>;

  close(): Promise<void>;
}
