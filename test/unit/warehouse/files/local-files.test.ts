import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUnique, LocalFiles } from '../../../../src/warehouse/index.ts';
import { bytes, describeWarehouseFiles } from '../../../support/warehouse-files-contract.ts';

let base: string;
let files: LocalFiles;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sluice-local-files-'));
  files = new LocalFiles({ url: `file://${base}`, basePath: base });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

describeWarehouseFiles('a local folder', async () => files);

describe('LocalFiles', () => {
  it('finishes a publish that died after link() and before unlink()', async () => {
    await files.create('/t/a', bytes('mine'));
    linkSync(join(base, 't/a'), join(base, 't/b'));
    expect(await files.publishIfAbsent('/t/a', '/t/b')).toBe('published');
    expect(readdirSync(join(base, 't'))).toEqual(['b']);
  });

  it('reports a folder that may not be written to', async () => {
    mkdirSync(join(base, 'closed'));
    chmodSync(join(base, 'closed'), 0o555);
    chmodSync(base, 0o755);
    await asOrdinaryUser(async () => {
      await expect(files.create('/closed/a', bytes('x'))).rejects.toMatchObject({ code: 'permission-denied' });
    });
  });

  it('leaves no half-written file when it is told to stop', async () => {
    const localPath = join(base, 'source');
    writeFileSync(localPath, Buffer.alloc(30_000_000));
    const stop = new AbortController();
    const writing = files.create('/t/a', { localPath, size: 30_000_000 }, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 1);
    await expect(writing).rejects.toThrow('enough');
    expect(await files.stat('/t/a')).toBeNull();
  });

  it('finishes the removal of a folder that died in the middle, and shows nothing of it', async () => {
    await files.create('/staging/7/a', bytes('never committed'));
    renameSync(join(base, 'staging/7'), join(base, `staging/7.removed-${randomUUID()}`));
    await files.create('/staging/8/b', bytes('mine'));
    expect((await files.list('/staging')).map(({ name }) => name)).toEqual(['8']);
    expect(readdirSync(join(base, 'staging'))).toEqual(['8']);
  });

  it("does not stumble over a dangling link among a folder's children", async () => {
    await files.create('/t/a', bytes('x'));
    symlinkSync('/no/such/file', join(base, 't/dangling'));
    expect((await files.list('/t')).map(({ name }) => name)).toEqual(['a']);
  });
});

describe('createUnique', () => {
  it('writes under a fresh name each time', async () => {
    const first = await createUnique(files, '/t', bytes('x'), { suffix: '.json' });
    const second = await createUnique(files, '/t', bytes('x'), { suffix: '.json' });
    expect(first).not.toBe(second);
    expect(await files.list('/t')).toHaveLength(2);
    expect(await createUnique(files, '/', bytes('x'))).toMatch(/^\/[0-9a-f-]{36}$/);
  });
});

/** Rights do not stop root: the test takes another user's identity for a moment. */
async function asOrdinaryUser(act: () => Promise<void>): Promise<void> {
  if (process.geteuid!() !== 0) return await act();
  process.seteuid!(65_534);
  try {
    await act();
  } finally {
    process.seteuid!(0);
  }
}
