import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/shared/index.ts';
import { LocalFiles } from '../../../../src/warehouse/files/local-files.ts';
import { runChecks, runSelftest } from '../../../../src/warehouse/files/selftest/selftest.ts';
import type { FileSource, FileStatus, PublishOutcome } from '../../../../src/warehouse/files/warehouse-files.ts';

let basePath: string;
let scratch: string;

beforeEach(() => {
  basePath = mkdtempSync(join(tmpdir(), 'sluice-selftest-wh-'));
  scratch = mkdtempSync(join(tmpdir(), 'sluice-selftest-scratch-'));
});

afterEach(() => {
  for (const folder of [basePath, scratch]) rmSync(folder, { recursive: true, force: true });
});

class Disk extends LocalFiles {
  at(path: string): string {
    return join(basePath, path);
  }
}

/** What plain `rename` does on a local disk. */
class ReplacingDisk extends Disk {
  override async publishIfAbsent(from: string, to: string): Promise<PublishOutcome> {
    await rename(this.at(from), this.at(to));
    return 'published';
  }
}

/** Looks and then renames: two clients can both find the name free. */
class RacyDisk extends Disk {
  override async publishIfAbsent(from: string, to: string): Promise<PublishOutcome> {
    const taken = (await this.stat(to)) ?? ((await this.stat(dirname(to))) ? null : 'no parent');
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (taken) return 'refused';
    await rename(this.at(from), this.at(to));
    return 'published';
  }
}

/** As `hdfs dfs -mv` and a rename without options: into the folder. */
class SwallowingDisk extends Disk {
  override async publishIfAbsent(from: string, to: string): Promise<PublishOutcome> {
    const isFolder = (await this.stat(to))?.type === 'directory';
    return await super.publishIfAbsent(from, isFolder ? `${to}/${from.split('/').at(-1)}` : to);
  }
}

/** As object stores, which have no folders. */
class ParentMakingDisk extends Disk {
  override async publishIfAbsent(from: string, to: string): Promise<PublishOutcome> {
    await this.mkdirs(dirname(to));
    return await super.publishIfAbsent(from, to);
  }
}

class OverwritingDisk extends Disk {
  override async create(path: string, source: FileSource): Promise<void> {
    await this.mkdirs(dirname(path));
    if ('bytes' in source) await writeFile(this.at(path), source.bytes);
    else await copyFile(source.localPath, this.at(path));
  }
}

/** Sets the full length aside first, as a store that preallocates. */
class PreallocatingDisk extends Disk {
  override async create(path: string, source: FileSource, options: { signal?: AbortSignal } = {}): Promise<void> {
    if ('bytes' in source) return await super.create(path, source, options);
    await this.mkdirs(dirname(path));
    await writeFile(this.at(path), Buffer.alloc(source.size));
    await new Promise((resolve) => setTimeout(resolve, 100));
    options.signal?.throwIfAborted();
  }
}

class ShortListingDisk extends Disk {
  override async list(path: string): Promise<FileStatus[]> {
    return (await super.list(path)).slice(0, 10);
  }
}

class LateLengthDisk extends Disk {
  override async stat(path: string): Promise<FileStatus | null> {
    const found = await super.stat(path);
    return found && { ...found, size: found.type === 'file' && path.includes('/write/') ? 0 : found.size };
  }
}

class FastClockDisk extends Disk {
  override async nowMs(): Promise<number> {
    return Date.now() + 3_600_000;
  }
}

class KeepingDisk extends Disk {
  override async delete(path: string): Promise<boolean> {
    if (path.includes('/rights/')) return await super.delete(path);
    return false;
  }
}

describe('the selftest', () => {
  it.each([
    ['rename-no-replace', ReplacingDisk],
    ['rename-race', RacyDisk],
    ['rename-onto-folder', SwallowingDisk],
    ['rename-no-parent', ParentMakingDisk],
    ['no-overwrite', OverwritingDisk],
    ['broken-upload', PreallocatingDisk],
    ['listing', ShortListingDisk],
    ['write-read', LateLengthDisk],
    ['clean-up', KeepingDisk],
  ] as const)('refuses by "%s" a file system that breaks that promise', async (name, Broken) => {
    const results = await runOn(Broken);
    const check = results.find((result) => result.name === name);
    expect(check).toMatchObject({ verdict: 'failed', advice: expect.any(String) });
  });

  it('only warns of a clock that is an hour ahead, which no commit depends on', async () => {
    const results = await runOn(FastClockDisk);
    expect(results.filter(({ verdict }) => verdict !== 'ok').map(({ name, found }) => [name, found])).toEqual([
      ['clock', '3600 s apart'],
    ]);
  });

  it('finds a local disk fit, and leaves neither its files nor a warehouse that was not there', async () => {
    const report = await runSelftest(`file://${basePath}/new`);
    expect(report.ok).toBe(true);
    expect(report.checks.map(({ verdict }) => verdict)).toEqual(report.checks.map(() => 'ok'));
    expect(readdirSync(basePath)).toEqual([]);
  });

  it('cleans up when it is stopped', async () => {
    const stop = new AbortController();
    const onCheck = () => stop.abort(new Error('enough'));
    await expect(runSelftest(`file://${basePath}`, { signal: stop.signal, onCheck })).rejects.toThrow('enough');
    expect(readdirSync(basePath)).toEqual([]);
  });
});

async function runOn(Broken: typeof Disk) {
  const connect = () => new Broken({ url: 'file:///broken', basePath });
  const signal = new AbortController().signal;
  const sizes = { listedCount: 20, brokenBytes: 1_000_000, timedBytes: 1_000_000 };
  const facts = { identity: 'by name', login: 'nobody' };
  const context = {
    hdfs: null,
    facts,
    folder: '/_sluice-selftest-x',
    scratch,
    sizes,
    connect,
    clock: systemClock,
    signal,
  };
  return await runChecks({ ...context, files: connect() });
}
