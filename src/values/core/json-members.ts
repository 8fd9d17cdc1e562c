import { ValueError } from './value-error.ts';

/** Where a member's value stands in JSON text: start and exclusive end. */
export interface JsonSpan {
  start: number;
  end: number;
}

const maxMembers = 10_000;
const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket, colon, comma] = [
  ...Buffer.from('"\\{}[]:,'),
] as [number, number, number, number, number, number, number, number];

/**
 * The members of the JSON object that stands in [start, end), as places in the text: nothing is parsed that is only handed
 * on, so no digit is lost. What is inside the values is not checked.
 *
 * @throws ValueError `not-json` when there is no object, or it ends too early.
 */
export function jsonMembers(text: Buffer, start = 0, end = text.length): Map<string, JsonSpan> {
  const members = new Map<string, JsonSpan>();
  let at = skipSpace(text, start, end);
  if (text[at] !== openBrace) throw new ValueError('not-json', 'expected a JSON object');
  at = skipSpace(text, at + 1, end);
  if (text[at] === closeBrace) return members;
  for (;;) {
    const nameEnd = endOfString(text, at, end);
    const name = parseName(text.toString('utf8', at, nameEnd));
    at = skipSpace(text, nameEnd, end);
    if (text[at] !== colon) throw new ValueError('not-json', `expected ":" after the name ${JSON.stringify(name)}`);
    const valueStart = skipSpace(text, at + 1, end);
    const valueEnd = endOfValue(text, valueStart, end);
    members.set(name, { start: valueStart, end: valueEnd });
    if (members.size > maxMembers) throw new ValueError('too-large', `expected at most ${maxMembers} fields`);
    at = skipSpace(text, valueEnd, end);
    if (text[at] === closeBrace) return members;
    if (text[at] !== comma) throw new ValueError('not-json', 'expected "," or "}" in a JSON object');
    at = skipSpace(text, at + 1, end);
  }
}

/** Whether the value at a place is the literal null. */
export function isNull(text: Buffer, { start, end }: JsonSpan): boolean {
  return end - start === 4 && text.toString('latin1', start, end) === 'null';
}

function parseName(json: string): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    throw new ValueError('not-json', `expected the name of a field, came ${json.slice(0, 60)}`);
  }
}

function skipSpace(text: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09)) at++;
  return at;
}

/** Position after the closing quote of the string that begins at `start`. */
function endOfString(text: Buffer, start: number, end: number): number {
  if (text[start] !== quote) throw new ValueError('not-json', 'expected a name in quotes');
  for (let at = start + 1; at < end; at++) {
    if (text[at] === backslash) at++;
    else if (text[at] === quote) return at + 1;
  }
  throw new ValueError('not-json', 'expected a closing quote');
}

function endOfValue(text: Buffer, start: number, end: number): number {
  let depth = 0;
  let at = start;
  while (at < end) {
    const byte = text[at]!;
    if (byte === quote) {
      at = endOfString(text, at, end);
      if (depth === 0) return at;
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth++;
    else if (byte === closeBrace || byte === closeBracket) {
      if (depth === 0) return trimEnd(text, start, at);
      depth--;
      if (depth === 0) return at + 1;
    } else if (byte === comma && depth === 0) return trimEnd(text, start, at);
    at++;
  }
  throw new ValueError('not-json', 'expected the end of a value');
}

function trimEnd(text: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && text[at - 1]! <= 0x20) at--;
  return at;
}
