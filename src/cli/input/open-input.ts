import { extname } from 'node:path';
import { BadInputError } from '../../shared/index.ts';
import { ByteSource } from './byte-source.ts';
import { topLevelArrays } from './json-path-finder.ts';
import type { InputFormat, InputOptions, RecordInput } from './record-input.ts';

const formatsByExtension: Record<string, InputFormat> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.parquet': 'parquet',
};

/** Opens a file (`-`: the standard input) as records. Throws BadInputError. */
export async function openInput(path: string, options: InputOptions): Promise<RecordInput> {
  const source = await ByteSource.open(path);
  const format = options.format === 'auto' ? detectFormat(path, source.head) : options.format;
  switch (format) {
    case 'parquet': {
      if (path === '-')
        throw new BadInputError('expected a file for Parquet: it cannot be read from the standard input');
      const { ParquetInput } = await import('./parquet-input.ts');
      return await ParquetInput.open(path);
    }
    case 'csv': {
      const { CsvInput } = await import('./csv-input.ts');
      return new CsvInput(source, options);
    }
    default: {
      const { JsonArrayInput, NdjsonInput } = await import('./text-inputs.ts');
      return format === 'json' ? new JsonArrayInput(source, options) : new NdjsonInput(source, options);
    }
  }
}

/** By the name of the file, then by its first bytes; lines of JSON are what we expect when nothing says otherwise. */
export function detectFormat(path: string, head: Buffer): InputFormat {
  const byName = formatsByExtension[extname(path).toLowerCase()];
  if (byName) return byName;
  if (head.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet';
  const text = head.toString('utf8').trimStart();
  if (text.startsWith('[')) return 'json';
  if (extname(path).toLowerCase() === '.json' && !isLines(text, head)) return 'json';
  return 'ndjson';
}

/** Whether a `.json` file that begins with an object holds one object per line, or just one that is a record. */
function isLines(text: string, head: Buffer): boolean {
  const [first, ...others] = text.split('\n');
  return isObject(first!) && (others.some((line) => line.trim() !== '') || topLevelArrays(head).length === 0);
}

function isObject(line: string): boolean {
  try {
    return line.startsWith('{') && JSON.parse(line) !== null;
  } catch {
    return false;
  }
}
