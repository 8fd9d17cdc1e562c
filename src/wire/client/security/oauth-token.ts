import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describeError } from '../../../shared/index.ts';
import { AuthenticationError } from '../kafka-error.ts';

/** Where a bearer token comes from. Asked anew for every connection, so a renewed token is used as soon as it is there. */
export type TokenSource = { kind: 'file'; path: string } | { kind: 'command'; command: string };

const commandTimeoutMs = 20_000;
const run = promisify(execFile);

/** The token: what the file holds, or what the command prints, without white space around it. Throws AuthenticationError. */
export async function readToken(source: TokenSource, signal: AbortSignal | undefined): Promise<string> {
  const text = await readSource(source, signal);
  const token = text.trim();
  // RFC 6750, section 2.1: anything else could end the message early.
  if (/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) return token;
  throw new AuthenticationError(`OAUTHBEARER: expected a bearer token from ${nameOf(source)}, got something else`);
}

async function readSource(source: TokenSource, signal: AbortSignal | undefined): Promise<string> {
  try {
    if (source.kind === 'file') return await readFile(source.path, 'utf8');
    const options = { timeout: commandTimeoutMs, maxBuffer: 1024 * 1024, ...(signal ? { signal } : {}) };
    return (await run('/bin/sh', ['-c', source.command], options)).stdout;
  } catch (error) {
    signal?.throwIfAborted();
    throw new AuthenticationError(`OAUTHBEARER: no token from ${nameOf(source)}: ${describeError(error)}`, error);
  }
}

function nameOf(source: TokenSource): string {
  return source.kind === 'file' ? source.path : `the command "${source.command}"`;
}
