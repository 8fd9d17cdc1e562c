export type JsonObject = Record<string, unknown>;

const stringOrInteger = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** As JSON.parse, but integers beyond 2^53 become bigint instead of a neighbour. */
export function parseJson(text: string): unknown {
  if (!hasLongNumber(text)) return JSON.parse(text);
  const marked = text.replace(stringOrInteger, (token) =>
    token.startsWith('"') ? token : `{"\\u0000int":"${token}"}`,
  );
  return JSON.parse(marked, (_key, value) => {
    if (typeof value !== 'object' || value === null || typeof value['\u0000int'] !== 'string') return value;
    const integer = BigInt(value['\u0000int']);
    return integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER ? Number(integer) : integer;
  });
}

/** Whether 16 digits stand side by side: one in sixteen characters tells where that can be. */
function hasLongNumber(text: string): boolean {
  for (let i = 15; i < text.length; i += 16) {
    if (!isDigit(text, i)) continue;
    let start = i;
    while (start > 0 && i - start < 15 && isDigit(text, start - 1)) start--;
    let end = i + 1;
    while (end < text.length && end - start < 16 && isDigit(text, end)) end++;
    if (end - start >= 16) return true;
  }
  return false;
}

function isDigit(text: string, i: number): boolean {
  const code = text.charCodeAt(i);
  return code >= 0x30 && code <= 0x39;
}

/** What `parseJson` reads back: bigint as integers. */
export function writeJson(value: unknown): string {
  let isMarked = false;
  const text = JSON.stringify(value, (_key, item) => {
    if (typeof item !== 'bigint') return item;
    isMarked = true;
    return `\u0000int${item}`;
  });
  return isMarked ? text.replace(/"\\u0000int(-?\d+)"/g, '$1') : text;
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/;

/** Epoch milliseconds, rounded down, of RFC 3339 text or epoch milliseconds; NaN when it is no time. */
export function timeMsOf(value: unknown): number {
  if (typeof value === 'number') return Math.floor(value);
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && rfc3339.test(value)
    ? Math.floor(Date.parse(value.replace(' ', 'T')))
    : Number.NaN;
}
