import { BadInputError, JsonElementSplitter, LineSplitter } from '../../shared/index.ts';
import type { ByteSource } from './byte-source.ts';
import { JsonPathFinder, topLevelArrays } from './json-path-finder.ts';
import type { InputOptions, RecordInput } from './record-input.ts';

const ndjsonHint = 'is it NDJSON? (--format, --max-record-bytes)';
const elementHint = '--max-record-bytes';

/** One record per line, byte for byte: what is no JSON is sent as well. */
export class NdjsonInput implements RecordInput {
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

  async *chunks(signal: AbortSignal): AsyncGenerator<Buffer[]> {
    const { maxRecordBytes, keepEmptyLines } = this.#options;
    const splitter = new LineSplitter({ maxLineBytes: maxRecordBytes, keepEmpty: keepEmptyLines, hint: ndjsonHint });
    for await (const bytes of this.#source.chunks(signal)) {
      const lines = splitter.push(bytes);
      if (lines.length > 0) yield lines;
    }
    const last = signal.aborted ? [] : splitter.finish();
    if (last.length > 0) yield last;
  }
}

/** One record per element of a JSON array: the whole document, or the array at a path inside it. */
export class JsonArrayInput implements RecordInput {
  readonly unit = 'KB';
  readonly #source: ByteSource;
  readonly #options: InputOptions;

  constructor(source: ByteSource, options: InputOptions) {
    this.#source = source;
    this.#options = options;
    if (options.arrayPath === null) checkIsArray(source);
  }

  get total(): number {
    return this.#source.totalKb;
  }

  get done(): number {
    return this.#source.readKb;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<Buffer[]> {
    const { arrayPath, maxRecordBytes } = this.#options;
    const splitter = new JsonElementSplitter({
      maxElementBytes: maxRecordBytes,
      ignoreRest: arrayPath !== null,
      hint: elementHint,
    });
    let finder = arrayPath === null ? null : new JsonPathFinder(arrayPath.split('.'));
    for await (const bytes of this.#source.chunks(signal)) {
      const start = finder?.push(bytes) ?? 0;
      if (start < 0) continue;
      const elements = splitter.push(bytes.subarray(start));
      finder = null;
      if (elements.length > 0) yield elements;
      if (arrayPath !== null && splitter.hasEnded) return;
    }
    if (signal.aborted) return;
    if (finder) throw new BadInputError(`expected an array at "${arrayPath}" in ${this.#source.path}, found none`);
    splitter.finish();
  }
}

/** Says so before anything is sent when the document is not an array. */
function checkIsArray({ head, path }: ByteSource): void {
  const first = /\S/.exec(head.toString('latin1'))?.[0];
  if (first === '[' || first === undefined) return;
  const arrays = first === '{' ? topLevelArrays(head) : [];
  const hint = arrays.length > 0 ? `; take one of its arrays with --array ${arrays.join(' or --array ')}` : '';
  throw new BadInputError(`expected a JSON array in ${path}, got "${first}"${hint}`);
}
