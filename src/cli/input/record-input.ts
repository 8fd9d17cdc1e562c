export type InputFormat = 'ndjson' | 'json' | 'csv' | 'parquet';

/** What `produce` reads: values, one per record, in chunks. Memory stays constant, however long the input is. */
export interface RecordInput {
  /** How much there is, for a progress bar; 0: not known. */
  readonly total: number;
  /** What `total` and `done` count: `KB` of the file, or `rows`. */
  readonly unit: string;
  /** How much has been read. */
  readonly done: number;
  /** Values as text or bytes, never an empty chunk. Throws BadInputError for input that is not of the format. */
  chunks(signal: AbortSignal): AsyncIterable<(Buffer | string)[]>;
}

export interface InputOptions {
  /** `auto`: by the name of the file, and where that does not tell, by its first bytes. */
  format: InputFormat | 'auto';
  /** Of one record, in bytes; more is an error of the input. */
  maxRecordBytes: number;
  /** NDJSON: make a record of empty text out of an empty line, instead of passing over it. */
  keepEmptyLines: boolean;
  /** JSON: where the array is when the file is an object: `features`, `data.items`. */
  arrayPath: string | null;
  /** CSV: all values as text. */
  csvStrings: boolean;
  csvDelimiter: string | null;
}
