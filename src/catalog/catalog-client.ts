import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BadInputError, SluiceError } from '../shared/index.ts';

const maxOutputBytes = 256 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;

/** `beeline -u "jdbc:hive2://host" -f` as program and arguments: blanks separate, quotes keep together. No shell reads it. */
export function parseClientCommand(text: string): string[] {
  const words = text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const left = text.replace(/(?:[^\s"']|"[^"]*"|'[^']*')+/g, '').trim();
  if (words.length > 0 && left === '') return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
  throw new BadInputError(`expected a command such as "spark-sql -f", with closed quotes, got ${JSON.stringify(text)}`);
}

/**
 * Gives statements to a client of the catalog: the path of a file with them becomes its last argument. Returns what it printed. The
 * file lies in a folder that only we can enter. An abort ends the client and what it started.
 *
 * @throws SluiceError `catalog-client-failed` when it cannot be started, or ends with another code than 0
 */
export async function runCatalogClient(
  command: readonly string[],
  script: string,
  signal: AbortSignal,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-catalog-'));
  try {
    const file = join(folder, 'statements.sql');
    await writeFile(file, script, { mode: 0o600 });
    return await run([...command, file], signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run([program, ...args]: readonly string[], signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A group of its own: clients are scripts around a Java program, which has to end with them.
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const stop = (): void => {
      if (child.pid !== undefined) endGroup(child.pid);
    };
    const output = keep(child.stdout, maxOutputBytes, 'first', stop);
    const errors = keep(child.stderr, maxErrorBytes, 'last');
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (cause) => reject(failed(`could not be started: ${cause.message}`, cause)));
    child.once('close', (code, name) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return reject(signal.reason);
      if (output.isTooLong()) return reject(failed(`printed more than ${maxOutputBytes} bytes`));
      if (code === 0) return resolve(output.text());
      const said = lastLines(errors.text()) || lastLines(output.text());
      reject(failed(`ended with ${code ?? name}${said === '' ? '' : `; it said: ${said}`}`));
    });
  });
}

/** Keeps the first or the last bytes of a stream. */
function keep(stream: Readable, maxBytes: number, which: 'first' | 'last', onTooLong = (): void => {}) {
  const chunks: Buffer[] = [];
  let size = 0;
  let tooLong = false;
  stream.on('data', (chunk: Buffer) => {
    if (tooLong && which === 'first') return;
    chunks.push(chunk);
    size += chunk.length;
    while (which === 'last' && chunks.length > 1 && size - chunks[0]!.length > maxBytes) size -= chunks.shift()!.length;
    if (size <= maxBytes || which === 'last') return;
    tooLong = true;
    onTooLong();
  });
  return { text: () => Buffer.concat(chunks).toString('utf8'), isTooLong: () => tooLong };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // it has ended by itself
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join(' | ').slice(-500);
}

function failed(what: string, cause?: unknown): SluiceError {
  const options = cause === undefined ? {} : { cause };
  return new SluiceError('catalog-client-failed', `the catalog's client ${what}`, options);
}
