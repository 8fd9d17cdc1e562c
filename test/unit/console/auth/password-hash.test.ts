import { describe, expect, it } from 'vitest';
import { checkHash, hashPassword, isPassword } from '../../../../src/console/auth/password-hash.ts';
import { BadInputError } from '../../../../src/shared/index.ts';

describe('the hash of a password', () => {
  it('lets in the password it was made of and no other', async () => {
    const hash = await hashPassword('correct horse');
    expect(await isPassword('correct horse', hash)).toBe(true);
    expect(await isPassword('correct horse ', hash)).toBe(false);
    expect(await isPassword('', hash)).toBe(false);
  });

  it('holds neither the password nor the same salt twice', async () => {
    const [first, second] = [await hashPassword('correct horse'), await hashPassword('correct horse')];
    expect(first).not.toBe(second);
    expect(first).toMatch(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  });

  it('is not made of a short password', async () => {
    await expect(hashPassword('1234567')).rejects.toThrow(BadInputError);
  });

  it.each([
    ['nonsense', 'nonsense'],
    ['a cost that would cost nothing', `scrypt$2$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
    ['a cost that would take the memory', `scrypt$16777216$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
    ['a short key', `scrypt$32768$8$1$${'A'.repeat(22)}$AAAA`],
  ])('%s is no hash', (_what, hash) => {
    expect(() => checkHash(hash)).toThrow(BadInputError);
  });
});
