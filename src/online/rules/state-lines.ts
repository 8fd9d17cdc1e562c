import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { SluiceError } from '../../shared/index.ts';
import { type EngineState, parseRecord, type StateRecord, stringifyRecord } from './engine-state.ts';

/** The first line of a checkpoint. */
export interface CheckpointHead {
  formatVersion: number;
  /** SHA-256 of the program's text. */
  program: string;
  /** Length of the file of matches. */
  matchesBytes: number;
  partitions: EngineState['partitions'];
  counts: EngineState['counts'];
}

/** A checkpoint as lines of JSON without their line ends: the head, the records, and how many they were. */
export function* checkpointLines(
  { partitions, counts, records }: EngineState,
  about: Omit<CheckpointHead, 'partitions' | 'counts'>,
): Generator<string> {
  yield stringifyRecord({ ...about, partitions, counts });
  let count = 0;
  for (const record of records) {
    yield stringifyRecord(record);
    count++;
  }
  yield stringifyRecord({ records: count });
}

/** The records behind the head; `lines` are read as records are asked for. */
export function* recordsOf(lines: Iterator<string>): Generator<StateRecord> {
  for (let count = 0; ; count++) {
    const { value, done } = lines.next();
    if (done)
      throw new SluiceError(
        'checkpoint-cut',
        'expected the number of records at the end of the checkpoint, found its end',
      );
    const record = parseRecord(value) as StateRecord | { records: number };
    if (!('records' in record)) {
      yield record;
      continue;
    }
    if (record.records === count) return;
    throw new SluiceError('checkpoint-cut', `expected ${record.records} records in the checkpoint, found ${count}`);
  }
}

const pieceBytes = 1 << 20;

/** Lines of a file, read piece by piece: what a program remembers may be larger than a string can be. */
export function* linesOfFile(path: string): Generator<string> {
  const file = openSync(path, 'r');
  try {
    const decoder = new StringDecoder('utf8');
    const piece = Buffer.allocUnsafe(pieceBytes);
    let rest = '';
    for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
      const lines = (rest + decoder.write(piece.subarray(0, length))).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    closeSync(file);
  }
}
