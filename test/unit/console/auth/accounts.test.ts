import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Accounts, readAccounts, TooManyTriesError } from '../../../../src/console/auth/accounts.ts';
import { hashPassword } from '../../../../src/console/auth/password-hash.ts';
import { BadInputError } from '../../../../src/shared/index.ts';

let hash: string;
let folder: string;
beforeAll(async () => {
  hash = await hashPassword('open sesame');
  folder = mkdtempSync(join(tmpdir(), 'console-accounts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Scrypt takes its time on purpose; here a password fits the hash that ends with it. */
const isQuick = async (password: string, kept: string): Promise<boolean> => {
  await new Promise((resolve) => setImmediate(resolve));
  return kept === `hash of ${password}`;
};
const anna = () => ({ name: 'anna', role: 'viewer' as const, hash: 'hash of open sesame' });

describe('logging in', () => {
  it('takes a name with its password, and neither a wrong password nor an unknown name', async () => {
    const accounts = new Accounts([anna()], () => 0, isQuick);
    expect(await accounts.logIn('anna', 'open sesame')).toEqual({ name: 'anna', role: 'viewer' });
    expect(await accounts.logIn('anna', 'open sesam')).toBeNull();
    expect(await accounts.logIn('bert', 'open sesame')).toBeNull();
  });

  it('takes a token, and remembers it', async () => {
    const accounts = new Accounts([anna()], () => 0, isQuick);
    expect(await accounts.logInByToken('anna:open sesame')).toMatchObject({ name: 'anna' });
    expect(await accounts.logInByToken('anna:open sesame')).toMatchObject({ name: 'anna' });
    expect(await accounts.logInByToken('anna:wrong')).toBeNull();
    expect(await accounts.logInByToken('no colon')).toBeNull();
  });

  it('makes whoever guesses wait after five wrong tries, for that name only, and not for ever', async () => {
    let nowMs = 0;
    const accounts = new Accounts([anna(), { ...anna(), name: 'bert' }], () => nowMs, isQuick);
    for (let i = 0; i < 5; i++) expect(await accounts.logIn('anna', `guess ${i}`)).toBeNull();
    await expect(accounts.logIn('anna', 'open sesame')).rejects.toThrow(TooManyTriesError);
    expect(await accounts.logIn('bert', 'open sesame')).not.toBeNull();
    nowMs = 1001;
    expect(await accounts.logIn('anna', 'open sesame')).not.toBeNull();
  });

  it('looks at few passwords at once, and refuses a crowd', async () => {
    const accounts = new Accounts([anna()], () => 0, isQuick);
    const tries = Array.from({ length: 30 }, (_, i) => accounts.logIn(`nobody ${i}`, 'x'));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(10);
  });
});

describe('the file of accounts', () => {
  const read = (text: string) => {
    const path = join(folder, 'accounts');
    writeFileSync(path, text);
    return readAccounts(path);
  };

  it('has a line for each account', () => {
    expect(read(`# who\n\nanna viewer ${hash}\nbert operator ${hash}\n`)).toEqual([
      { name: 'anna', role: 'viewer', hash },
      { name: 'bert', role: 'operator', hash },
    ]);
  });

  it.each([
    ['an unknown role', () => `anna admin ${hash}`, /:1: expected NAME viewer\|operator HASH/],
    ['a password instead of its hash', () => 'anna viewer secret', /:1: .*sluice console password/],
    ['a name twice', () => `anna viewer ${hash}\nanna viewer ${hash}`, /"anna" twice/],
    ['nobody', () => '# nobody\n', /at least one account/],
  ])('is refused with %s', (_what, text, says) => {
    expect(() => read(text())).toThrow(says);
    expect(() => read(text())).toThrow(BadInputError);
  });
});
