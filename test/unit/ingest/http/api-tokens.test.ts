import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  addToken,
  findToken,
  mayWrite,
  newApiToken,
  readTokens,
  TokenFile,
} from '../../../../src/ingest/http/api-tokens.ts';
import { ManualClock, silentLogger } from '../../../../src/shared/index.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-tokens-'));
  path = join(folder, 'tokens.json');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('API tokens', () => {
  it('are found by the token alone, of which only the hash is kept', async () => {
    const made = ['a', 'b', 'c'].map((name) => newApiToken(name, ['events']));
    for (const { entry } of made) await addToken(path, entry);
    const tokens = await readTokens(path);
    expect(tokens.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    for (const { token, entry } of made) expect(findToken(tokens, token)).toEqual(entry);
    for (const wrong of ['', 'a', made[0]!.entry.sha256, `${made[0]!.token} `])
      expect(findToken(tokens, wrong)).toBeNull();
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it.each([
    [['events'], 'events', true],
    [['events'], 'events2', false],
    [['orders-*'], 'orders-eu', true],
    [['orders-*'], 'orders', false],
    [['*'], 'anything', true],
    [['a.c'], 'abc', false],
  ])('with topics %j may write to %s: %s', (topics, topic, may) => {
    expect(mayWrite({ name: 'x', sha256: '0'.repeat(64), topics }, topic)).toBe(may);
  });

  it('a name is given once', async () => {
    await addToken(path, newApiToken('shop', ['a']).entry);
    await expect(addToken(path, newApiToken('shop', ['b']).entry)).rejects.toThrow('has a token called "shop"');
  });

  it('a file that becomes unusable lets nobody in, and those in it again when it is mended', async () => {
    const { token, entry } = newApiToken('shop', ['a']);
    await addToken(path, entry);
    const clock = new ManualClock();
    const file = await TokenFile.open(path, clock, silentLogger);
    expect(findToken(await file.tokens(), token)).not.toBeNull();
    const text = JSON.stringify({ tokens: [entry] });
    writeFileSync(path, `${text.slice(0, 20)}`);
    await clock.advance(2000);
    expect(await file.tokens()).toEqual([]);
    writeFileSync(path, text);
    await clock.advance(2000);
    expect(findToken(await file.tokens(), token)).not.toBeNull();
  });

  it.each([
    ['{}', /tokens/],
    ['{"tokens":[{"name":"a","sha256":"plain","topics":["a"]}]}', /expected 64 hex digits/],
    ['nonsense', /expected tokens in/],
  ])('a file with %s is refused', async (text, reason) => {
    writeFileSync(path, text);
    await expect(readTokens(path)).rejects.toThrow(reason);
  });
});
