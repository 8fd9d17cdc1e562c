import { isUtf8 } from 'node:buffer';
import { refusing } from '../core/decode-guard.ts';
import { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import type { LinePattern } from './line-patterns.ts';
import { logTime } from './log-time.ts';
import { writeTextField } from './text-fields.ts';

/** A regular expression of the user's may take long over a long line; log lines are short. */
const maxLineBytes = 64 * 1024;

/** One log line a value, with or without a line end, taken apart by the named groups of a pattern. */
export class LineDecoder implements ValueDecoder {
  readonly tombstone = null;
  readonly columns: readonly ValueColumn[] = [];
  readonly #pattern: LinePattern;
  readonly #to = new JsonText();

  constructor(pattern: LinePattern) {
    this.#pattern = pattern;
  }

  async prepare(): Promise<void> {}

  decode(value: Buffer): Buffer | RefusedValue {
    if (value.length > maxLineBytes) {
      return { code: 'too-large', reason: `expected a line of at most ${maxLineBytes} bytes, came ${value.length}` };
    }
    if (!isUtf8(value)) return { code: 'not-utf8', reason: 'expected text in UTF-8, came other bytes' };
    return refusing(() => this.#decode(value));
  }

  #decode(value: Buffer): Buffer {
    const line = value.toString('utf8').replace(/\r?\n$/, '');
    const groups = this.#pattern.expression.exec(line)?.groups;
    if (!groups)
      throw new ValueError('no-match', `expected a line of the pattern, came ${JSON.stringify(line.slice(0, 120))}`);
    const to = this.#to;
    to.reset(value.length);
    to.raw('{');
    let isFirst = true;
    for (const [name, text] of Object.entries(groups)) {
      if (!isFirst) to.raw(',');
      isFirst = false;
      to.string(name);
      to.raw(':');
      this.#writeField(name, text);
    }
    to.raw('}');
    return to.view();
  }

  #writeField(name: string, text: string | undefined): void {
    const { nullText, times, kinds, escaped } = this.#pattern;
    if (text === undefined || text === nullText) {
      this.#to.raw('null');
      return;
    }
    const layout = times.get(name);
    if (layout) {
      this.#to.string(logTime(text, layout));
      return;
    }
    writeTextField(this.#to, escaped.has(name) ? undoEscapes(text) : text, kinds.get(name) ?? 'text');
  }
}

const simpleEscapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', v: '\v', f: '\f' };

/**
 * Undoes what Apache and nginx do to quotes, backslashes and bytes that are no printable ASCII (`\"`, `\\`, `\n`, `\xE2`). Bytes
 * that together are no UTF-8 stay as they are written.
 */
function undoEscapes(text: string): string {
  if (!text.includes('\\')) return text;
  const plain = text.replace(/((?:\\x[0-9a-fA-F]{2})+)|\\(.)/gs, (whole, hex: string | undefined, char: string) => {
    if (hex !== undefined) {
      const bytes = Buffer.from(hex.replaceAll('\\x', ''), 'hex');
      return isUtf8(bytes) ? bytes.toString('utf8') : whole;
    }
    return simpleEscapes[char] ?? char;
  });
  return plain;
}
