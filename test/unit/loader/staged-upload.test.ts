import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FailedUploads } from '../../../src/loader/failed-uploads.ts';
import { uploadToStaging } from '../../../src/loader/staged-upload.ts';
import { type Clock, silentLogger, systemClock } from '../../../src/shared/index.ts';
import { WarehouseError } from '../../../src/warehouse/index.ts';
import { type CallFault, MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';

const directory = mkdtempSync(join(tmpdir(), 'loader-upload-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hurried: Clock = { ...systemClock, sleep: async (_ms, signal) => signal?.throwIfAborted() };

function parquetLike(footerBytes: number): { localPath: string; size: number; kind: 'parquet' } {
  const localPath = join(directory, `file-${footerBytes}`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footerBytes);
  const bytes = Buffer.concat([Buffer.from('PAR1data'), Buffer.alloc(footerBytes, 7), length, Buffer.from('PAR1')]);
  writeFileSync(localPath, bytes);
  return { localPath, size: bytes.length, kind: 'parquet' };
}

function upload(
  files: MemoryFiles,
  file: Parameters<typeof uploadToStaging>[0],
  failed = new FailedUploads(),
): Promise<string> {
  const signal = new AbortController().signal;
  return uploadToStaging(file, {
    files,
    stagingFolder: '/t/_sluice/staging/x/0/1',
    failed,
    clock: hurried,
    logger: silentLogger,
    signal,
  });
}

describe('uploadToStaging', () => {
  it('gives a new name to every attempt and returns the one of which everything arrived', async () => {
    const faults: CallFault[] = ['partial', 'none', 'lost-after'];
    let creates = 0;
    const files = new MemoryFiles(new MemoryDisk(), {
      fault: (call) => (call.method === 'create' ? (faults[creates++] ?? 'none') : 'none'),
    });
    const file = parquetLike(40);
    const path = await upload(files, file);
    const tried = files.calls.filter(({ method }) => method === 'create').map((call) => call.path);
    expect(new Set(tried).size).toBe(tried.length);
    expect(path).toBe(tried.at(-1));
    expect(files.disk.bytes(path)).toHaveLength(file.size);
    expect(files.disk.paths('/t/')).toEqual([path]);
  });

  it('does not trust an upload that was answered with yes but arrived short or altered', async () => {
    const disk = new MemoryDisk();
    let damaged = 0;
    class Lossy extends MemoryFiles {
      override async create(path: string, source: Parameters<MemoryFiles['create']>[1]): Promise<void> {
        await super.create(path, source);
        const node = disk.nodes.get(path)!;
        if (damaged === 0) node.bytes = node.bytes!.subarray(0, node.bytes!.length - 3);
        if (damaged === 1) node.bytes![node.bytes!.length - 20]! ^= 1;
        damaged++;
      }
    }
    const path = await upload(new Lossy(disk), parquetLike(41));
    expect(damaged).toBe(3);
    expect(disk.paths('/t/')).toEqual([path]);
  });

  it('has what arrives after all, behind its deletion, deleted at the release', async () => {
    const disk = new MemoryDisk();
    const late: [string, Buffer][] = [];
    class Late extends MemoryFiles {
      override async create(path: string, source: Parameters<MemoryFiles['create']>[1]): Promise<void> {
        await super.create(path, source);
        if (late.length === 2) return;
        late.push([path, disk.bytes(path)]);
        disk.remove(path, false);
        throw new WarehouseError('uncertain', 'the answer was lost', { isRetriable: true });
      }
    }
    const files = new Late(disk);
    const failed = new FailedUploads();
    const path = await upload(files, parquetLike(42), failed);
    for (const [name, bytes] of late) disk.write(name, bytes);
    expect(disk.paths('/t/')).toHaveLength(3);
    await failed.deleteAll({ files, logger: silentLogger, signal: new AbortController().signal });
    expect(disk.paths('/t/')).toEqual([path]);
  });

  it('refuses a local file that is no Parquet file', async () => {
    const localPath = join(directory, 'other');
    writeFileSync(localPath, 'something else');
    await expect(upload(new MemoryFiles(), { localPath, size: 14, kind: 'parquet' })).rejects.toThrow(
      'to end with PAR1',
    );
  });
});
