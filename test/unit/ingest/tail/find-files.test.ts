import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPatterns, findFiles, streamOf } from '../../../../src/ingest/tail/find-files.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-find-'));
  for (const name of ['app.log', 'app.log.1', 'app.log.2.gz', 'b.log', '.hidden.log', 'x[1].log']) {
    writeFileSync(join(folder, name), name);
  }
  mkdirSync(join(folder, 'sub.log'));
  mkdirSync(join(folder, 'pod-1'));
  writeFileSync(join(folder, 'pod-1', 'out.log'), 'out');
  symlinkSync(join(folder, 'app.log'), join(folder, 'link.log'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const namesOf = async (...patterns: string[]): Promise<string[]> =>
  [...(await findFiles(patterns.map((pattern) => join(folder, pattern)))).values()]
    .map(({ path }) => basename(path))
    .sort();

describe('patterns', () => {
  it.each([
    ['app.log', ['app.log']],
    ['app.log*', ['app.log', 'app.log.1']],
    ['[ab]*.log', ['app.log', 'b.log']],
    ['[!a].log', ['b.log']],
    ['?.log', ['b.log']],
    ['pod-*/*.log', ['out.log']],
    ['.hid*', ['.hidden.log']],
    ['none*', []],
    ['none/*.log', []],
    ['app.log.2.gz', ['app.log.2.gz']],
  ])('%s finds %j', async (pattern, names) => {
    expect(await namesOf(pattern)).toEqual(names);
  });

  it('a file is found once, whatever its names', async () => {
    expect((await namesOf('*.log', 'app.log')).length).toBe(3);
  });

  it.each(['/var/log/', '', 'a[z-a].log'])('%j is none', (pattern) => {
    expect(() => checkPatterns([pattern])).toThrow('expected a');
  });
});

describe('the stream that a file belongs to', () => {
  it.each([
    ['/l/app.log', '/l/app.log'],
    ['/l/app.log.1', '/l/app.log'],
    ['/l/app.log.12', '/l/app.log'],
    ['/l/app.log-20261121', '/l/app.log'],
    ['/l/app.log.2026-11-21.3', '/l/app.log'],
    ['/l/app.log.old', '/l/app.log'],
    ['/l/app.log~', '/l/app.log'],
    ['/l/shop-2/app', '/l/shop-2/app'],
  ])('of %s is %s', (path, stream) => {
    expect(streamOf(path)).toBe(stream);
  });
});
