import { Readable } from 'node:stream';
import { CsvError, type Parser, parse } from 'csv-parse';
import { BadInputError } from '../../shared/index.ts';
import type { ByteSource } from './byte-source.ts';
import type { InputOptions, RecordInput } from './record-input.ts';

const CHUNK_ROWS = 500;
/** A number as JSON writes it (RFC 8259); `007`, `+1`, `.5`, `1,5` and `NaN` are not. */
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * CSV with a header row: one JSON object per row, fields in the order of the columns. An unquoted cell that is a JSON
 * number becomes that number, digit for digit; an unquoted empty cell becomes null; everything else is a string.
 */
export class CsvInput implements RecordInput {
  readonly unit = 'KB';
  readonly #source: ByteSource;
  readonly #options: InputOptions;

  constructor(source: ByteSource, options: InputOptions) {
    this.#source = source;
    this.#options = options;
  }

  get total(): number {
    return this.#source.totalKb;
  }

  get done(): number {
    return this.#source.readKb;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<string[]> {
    const parser = this.#parser();
    const input = Readable.from(this.#source.chunks(signal));
    input.on('error', (error) => parser.destroy(error));
    input.pipe(parser);
    let prefixes: string[] | null = null;
    let chunk: string[] = [];
    try {
      for await (const row of parser as AsyncIterable<string[]>) {
        if (prefixes === null) {
          prefixes = fieldPrefixes(row);
          continue;
        }
        chunk.push(rowText(prefixes, row));
        if (chunk.length < CHUNK_ROWS) continue;
        yield chunk;
        chunk = [];
      }
    } catch (error) {
      if (chunk.length > 0) yield chunk; // the rows before the broken one
      throw error instanceof CsvError ? new BadInputError(`CSV: ${error.message}`, { cause: error }) : error;
    } finally {
      input.destroy();
    }
    if (chunk.length > 0) yield chunk;
  }

  /** Cells come out as JSON text, those of the header row as they are. */
  #parser(): Parser {
    const { csvStrings, csvDelimiter, maxRecordBytes } = this.#options;
    return parse({
      delimiter: csvDelimiter ?? (this.#source.path.toLowerCase().endsWith('.tsv') ? '\t' : ','),
      skip_empty_lines: true,
      max_record_size: maxRecordBytes,
      cast: (cell, { quoting, records }) => {
        if (records === 0) return cell;
        if (!quoting && cell === '') return 'null';
        return !quoting && !csvStrings && jsonNumber.test(cell) ? cell : JSON.stringify(cell);
      },
    });
  }
}

/** `{"a":`, `,"b":` ...: what stands in front of each value. */
function fieldPrefixes(names: readonly string[]): string[] {
  const double = names.find((name, i) => names.indexOf(name) !== i);
  if (double !== undefined)
    throw new BadInputError(`CSV: expected different names in the header row, got "${double}" twice`);
  return names.map((name, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
}

function rowText(prefixes: readonly string[], row: readonly string[]): string {
  let text = '';
  for (let i = 0; i < row.length; i++) text += prefixes[i]! + row[i]!;
  return `${text}}`;
}
