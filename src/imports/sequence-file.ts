// Hadoop's SequenceFile, version 6 (org.apache.hadoop.io.SequenceFile): plain, record-compressed or block-compressed.
import { gunzipSync, inflateSync } from 'node:zlib';
import { SluiceError } from '../shared/index.ts';
import { HadoopInput } from './hadoop-input.ts';

export interface SequenceEntry {
  key: Buffer;
  value: Buffer;
}

export interface SequenceFile {
  keyClass: string;
  valueClass: string;
  entries: SequenceEntry[];
}

/** No state file is larger than this once decompressed; a bomb is refused. */
const maxBytes = 256 * 1024 * 1024;
const syncBytes = 16;

/** Reads a whole file; `name` is for errors. Throws SluiceError `unreadable-state`. */
export function readSequenceFile(bytes: Buffer, name: string): SequenceFile {
  const input = new HadoopInput(bytes, name);
  const magic = bytes.length < 4 ? '' : input.bytes(3).toString('latin1');
  if (magic !== 'SEQ') throw unreadable(name, 'expected a SequenceFile of Hadoop');
  const version = input.byte();
  if (version !== 6) throw unreadable(name, `expected version 6 of the SequenceFile format, found ${version}`);
  const [keyClass, valueClass] = [input.text(), input.text()];
  const [isCompressed, isBlockCompressed] = [input.boolean(), input.boolean()];
  const inflate = isCompressed ? decompressor(input.text(), name) : (plain: Buffer) => plain;
  for (let pairs = input.int32(); pairs > 0; pairs--) {
    input.text();
    input.text();
  }
  const sync = input.bytes(syncBytes);
  const read = isBlockCompressed ? readBlocks : readRecords;
  return { keyClass, valueClass, entries: [...read(input, sync, inflate, name)] };
}

type Inflate = (bytes: Buffer) => Buffer;

/** A record: its length, its key's length, key, value; -1 in place of the length announces a sync mark. */
function* readRecords(input: HadoopInput, sync: Buffer, inflate: Inflate, name: string): Generator<SequenceEntry> {
  while (!input.isAtEnd) {
    const length = input.int32();
    if (length === -1) {
      checkSync(input, sync, name);
      continue;
    }
    const keyLength = input.int32();
    const key = input.bytes(keyLength);
    const value = input.bytes(length - keyLength);
    yield { key, value: inflate(value) };
  }
}

/** A block: sync mark, record count, then four compressed buffers: key lengths, keys, value lengths, values. */
function* readBlocks(input: HadoopInput, sync: Buffer, inflate: Inflate, name: string): Generator<SequenceEntry> {
  while (!input.isAtEnd) {
    if (input.int32() !== -1) throw unreadable(name, 'expected a sync mark before a block');
    checkSync(input, sync, name);
    const count = input.vint();
    const next = (): HadoopInput => new HadoopInput(inflate(input.bytes(input.vint())), name);
    const [keyLengths, keys, valueLengths, values] = [next(), next(), next(), next()];
    for (let i = 0; i < count; i++) {
      yield { key: keys.bytes(keyLengths.vint()), value: values.bytes(valueLengths.vint()) };
    }
  }
}

function checkSync(input: HadoopInput, sync: Buffer, name: string): void {
  if (!input.bytes(syncBytes).equals(sync)) throw unreadable(name, 'a sync mark is not the one of the header');
}

function decompressor(codec: string, name: string): Inflate {
  const options = { maxOutputLength: maxBytes };
  if (codec.endsWith('.DefaultCodec') || codec.endsWith('.DeflateCodec')) {
    return (bytes) => (bytes.length === 0 ? bytes : inflateSync(bytes, options));
  }
  if (codec.endsWith('.GzipCodec')) return (bytes) => (bytes.length === 0 ? bytes : gunzipSync(bytes, options));
  throw unreadable(name, `expected the codec DefaultCodec or GzipCodec, found ${codec}`);
}

function unreadable(name: string, message: string): SluiceError {
  return new SluiceError('unreadable-state', `${name}: ${message}`);
}
