import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Where the secret of the keyed hashes is: what a contract says instead of it, and what may be kept. */
export const saltPlace = z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]);

export type SaltPlace = z.infer<typeof saltPlace>;

/** The secret itself; null where there is none. */
export function readSalt(place: SaltPlace, env: Readonly<Record<string, string | undefined>>): string | null {
  try {
    return ('env' in place ? env[place.env] : readFileSync(place.file, 'utf8').trim()) || null;
  } catch {
    return null;
  }
}

/** `expected a text in the environment variable SLUICE_SALT, found none` */
export function missingSalt(place: SaltPlace): string {
  const name = 'env' in place ? `the environment variable ${place.env}` : `the file ${place.file}`;
  return `expected a text in ${name}, found none`;
}
