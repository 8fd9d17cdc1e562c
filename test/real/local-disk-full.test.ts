import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { bytes, failure } from '../support/warehouse-files-contract.ts';

/** Mounting needs root; so does installing what the real tests need. */
function asRoot(...command: string[]): void {
  const [program, ...args] = process.geteuid!() === 0 ? command : ['sudo', ...command];
  execFileSync(program!, args);
}

describe('a local warehouse on a full or read-only disk', () => {
  let folder: string;
  let files: WarehouseFiles;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-full-'));
    asRoot('mount', '-t', 'tmpfs', '-o', 'size=1m,mode=777', 'tmpfs', folder);
    files = await openWarehouse(`file://${folder}`);
  });

  afterAll(() => {
    asRoot('umount', folder);
    rmdirSync(folder);
  });

  it('says that there is no space, leaves no half-written file, and goes on when there is some again', async () => {
    await files.create('/t/first', { bytes: Buffer.alloc(700_000) });
    expect(await failure(files.create('/t/second', { bytes: Buffer.alloc(700_000) }))).toBe('no-space');
    expect((await files.list('/t')).map(({ name }) => name)).toEqual(['first']);
    await files.delete('/t/first');
    await files.create('/t/second', { bytes: Buffer.alloc(700_000) });
  });

  it('says that it may not write, and still publishes nothing', async () => {
    await files.create('/t/a', bytes('x'));
    asRoot('mount', '-o', 'remount,ro', folder);
    expect(await failure(files.create('/t/b', bytes('x')))).toBe('permission-denied');
    expect(await failure(files.publishIfAbsent('/t/a', '/t/c'))).toBe('permission-denied');
    expect((await files.read('/t/a')).toString()).toBe('x');
    await expect(openWarehouse(`file://${folder}`)).rejects.toMatchObject({ code: 'bad-input' });
    asRoot('mount', '-o', 'remount,rw', folder);
  });
});
