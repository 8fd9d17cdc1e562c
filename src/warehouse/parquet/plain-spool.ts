import { type FileHandle, open, rm } from 'node:fs/promises';
import type { ColumnBuilder, PhysicalType } from './column-builder.ts';
import { thriftTypes } from './thrift-types.ts';
import { ThriftWriter } from './thrift-writer.ts';

/**
 * The rows of one open time folder on their way to the final Parquet file: an uncompressed, PLAIN-encoded Parquet file of
 * our own in the scratch folder, one row group per spill, one page per column chunk. Builders hold their values in that very
 * form, so a spill is one vectored write, and memory stays bounded however long a file is kept open. Any Parquet
 * reader can read a finished spool; columns are called `c0`, `c1`, ... so that no name can hurt.
 *
 * Layout: "PAR1", pages, footer (FileMetaData, Thrift compact), its length (int32 LE), "PAR1".
 * A column that came up after the first spills gets, at the end, one page of nulls for each row group without it.
 */
export interface SpoolColumn {
  name: string;
  physical: PhysicalType;
  isUtf8: boolean;
}

interface SpoolChunk {
  /** Position of the page header in the file. */
  position: number;
  /** Page header and page. */
  size: number;
  headerBytes: number;
  valueCount: number;
}

export interface SpoolGroup {
  rowCount: number;
  /** Bytes of its pages. */
  size: number;
  /** One per column that was known at the spill, and after `finish` one per column. */
  chunks: SpoolChunk[];
}

const magic = Buffer.from('PAR1');
const parquetTypes: Record<PhysicalType, number> = { BOOLEAN: 0, INT32: 1, INT64: 2, DOUBLE: 5, BYTE_ARRAY: 6 };
const encodings = { plain: 0, rle: 3 };
const utf8ConvertedType = 0;

export class PlainSpool {
  readonly path: string;
  readonly groups: SpoolGroup[] = [];
  /** Columns of the finished file. */
  columns: readonly SpoolColumn[] = [];
  /** Bytes written so far. */
  size = 0;
  #file: FileHandle | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Writes the rows in the builders as a row group; the builders may be cleared afterwards. */
  async write(columns: readonly ColumnBuilder[], rowCount: number): Promise<void> {
    this.#file ??= await open(this.path, 'wx');
    const parts: Uint8Array[] = [];
    let position = this.size;
    if (position === 0) {
      parts.push(magic);
      position = magic.length;
    }
    const group: SpoolGroup = { rowCount, size: 0, chunks: [] };
    for (const column of columns) {
      const levels = definitionLevels(column.validity, rowCount);
      const values = column.valueBytes;
      const header = pageHeader(rowCount, levels.length + 4 + values.length);
      const size = header.length + 4 + levels.length + values.length;
      parts.push(header, int32(levels.length), levels, values);
      group.chunks.push({ position, size, headerBytes: header.length, valueCount: column.valueCount });
      position += size;
      group.size += size;
    }
    await writeAll(this.#file, parts, this.size);
    this.size = position;
    this.groups.push(group);
  }

  /** Completes the file; it is then a Parquet file of these columns, in this order. */
  async finish(columns: readonly SpoolColumn[]): Promise<void> {
    const file = this.#file;
    if (file === null) throw new Error('a spool without rows cannot be finished');
    const parts: Uint8Array[] = [];
    let position = this.size;
    for (const group of this.groups) {
      while (group.chunks.length < columns.length) {
        const page = nullPage(group.rowCount);
        group.chunks.push({ position, size: page.bytes.length, headerBytes: page.headerBytes, valueCount: 0 });
        parts.push(page.bytes);
        position += page.bytes.length;
      }
    }
    const footer = fileMetaData(columns, this.groups);
    parts.push(footer, int32(footer.length), magic);
    await writeAll(file, parts, this.size);
    this.size = position + footer.length + 8;
    this.columns = columns;
    this.#file = null;
    await file.close();
  }

  /** Closes and deletes the file. */
  async remove(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
    await rm(this.path, { force: true });
  }
}

/** Levels of an optional column: its validity bits are one bit-packed run of the RLE hybrid encoding with bit width 1. */
function definitionLevels(validity: Uint8Array, rowCount: number): Uint8Array {
  const groupCount = (rowCount + 7) >>> 3;
  const header = varint((groupCount << 1) | 1);
  const levels = new Uint8Array(header.length + groupCount);
  levels.set(header);
  levels.set(validity.subarray(0, groupCount), header.length);
  return levels;
}

function nullPage(rowCount: number): { bytes: Uint8Array; headerBytes: number } {
  const run = Buffer.from([...varint(rowCount << 1), 0]);
  const header = pageHeader(rowCount, run.length + 4);
  return { bytes: Buffer.concat([header, int32(run.length), run]), headerBytes: header.length };
}

function pageHeader(rowCount: number, size: number): Buffer {
  const writer = new ThriftWriter();
  writer.i32(1, 0).i32(2, size).i32(3, size);
  writer.struct(5).i32(1, rowCount).i32(2, encodings.plain).i32(3, encodings.rle).i32(4, encodings.rle).end();
  return writer.finish();
}

function fileMetaData(columns: readonly SpoolColumn[], groups: readonly SpoolGroup[]): Buffer {
  const writer = new ThriftWriter();
  writer.i32(1, 1).list(2, thriftTypes.struct, columns.length + 1);
  writer.structElement().string(4, 'spool').i32(5, columns.length).end();
  columns.forEach(({ physical, isUtf8 }, index) => {
    writer.structElement().i32(1, parquetTypes[physical]).i32(3, 1).string(4, `c${index}`);
    if (isUtf8) writer.i32(6, utf8ConvertedType);
    writer.end();
  });
  const rowCount = groups.reduce((sum, group) => sum + group.rowCount, 0);
  writer.i64(3, rowCount).list(4, thriftTypes.struct, groups.length);
  for (const group of groups) writeRowGroup(writer, columns, group);
  return writer.string(6, 'sluice').finish();
}

function writeRowGroup(writer: ThriftWriter, columns: readonly SpoolColumn[], group: SpoolGroup): void {
  writer.structElement().list(1, thriftTypes.struct, columns.length);
  let total = 0;
  group.chunks.forEach((chunk, index) => {
    total += chunk.size;
    writer.structElement().i64(2, chunk.position).struct(3);
    writer.i32(1, parquetTypes[columns[index]!.physical]);
    writer.list(2, thriftTypes.i32, 2).i32Element(encodings.plain).i32Element(encodings.rle);
    writer.list(3, thriftTypes.binary, 1).stringElement(`c${index}`);
    writer.i32(4, 0).i64(5, group.rowCount).i64(6, chunk.size).i64(7, chunk.size).i64(9, chunk.position).end();
    writer.end();
  });
  writer.i64(2, total).i64(3, group.rowCount).end();
}

async function writeAll(file: FileHandle, parts: Uint8Array[], position: number): Promise<void> {
  const expected = parts.reduce((sum, part) => sum + part.length, 0);
  const { bytesWritten } = await file.writev(parts, position);
  if (bytesWritten === expected) return;
  // A short write: the file system took a part only. Write the rest in one piece, which reports the reason if it fails.
  let rest = Buffer.concat(parts).subarray(bytesWritten);
  let at = position + bytesWritten;
  while (rest.length > 0) {
    const written = (await file.write(rest, 0, rest.length, at)).bytesWritten;
    if (written === 0) throw new Error('the file system took no bytes');
    rest = rest.subarray(written);
    at += written;
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}
