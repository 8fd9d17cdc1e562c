import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { SluiceError } from '../shared/index.ts';
import type { DeadLetter } from './dead-letters.ts';

/**
 * Gives dead letters to a command of the user, one JSON object a line, and takes from it, a line each and in any order, those
 * that it could repair:
 *   in   {"topic","partition","offset":"17","timestamp":"1795219200000","code","reason","key":base64|null,"value":base64|null,
 *         "text": the value as text, where it is UTF-8,"headers":[{"name","value"}]}
 *   out  {"partition","offset":"17","text": the new value} or {..., "value": base64}
 * What it does not answer stays a dead letter.
 *
 * @throws SluiceError `repair-failed` when the command fails or answers something else.
 */
export async function repairLetters(
  command: string,
  letters: readonly DeadLetter[],
  signal: AbortSignal,
): Promise<DeadLetter[]> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'], signal });
  const failed = once(child, 'error').then(([error]) => {
    throw new SluiceError('repair-failed', `the repair command could not be started: ${String(error)}`, {
      cause: error,
    });
  });
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  ended.catch(() => {}); // an error is told by `failed`
  child.stdin.on('error', () => {}); // it may end without reading all: its exit code and its answers tell
  const writing = writeLetters(child.stdin, letters).catch(() => {}); // likewise
  try {
    const repaired = await Promise.race([failed, readAnswers(child.stdout, letters)]);
    await Promise.race([writing, ended]);
    const [code, name] = await ended;
    if (code !== 0)
      throw new SluiceError('repair-failed', `the repair command ended with ${code ?? name}; nothing was changed`);
    return repaired;
  } finally {
    child.kill(); // one that answered nonsense may still run
  }
}

async function writeLetters(input: Writable, letters: readonly DeadLetter[]): Promise<void> {
  for (const letter of letters) if (!input.write(lineOf(letter))) await once(input, 'drain');
  input.end();
}

async function readAnswers(output: Readable, letters: readonly DeadLetter[]): Promise<DeadLetter[]> {
  const byPlace = new Map(letters.map((letter) => [placeOf(letter), letter]));
  const repaired = new Map<string, DeadLetter>();
  for await (const line of createInterface({ input: output })) {
    if (line.trim() === '') continue;
    const answer = parseAnswer(line);
    const letter = byPlace.get(placeOf(answer));
    if (!letter)
      throw new SluiceError(
        'repair-failed',
        `the repair command answered for a record it was not given: ${line.slice(0, 200)}`,
      );
    repaired.set(placeOf(letter), { ...letter, value: answer.value });
  }
  return letters.flatMap((letter) => repaired.get(placeOf(letter)) ?? []);
}

function placeOf({ partition, offset }: { partition: number; offset: bigint }): string {
  return `${partition}/${offset}`;
}

/** One line of JSON for a dead letter, as `dead show` prints it and repair commands get it. */
export function lineOf(letter: DeadLetter): string {
  const { topicId: _topicId, offset, timestamp, key, value, headers, ...rest } = letter;
  const json = {
    ...rest,
    offset: String(offset),
    timestamp: String(timestamp),
    key: key?.toString('base64') ?? null,
    value: value?.toString('base64') ?? null,
    ...(value && isUtf8Text(value) ? { text: value.toString('utf8') } : {}),
    headers: headers.map((header) => ({ name: header.name, value: header.value?.toString('base64') ?? null })),
  };
  return `${JSON.stringify(json)}\n`;
}

function isUtf8Text(value: Buffer): boolean {
  return Buffer.from(value.toString('utf8')).equals(value);
}

function parseAnswer(line: string): { partition: number; offset: bigint; value: Buffer } {
  try {
    const { partition, offset, text, value } = JSON.parse(line) as Record<string, unknown>;
    const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(value as string, 'base64');
    return { partition: Number(partition), offset: BigInt(offset as string), value: bytes };
  } catch (cause) {
    const expected = 'expected {"partition","offset","text"} or {"partition","offset","value"}';
    throw new SluiceError('repair-failed', `the repair command: ${expected}, came ${line.slice(0, 200)}`, { cause });
  }
}
