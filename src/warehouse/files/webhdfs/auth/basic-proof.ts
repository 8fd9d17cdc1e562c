import { readFile } from 'node:fs/promises';
import { WarehouseError } from '../../warehouse-error.ts';
import type { Proof } from './session-auth.ts';

/** A user's name and password, as gateways ask for. The password's file is read each time: it may be exchanged meanwhile. */
export function basicProof(user: string, passwordFile: string): Proof {
  return {
    method: 'basic',
    user,
    isFreshEachTime: false,
    authorization: async () => {
      const password = await readFile(passwordFile, 'utf8').catch((cause: unknown) => {
        const message = `expected the password of ${user} in ${passwordFile}: ${(cause as Error).message}`;
        throw new WarehouseError('permission-denied', message, { cause });
      });
      return `Basic ${Buffer.from(`${user}:${password.replace(/\r?\n$/, '')}`).toString('base64')}`;
    },
    close: async () => {},
  };
}
