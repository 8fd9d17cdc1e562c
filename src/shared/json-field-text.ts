const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The text of a field of a JSON object, for use as a key: a string's content, the digits of a number as they are written,
 * `true` or `false`. Null when there is no such field, it is null, an object or an array, or the text is not a JSON object
 * up to there. When the name is there twice the first counts.
 */
export function jsonFieldText(json: Buffer, name: string): string | null {
  let at = skipWhitespace(json, 0);
  if (json[at] !== OPEN_BRACE) return null;
  at = skipWhitespace(json, at + 1);
  while (json[at] === QUOTE) {
    const nameEnd = skipString(json, at);
    const colon = skipWhitespace(json, nameEnd);
    if (json[colon] !== 0x3a) return null;
    const start = skipWhitespace(json, colon + 1);
    const end = skipValue(json, start);
    if (end < 0) return null;
    if (stringAt(json, at, nameEnd) === name) return valueText(json, start, end);
    const next = skipWhitespace(json, end);
    if (json[next] !== 0x2c) return null;
    at = skipWhitespace(json, next + 1);
  }
  return null;
}

function valueText(json: Buffer, start: number, end: number): string | null {
  if (json[start] === QUOTE) return stringAt(json, start, end);
  const text = json.toString('latin1', start, end);
  return /^(true|false|-?\d[\d.eE+-]*)$/.test(text) ? text : null;
}

/** The content of the string literal from its first quote to behind its last; null when it is not a valid one. */
function stringAt(json: Buffer, start: number, end: number): string | null {
  const text = json.toString('utf8', start + 1, end - 1);
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return null;
  }
}

function skipWhitespace(json: Buffer, from: number): number {
  let at = from;
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at++;
  return at;
}

/** The position behind the string literal that begins at `start`; behind the text when it does not end. */
function skipString(json: Buffer, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === QUOTE) return at + 1;
    if (json[at] === BACKSLASH) at++;
  }
  return json.length + 1;
}

/** The position behind a value; -1 when it does not end. Brackets are counted, not matched. */
function skipValue(json: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      at = skipString(json, at) - 1;
      if (at >= json.length) return -1;
      if (depth === 0) return at + 1;
    } else if (byte === OPEN_BRACE || byte === 0x5b) depth++;
    else if (byte === CLOSE_BRACE || byte === 0x5d) {
      if (depth === 0) return at > start ? at : -1;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === 0x2c || byte <= 0x20)) return at > start ? at : -1;
  }
  return -1;
}
