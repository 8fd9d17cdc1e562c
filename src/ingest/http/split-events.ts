import { isUtf8 } from 'node:buffer';
import { BadInputError, JsonElementSplitter } from '../../shared/index.ts';
import { HttpError } from './http-error.ts';

const OPEN_BRACKET = 0x5b;

/** The events of a JSON body, byte for byte: the object itself, or the elements of an array. Throws 400 before anything was looked at closer. */
export function eventsOfJson(body: Buffer, maxEventBytes: number): Buffer[] {
  const trimmed = trimJson(body);
  if (trimmed[0] !== OPEN_BRACKET) return trimmed.length === 0 ? [] : [trimmed];
  // A single event that is too large is told as that event's error, so the splitter has no limit of its own here.
  const splitter = new JsonElementSplitter({ maxElementBytes: Math.max(maxEventBytes, trimmed.length) });
  try {
    const events = splitter.push(trimmed);
    splitter.finish();
    return events;
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    throw new HttpError(400, `the body is no JSON array: ${error.message}`, { cause: error });
  }
}

/** Why these bytes are no event: null when they are one. */
export function flawOf(event: Buffer, maxEventBytes: number): string | null {
  if (event.length > maxEventBytes) return `expected an event of at most ${maxEventBytes} bytes, got ${event.length}`;
  if (!isUtf8(event)) return 'expected UTF-8';
  let parsed: unknown;
  try {
    parsed = JSON.parse(event.toString('utf8'));
  } catch (error) {
    return `expected a JSON object: ${(error as Error).message.slice(0, 200)}`;
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return null;
  return `expected a JSON object, got ${Array.isArray(parsed) ? 'an array' : parsed === null ? 'null' : `a ${typeof parsed}`}`;
}

/** Without the white space of JSON around it, and without a byte order mark. */
export function trimJson(text: Buffer): Buffer {
  let start = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
  let end = text.length;
  while (start < end && isWhitespace(text[start]!)) start++;
  while (end > start && isWhitespace(text[end - 1]!)) end--;
  return text.subarray(start, end);
}

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
