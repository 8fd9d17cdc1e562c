import { isUtf8 } from 'node:buffer';
import { refusing } from '../core/decode-guard.ts';
import { JsonText } from '../core/json-text.ts';
import { ValueError } from '../core/value-error.ts';
import type { ValueColumn } from '../value-column.ts';
import type { RefusedValue, ValueDecoder } from '../value-decoder.ts';
import { type TextKind, writeTextField } from './text-fields.ts';

export interface CsvOptions {
  /** Names of the fields, in their order. */
  header: readonly string[];
  /** One character. */
  delimiter: string;
  /** One character; null: quotes are ordinary text. */
  quote: string | null;
  /** A field of this text without quotes is null; null: no text is. */
  nullText: string | null;
  kinds: ReadonlyMap<string, TextKind>;
}

/**
 * One record of CSV (RFC 4180) a value, with or without a line end behind it. A quoted field may hold delimiters, line ends and
 * doubled quotes. A value that repeats the header is `filtered`: files that were sent line by line have one on top.
 */
export class CsvDecoder implements ValueDecoder {
  readonly tombstone = null;
  readonly columns: readonly ValueColumn[] = [];
  readonly #options: CsvOptions;
  readonly #labels: readonly string[];
  readonly #kinds: readonly TextKind[];
  readonly #to = new JsonText();
  readonly #headerText: string;

  constructor(options: CsvOptions) {
    this.#options = options;
    this.#labels = options.header.map((name) => `${JSON.stringify(name)}:`);
    this.#kinds = options.header.map((name) => options.kinds.get(name) ?? 'text');
    this.#headerText = JSON.stringify(options.header);
  }

  async prepare(): Promise<void> {}

  decode(value: Buffer): Buffer | RefusedValue {
    if (!isUtf8(value)) return { code: 'not-utf8', reason: 'expected text in UTF-8, came other bytes' };
    return refusing(() => this.#decode(value));
  }

  #decode(value: Buffer): Buffer {
    const fields = splitCsv(value.toString('utf8'), this.#options);
    const { length } = this.#options.header;
    if (fields.length !== length) {
      throw new ValueError('wrong-field-count', `expected ${length} fields, came ${fields.length}`);
    }
    if (JSON.stringify(fields) === this.#headerText) throw new ValueError('filtered', 'the value is the header');
    const to = this.#to;
    to.reset(value.length);
    to.raw('{');
    for (const [index, text] of fields.entries()) {
      if (index > 0) to.raw(',');
      to.utf8Text(this.#labels[index]!);
      if (text === null) to.raw('null');
      else writeTextField(to, text, this.#kinds[index]!);
    }
    to.raw('}');
    return to.view();
  }
}

/** The fields of one record; null where the null text stands without quotes. @throws ValueError `bad-csv`. */
function splitCsv(text: string, { delimiter, quote, nullText }: CsvOptions): (string | null)[] {
  const line = text.replace(/\r?\n$/, '');
  const fields: (string | null)[] = [];
  let at = 0;
  for (;;) {
    if (quote !== null && line[at] === quote) {
      const { field, end } = quotedField(line, at, quote);
      fields.push(field);
      at = end;
    } else {
      const end = endOfPlain(line, at, delimiter);
      const field = line.slice(at, end);
      fields.push(field === nullText ? null : field);
      at = end;
    }
    if (at >= line.length) return fields;
    if (line[at] !== delimiter) {
      throw new ValueError('bad-csv', `expected ${JSON.stringify(delimiter)} after the quote at character ${at}`);
    }
    at++;
  }
}

function endOfPlain(line: string, start: number, delimiter: string): number {
  const found = line.indexOf(delimiter, start);
  const end = found < 0 ? line.length : found;
  const lineEnd = line.slice(start, end).search(/[\r\n]/);
  if (lineEnd >= 0)
    throw new ValueError('bad-csv', `expected one record, came a line end at character ${start + lineEnd}`);
  return end;
}

function quotedField(line: string, start: number, quote: string): { field: string; end: number } {
  let field = '';
  let at = start + 1;
  for (;;) {
    const found = line.indexOf(quote, at);
    if (found < 0) throw new ValueError('bad-csv', `expected a closing quote for the one at character ${start}`);
    field += line.slice(at, found);
    if (line[found + 1] !== quote) return { field, end: found + 1 };
    field += quote;
    at = found + 2;
  }
}
