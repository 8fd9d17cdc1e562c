/**
 * Keeps two processes from using one data directory. The file `.lock` holds one JSON line that names the owner by process id,
 * start time of that process and boot of the machine, so that a lock left behind by a crash is told from a live one even when
 * the process id was given to somebody else. Taking the lock is `link(2)`, which refuses an existing name.
 *
 * It works within one machine and one process namespace: two containers that mount the same directory do not see each other.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface DirectoryLock {
  release(): Promise<void>;
}

interface LockOwner {
  pid: number;
  /** Clock ticks since boot at which the process started (field 22 of /proc/PID/stat), or '' where there is no /proc. */
  startedAt: string;
  bootId: string;
  token: string;
}

/** Rejects with an error of code EBUSY that names the process that has the directory. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, '.lock');
  const own: LockOwner = { pid: process.pid, ...(await processIdentity(process.pid)), token: randomUUID() };
  const candidate = `${path}.${own.token}`;
  await writeFile(candidate, `${JSON.stringify(own)}\n`);
  try {
    while (!(await linkIfFree(candidate, path))) await removeStaleLock(directory, path, own.token);
  } finally {
    await unlink(candidate);
  }
  return { release: () => releaseLock(path, own.token) };
}

async function linkIfFree(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Two processes may find the same stale lock: each moves aside what is there and looks again at what it got. */
async function removeStaleLock(directory: string, path: string, token: string): Promise<void> {
  const holder = await readOwner(path);
  if (holder && (await isAlive(holder))) throw busy(directory, holder);
  const aside = `${path}.stale.${token}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readOwner(aside);
  if (moved && (await isAlive(moved))) await linkIfFree(aside, path);
  await unlink(aside);
}

async function releaseLock(path: string, token: string): Promise<void> {
  if ((await readOwner(path))?.token === token) await unlink(path);
}

async function readOwner(path: string): Promise<LockOwner | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as LockOwner;
  } catch {
    // Gone, or damaged by the crash that left it behind: both mean that nobody holds it.
    return null;
  }
}

async function isAlive(owner: LockOwner): Promise<boolean> {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
  }
  const now = await processIdentity(owner.pid);
  return now.startedAt === owner.startedAt && now.bootId === owner.bootId;
}

async function processIdentity(pid: number): Promise<{ startedAt: string; bootId: string }> {
  const stat = await readTextOrEmpty(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself hold spaces: count from the last parenthesis.
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { startedAt: afterName[19] ?? '', bootId: (await readTextOrEmpty('/proc/sys/kernel/random/boot_id')).trim() };
}

async function readTextOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

/** The errno word of a failed file operation. */
function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

function busy(directory: string, holder: LockOwner): Error {
  const message = `expected ${directory} to be free, but process ${holder.pid} uses it: stop that process or choose another directory`;
  return Object.assign(new Error(message), { code: 'EBUSY' });
}
