import type { JsonText } from '../core/json-text.ts';

/**
 * How the text of a field stands in JSON: `text` as a string; `number` without quotes when it is a number as JSON writes them (else
 * as a string, which a number column then refuses by name); `boolean` likewise; `json` as it is.
 */
export type TextKind = 'text' | 'number' | 'boolean' | 'json';

const numeric: ReadonlySet<string> = new Set([
  ...['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'],
  ...['float', 'double'],
]);

/** The kind that a column of a type asks for. */
export function textKindOf(columnType: string): TextKind {
  if (numeric.has(columnType)) return 'number';
  if (columnType === 'boolean') return 'boolean';
  const isNested = columnType === 'json' || /^(list|map|struct)[<{]/.test(columnType);
  return isNested ? 'json' : 'text';
}

const numberText = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What else people write for integers: a plus sign, zeros in front. */
const looseInteger = /^([+-]?)0*(\d+)$/;

export function writeTextField(to: JsonText, text: string, kind: TextKind): void {
  if (kind === 'number') {
    writeNumber(to, text.trim(), text);
    return;
  }
  if (kind === 'boolean') {
    writeBoolean(to, text);
    return;
  }
  if (kind === 'json' && isJson(text)) {
    writeJson(to, text);
    return;
  }
  to.string(text);
}

function writeNumber(to: JsonText, trimmed: string, text: string): void {
  if (numberText.test(trimmed)) {
    to.raw(trimmed);
    return;
  }
  const loose = looseInteger.exec(trimmed);
  if (loose) to.raw(`${loose[1] === '-' ? '-' : ''}${loose[2]}`);
  else to.string(text);
}

function writeBoolean(to: JsonText, text: string): void {
  const lower = text.trim().toLowerCase();
  if (lower === 'true' || lower === 'false') to.raw(lower);
  else to.string(text);
}

function writeJson(to: JsonText, text: string): void {
  const bytes = Buffer.from(text);
  to.copy(bytes, 0, bytes.length);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
