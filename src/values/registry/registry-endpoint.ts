import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BadInputError } from '../../shared/index.ts';

/** How to reach a registry. Several URLs are replicas of one registry: when one does not answer, the next is asked. */
export interface RegistryEndpoint {
  urls: readonly string[];
  /** The value of the `Authorization` header; null: none (or the user and password of the URL). */
  authorization: string | null;
  timeoutMs: number;
  /** What `authorization` was made of; left out: of nothing that is in a file. */
  login?: RegistryLogin;
}

/** Where the credentials for a registry are: files. */
export type RegistryLogin = { user: string; passwordFile: string } | { tokenFile: string };

/** The value of the header, from files named relative to `directory`. @throws BadInputError when one cannot be read. */
export async function authorizationOf(login: RegistryLogin | null, directory: string): Promise<string | null> {
  if (login === null) return null;
  if ('tokenFile' in login) return `Bearer ${(await readText(login.tokenFile, directory)).trim()}`;
  const password = (await readText(login.passwordFile, directory)).replace(/\r?\n$/, '');
  return `Basic ${Buffer.from(`${login.user}:${password}`).toString('base64')}`;
}

/** A text beside what names it. @throws BadInputError */
export async function readText(path: string, directory: string): Promise<string> {
  return await readFile(resolve(directory, path), 'utf8').catch((cause: unknown) => {
    throw new BadInputError(`expected a file ${path}`, { cause });
  });
}
