import type { FileHandle } from 'node:fs/promises';
import { SluiceError } from '../../shared/index.ts';
import { readThriftStruct, ThriftFormatError, type ThriftStruct } from './thrift-reader.ts';

/**
 * The footer of a Parquet file: FileMetaData (Thrift, compact protocol), its length as int32 LE, "PAR1". Only the end of the
 * file is read. Field ids are those of parquet.thrift in apache/parquet-format.
 */
export type RangedReader = (offset: number, length: number) => Promise<Buffer>;

export interface ParquetColumnChunk {
  /** First byte of the chunk's pages (its dictionary page, if it has one) and how many they are. */
  position: number;
  size: number;
}

export interface ParquetFooter {
  rowCount: number;
  /** Key-value pairs; the last one of a name counts. */
  metadata: Map<string, string>;
  /** Names of the leaf columns in the order of the file. */
  columns: string[];
  rowGroups: { rowCount: number; chunks: ParquetColumnChunk[] }[];
  createdBy: string;
  /** Where the metadata begins: everything before it is pages. */
  position: number;
}

const magic = 'PAR1';
const tailBytes = 8;
const firstReadBytes = 64 * 1024;

/** @throws SluiceError `bad-parquet` when the bytes are not a whole Parquet file. */
export async function readParquetFooter(read: RangedReader, fileSize: number): Promise<ParquetFooter> {
  const { metadata, position } = await readFooter(read, fileSize);
  try {
    return describe(metadata, position);
  } catch (cause) {
    if (cause instanceof ThriftFormatError) throw badParquet('its footer lacks what Parquet asks for', cause);
    throw cause;
  }
}

/** Raw footer of an open file. */
export async function readFooterOf(
  file: FileHandle,
): Promise<{ bytes: Buffer; metadata: ThriftStruct; position: number }> {
  const { size } = await file.stat();
  return readFooter(fileReader(file), size);
}

/** Ranges of an open file. */
export function fileReader(file: FileHandle): RangedReader {
  return async (offset, length) => {
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  };
}

async function readFooter(
  read: RangedReader,
  fileSize: number,
): Promise<{ bytes: Buffer; metadata: ThriftStruct; position: number }> {
  if (fileSize < tailBytes + magic.length) throw badParquet(`expected a Parquet file, came ${fileSize} bytes`);
  const guess = Math.min(fileSize, firstReadBytes);
  let tail = await readExactly(read, fileSize - guess, guess);
  if (tail.toString('latin1', tail.length - 4) !== magic)
    throw badParquet('it does not end with PAR1: it is cut, or something else');
  const length = tail.readUInt32LE(tail.length - tailBytes);
  const position = fileSize - tailBytes - length;
  if (position < magic.length) throw badParquet(`a footer of ${length} bytes does not fit into ${fileSize} bytes`);
  if (length + tailBytes > guess) tail = await readExactly(read, position, length + tailBytes);
  const bytes = tail.subarray(tail.length - tailBytes - length, tail.length - tailBytes);
  try {
    return { bytes, metadata: readThriftStruct(bytes), position };
  } catch (cause) {
    throw badParquet('its footer is damaged', cause);
  }
}

async function readExactly(read: RangedReader, offset: number, length: number): Promise<Buffer> {
  const bytes = await read(offset, length);
  if (bytes.length !== length) throw badParquet(`expected ${length} bytes at ${offset}, came ${bytes.length}`);
  return bytes;
}

function describe(metadata: ThriftStruct, position: number): ParquetFooter {
  const pairs = metadata.has(5) ? metadata.structs(5) : [];
  return {
    rowCount: metadata.number(3),
    metadata: new Map(pairs.map((pair) => [pair.text(1), pair.has(2) ? pair.text(2) : ''])),
    columns: metadata
      .structs(2)
      .filter((element) => !element.has(5))
      .map((element) => element.text(4)),
    rowGroups: metadata.structs(4).map((group) => ({
      rowCount: group.number(3),
      chunks: group.structs(1).map((chunk) => describeChunk(chunk.struct(3))),
    })),
    createdBy: metadata.has(6) ? metadata.text(6) : '',
    position,
  };
}

function describeChunk(column: ThriftStruct): ParquetColumnChunk {
  const dataPosition = column.number(9);
  const dictionaryPosition = column.has(11) ? column.number(11) : dataPosition;
  const position = dictionaryPosition > 0 ? Math.min(dictionaryPosition, dataPosition) : dataPosition;
  return { position, size: column.number(7) };
}

function badParquet(problem: string, cause?: unknown): SluiceError {
  return new SluiceError('bad-parquet', `not a whole Parquet file: ${problem}`, cause === undefined ? {} : { cause });
}
