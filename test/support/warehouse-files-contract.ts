import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WarehouseFiles } from '../../src/warehouse/index.ts';

/** What every implementation of WarehouseFiles promises, whatever it lies on. `open` gives a client of an empty warehouse. */
export function describeWarehouseFiles(name: string, open: () => Promise<WarehouseFiles>): void {
  describe(`${name} as a warehouse`, () => {
    let files: WarehouseFiles;
    beforeEach(async () => {
      files = await open();
    });

    it('gives back what was written, whole and in part', async () => {
      await files.create('/t/dt=2026-11-21/a', bytes('hello world'));
      const read = async (offset: number, length?: number) =>
        (await files.read('/t/dt=2026-11-21/a', { offset, ...(length !== undefined && { length }) })).toString();
      expect(await read(0)).toBe('hello world');
      expect(await read(6)).toBe('world');
      expect(await read(6, 3)).toBe('wor');
      expect(await read(6, 300)).toBe('world');
      expect(await read(11, 3)).toBe('');
      expect(await read(300)).toBe('');
      expect(await read(3, 0)).toBe('');
      await files.create('/t/empty', bytes(''));
      expect(await files.read('/t/empty')).toHaveLength(0);
    });

    it('tells name, kind, size and age', async () => {
      await files.create('/t/a', bytes('12345'));
      const status = await files.stat('/t/a');
      expect(status).toMatchObject({ name: 'a', type: 'file', size: 5 });
      expect(Math.abs((await files.nowMs()) - status!.modifiedMs)).toBeLessThan(10_000);
      expect(await files.stat('/t')).toMatchObject({ name: 't', type: 'directory', size: 0 });
      expect(await files.stat('/')).toMatchObject({ name: '', type: 'directory' });
      expect(await files.stat('/t/none')).toBeNull();
      expect(await files.stat('/t/a/below')).toBeNull();
    });

    it('copies a local file of many buffers to the byte, and refuses one that is not as announced', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-contract-'));
      const content = Buffer.alloc(2_500_001, 'abcdefg');
      const localPath = join(folder, 'source');
      writeFileSync(localPath, content);
      await files.create('/t/a', { localPath, size: content.length });
      expect((await files.read('/t/a')).equals(content)).toBe(true);
      expect(await failure(files.create('/t/b', { localPath, size: 7 }))).toBe('bad-source');
      expect(await failure(files.create('/t/c', { localPath: join(folder, 'none'), size: 7 }))).toBe('bad-source');
      rmSync(folder, { recursive: true });
    });

    it('never writes over a file or a folder', async () => {
      await files.create('/t/a', bytes('first'));
      expect(await failure(files.create('/t/a', bytes('second')))).toBe('already-exists');
      expect(await failure(files.create('/t', bytes('second')))).toBe('already-exists');
      expect((await files.read('/t/a')).toString()).toBe('first');
    });

    it('publishes to a free name only: not over a file, not into a folder, not without a parent', async () => {
      await files.create('/t/a', bytes('mine'));
      await files.create('/t/taken', bytes('theirs'));
      await files.mkdirs('/t/folder');
      for (const to of ['/t/taken', '/t/folder', '/t/a', '/none/x', '/t/taken/x']) {
        expect(await files.publishIfAbsent('/t/a', to), to).toBe('refused');
      }
      expect(await files.publishIfAbsent('/t/none', '/t/b')).toBe('refused');
      expect(await files.publishIfAbsent('/t/folder', '/t/b')).toBe('refused');
      expect(await names('/t')).toEqual(['a', 'folder', 'taken']);
      expect(await names('/t/folder')).toEqual([]);
      expect((await files.read('/t/taken')).toString()).toBe('theirs');
      expect(await files.publishIfAbsent('/t/a', '/t/folder/b')).toBe('published');
      expect(await files.publishIfAbsent('/t/a', '/t/folder/b')).toBe('refused');
      expect(await names('/t')).toEqual(['folder', 'taken']);
      expect((await files.read('/t/folder/b')).toString()).toBe('mine');
    });

    it('keeps every character of a name through create, publish, list and read', async () => {
      const odd = [
        ' x',
        '%41',
        'a+b',
        'a;b',
        'a?b#c',
        'a\\b',
        '"',
        '=',
        '&x=1',
        'part+t.a+0',
        '\ufb01',
        '\u{1f600}',
        'Z',
      ];
      await files.mkdirs('/u');
      for (const name of odd) {
        await files.create(`/t/${name}`, bytes(name));
        expect(await files.publishIfAbsent(`/t/${name}`, `/u/${name}`)).toBe('published');
        expect((await files.read(`/u/${name}`)).toString()).toBe(name);
      }
      expect(await names('/u')).toEqual(odd.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      expect(await names('/none')).toEqual([]);
    });

    it('deletes files, empty folders and, when told, full ones', async () => {
      await files.create('/t/x/a', bytes('x'));
      expect(await failure(files.delete('/t/x'))).toBe('folder-not-empty');
      expect(await files.delete('/t/x/a')).toBe(true);
      expect(await files.delete('/t/x/a')).toBe(false);
      expect(await files.delete('/t/x')).toBe(true);
      await files.create('/t/y/a', bytes('y'));
      expect(await files.delete('/t', { recursive: true })).toBe(true);
      expect(await names('/')).toEqual([]);
      expect(await failure(files.delete('/', { recursive: true }))).toBe('bad-path');
    });

    it('says by a code what is wrong', async () => {
      await files.create('/t/a', bytes('x'));
      await files.mkdirs('/t');
      expect(await failure(files.read('/none'))).toBe('not-found');
      expect(await failure(files.read('/none', { length: 0 }))).toBe('not-found');
      expect(await failure(files.read('/t'))).toBe('is-a-folder');
      expect(await failure(files.list('/t/a'))).toBe('not-a-folder');
      expect(await failure(files.mkdirs('/t/a'))).toBe('not-a-folder');
      expect(await failure(files.mkdirs('/t/a/b'))).toBe('not-a-folder');
      expect(await failure(files.create('/t/a/b', bytes('x')))).toBe('not-a-folder');
      expect(await failure(files.create(`/${'x'.repeat(300)}`, bytes('x')))).toBe('bad-path');
    });

    it.each(['x', '', '/a//b', '/../etc/passwd', '/a/..', '/./a', '/a\0b', '/a/', '/\ud800'])(
      'never lets the path %j get anywhere',
      async (path) => {
        const calls: Promise<unknown>[] = [files.create(path, bytes('')), files.read(path), files.list(path)];
        calls.push(files.stat(path), files.mkdirs(path), files.delete(path));
        calls.push(files.publishIfAbsent(path, '/a'), files.publishIfAbsent('/a', path));
        for (const code of await Promise.all(calls.map(failure))) expect(code).toBe('bad-path');
        expect(await names('/')).toEqual([]);
      },
    );

    it('lets exactly one of 40 racing clients publish a name', async () => {
      const sources = Array.from({ length: 40 }, (_, i) => `/tmp/${i}`);
      await Promise.all(sources.map((path) => files.create(path, bytes(path))));
      await files.mkdirs('/chain');
      const outcomes = await Promise.all(sources.map((path) => files.publishIfAbsent(path, '/chain/1')));
      const winners = sources.filter((_, i) => outcomes[i] === 'published');
      expect(winners).toEqual([(await files.read('/chain/1')).toString()]);
      expect(await names('/chain')).toEqual(['1']);
      expect(await names('/tmp')).toHaveLength(39);
    });

    it('does nothing for a caller that has stopped', async () => {
      const signal = AbortSignal.abort(new Error('enough'));
      const calls = [files.create('/t/a', bytes(''), { signal }), files.mkdirs('/t', { signal })];
      for (const call of calls) await expect(call).rejects.toThrow('enough');
      expect(await names('/')).toEqual([]);
    });

    async function names(path: string): Promise<string[]> {
      return (await files.list(path)).map(({ name }) => name);
    }
  });
}

export function bytes(text: string): { bytes: Buffer } {
  return { bytes: Buffer.from(text) };
}

/** The code of the error that a call fails with; fails when the call does not. */
export async function failure(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  throw new Error('expected a failure, got none');
}
