import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUnique, LocalFiles } from '../../../../src/warehouse/index.ts';

let base: string;
let files: LocalFiles;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sluice-local-files-'));
  files = new LocalFiles({ url: `file://${base}`, basePath: base });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function bytes(text: string): { bytes: Buffer } {
  return { bytes: Buffer.from(text) };
}

describe('LocalFiles', () => {
  it('gives back what was written, whole and in part', async () => {
    await files.create('/t/dt=2026-11-21/a', bytes('hello world'));
    expect((await files.read('/t/dt=2026-11-21/a')).toString()).toBe('hello world');
    expect((await files.read('/t/dt=2026-11-21/a', { offset: 6, length: 3 })).toString()).toBe('wor');
    expect((await files.read('/t/dt=2026-11-21/a', { offset: 6, length: 300 })).toString()).toBe('world');
    expect(await files.read('/t/dt=2026-11-21/a', { offset: 300 })).toHaveLength(0);
    expect(readFileSync(join(base, 't/dt=2026-11-21/a'), 'utf8')).toBe('hello world');
  });

  it('copies a local file of more than one buffer to the byte, and refuses one of another size', async () => {
    const content = Buffer.alloc(2_500_000, 'abcdefg');
    const localPath = join(base, 'source');
    writeFileSync(localPath, content);
    await files.create('/t/a', { localPath, size: content.length });
    expect((await files.read('/t/a')).equals(content)).toBe(true);
    await expect(files.create('/t/b', { localPath, size: 7 })).rejects.toMatchObject({ code: 'bad-source' });
    await expect(files.create('/t/b', { localPath: '/none', size: 7 })).rejects.toMatchObject({ code: 'bad-source' });
    expect(await files.stat('/t/b')).toBeNull();
  });

  it('never writes over a file', async () => {
    await files.create('/t/a', bytes('first'));
    await expect(files.create('/t/a', bytes('second'))).rejects.toMatchObject({ code: 'already-exists' });
    expect((await files.read('/t/a')).toString()).toBe('first');
  });

  it('publishes to a free name only, never to a folder, never without a parent', async () => {
    await files.create('/t/a', bytes('mine'));
    await files.create('/t/taken', bytes('theirs'));
    await files.mkdirs('/t/folder');
    for (const to of ['/t/taken', '/t/folder', '/t/a', '/none/x', '/t/taken/x']) {
      expect(await files.publishIfAbsent('/t/a', to)).toBe('refused');
    }
    expect(await files.publishIfAbsent('/t/none', '/t/b')).toBe('refused');
    expect(await files.publishIfAbsent('/t/folder', '/t/b')).toBe('refused');
    expect(await files.publishIfAbsent('/t/a', '/t/b')).toBe('published');
    expect((await files.list('/t')).map(({ name }) => name)).toEqual(['b', 'folder', 'taken']);
    expect((await files.read('/t/b')).toString()).toBe('mine');
    expect(await files.list('/t/folder')).toEqual([]);
  });

  it('lets exactly one of 40 racing clients publish a name, in each of 25 rounds', async () => {
    for (let round = 0; round < 25; round++) {
      const sources = Array.from({ length: 40 }, (_, i) => `/tmp/${round}-${i}`);
      await Promise.all(sources.map((path) => files.create(path, bytes(path))));
      await files.mkdirs('/chain');
      const outcomes = await Promise.all(sources.map((path) => files.publishIfAbsent(path, `/chain/${round}`)));
      const winners = sources.filter((_, i) => outcomes[i] === 'published');
      expect(winners).toEqual([(await files.read(`/chain/${round}`)).toString()]);
      expect(await files.list('/tmp')).toHaveLength(39 * (round + 1));
    }
  });

  it('finishes a publish that died after link() and before unlink()', async () => {
    await files.create('/t/a', bytes('mine'));
    linkSync(join(base, 't/a'), join(base, 't/b'));
    expect(await files.publishIfAbsent('/t/a', '/t/b')).toBe('published');
    expect(readdirSync(join(base, 't'))).toEqual(['b']);
  });

  it('lists in byte order, not in the order of JavaScript strings', async () => {
    const names = ['\u{1f600}', '\ufb01', 'z', 'B', 'a', '%41'];
    for (const name of names) await files.create(`/t/${name}`, bytes(name));
    expect((await files.list('/t')).map(({ name }) => name)).toEqual(['%41', 'B', 'a', 'z', '\ufb01', '\u{1f600}']);
    expect(await files.list('/none')).toEqual([]);
  });

  it.each(['x', '', '/a//b', '/../etc/passwd', '/a/..', '/./a', '/a\0b', '/a/', '/\ud800'])(
    'never lets the path %j reach the disk',
    async (path) => {
      const calls: Promise<unknown>[] = [
        files.create(path, bytes('')),
        files.read(path),
        files.list(path),
        files.stat(path),
        files.mkdirs(path),
      ];
      calls.push(files.delete(path), files.publishIfAbsent(path, '/a'), files.publishIfAbsent('/a', path));
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'bad-path' });
      expect(readdirSync(base)).toEqual([]);
    },
  );

  it('deletes files, empty folders and, when told, full ones', async () => {
    await files.create('/t/x/a', bytes('x'));
    await expect(files.delete('/t/x')).rejects.toMatchObject({ code: 'folder-not-empty' });
    expect(await files.delete('/t/x/a')).toBe(true);
    expect(await files.delete('/t/x/a')).toBe(false);
    expect(await files.delete('/t/x')).toBe(true);
    await files.create('/t/y/a', bytes('y'));
    expect(await files.delete('/t', { recursive: true })).toBe(true);
    expect(await files.list('/')).toEqual([]);
    await expect(files.delete('/', { recursive: true })).rejects.toMatchObject({ code: 'bad-path' });
  });

  it('says by a code what is wrong', async () => {
    await files.create('/t/a', bytes('x'));
    await expect(files.read('/none')).rejects.toMatchObject({ code: 'not-found' });
    await expect(files.read('/t')).rejects.toMatchObject({ code: 'is-a-folder' });
    await expect(files.list('/t/a')).rejects.toMatchObject({ code: 'not-a-folder' });
    await expect(files.mkdirs('/t/a')).rejects.toMatchObject({ code: 'not-a-folder' });
    await expect(files.create('/t/a/b', bytes(''))).rejects.toMatchObject({ code: 'not-a-folder' });
    await expect(files.create(`/${'x'.repeat(300)}`, bytes(''))).rejects.toMatchObject({ code: 'bad-path' });
    expect(await files.stat('/t/a/b')).toBeNull();
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
