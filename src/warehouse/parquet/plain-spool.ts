import { type FileHandle, open, rm } from 'node:fs/promises';
import type { DataType } from '../table/data-type.ts';
import type { ColumnBuilder } from './column-builder.ts';
import { zeroLevels } from './leaf-page.ts';
import {
  elementCount,
  leavesOf,
  parquetTypeOf,
  type SchemaLeaf,
  type SchemaNode,
  schemaNode,
  writeSchemaElements,
} from './schema-nodes.ts';
import { thriftTypes } from './thrift-types.ts';
import { ThriftWriter } from './thrift-writer.ts';

/**
 * The rows of one open time folder on their way to the final Parquet file: an uncompressed, PLAIN-encoded Parquet file of
 * our own in the scratch folder, one row group per spill, one page per column chunk (a nested column has one for each leaf). Builders hold their values in that very
 * form, so a spill is one vectored write, and memory stays bounded however long a file is kept open. Any Parquet
 * reader can read a finished spool; columns are called `c0`, `c1`, ... so that no name can hurt.
 *
 * Layout: "PAR1", pages, footer (FileMetaData, Thrift compact), its length (int32 LE), "PAR1".
 * A column that came up after the first spills gets, at the end, one page of nulls for each row group without it.
 */
export interface SpoolColumn {
  name: string;
  type: DataType;
}

interface SpoolChunk {
  /** Position of the page header in the file. */
  position: number;
  /** Page header and page. */
  size: number;
  headerBytes: number;
  /** Levels in it: rows, for a flat column. */
  entryCount: number;
  /** Values that are not null. */
  valueCount: number;
}

export interface SpoolGroup {
  rowCount: number;
  /** Bytes of its pages. */
  size: number;
  /** One per leaf of the columns that were known at the spill, and after `finish` one per leaf of all. */
  chunks: SpoolChunk[];
}

const magic = Buffer.from('PAR1');
const encodings = { plain: 0, rle: 3 };

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
    for (const page of columns.flatMap((column) => column.pages(rowCount))) {
      const body = [...page.levels.flatMap((levels) => [int32(levels.length), levels]), page.values];
      const header = pageHeader(page.entryCount, sizeOf(body));
      const size = header.length + sizeOf(body);
      parts.push(header, ...body);
      const { entryCount, valueCount } = page;
      group.chunks.push({ position, size, headerBytes: header.length, entryCount, valueCount });
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
    const nodes = columns.map(({ type }, index) => schemaNode(`c${index}`, type));
    const leaves = leavesOf(nodes);
    const parts: Uint8Array[] = [];
    let position = this.size;
    for (const group of this.groups) {
      while (group.chunks.length < leaves.length) {
        const page = nullPage(group.rowCount, leaves[group.chunks.length]!);
        const size = page.bytes.length;
        const { headerBytes } = page;
        group.chunks.push({ position, size, headerBytes, entryCount: group.rowCount, valueCount: 0 });
        parts.push(page.bytes);
        position += size;
      }
    }
    const footer = fileMetaData(nodes, leaves, this.groups);
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

/** A page of nulls alone for a leaf of that many rows. */
function nullPage(rowCount: number, { maxRepetition }: SchemaLeaf): { bytes: Uint8Array; headerBytes: number } {
  const run = zeroLevels(rowCount);
  const levels = (maxRepetition > 0 ? [run, run] : [run]).flatMap((bytes) => [int32(bytes.length), bytes]);
  const header = pageHeader(rowCount, sizeOf(levels));
  return { bytes: Buffer.concat([header, ...levels]), headerBytes: header.length };
}

function pageHeader(entryCount: number, size: number): Buffer {
  const writer = new ThriftWriter();
  writer.i32(1, 0).i32(2, size).i32(3, size);
  writer.struct(5).i32(1, entryCount).i32(2, encodings.plain).i32(3, encodings.rle).i32(4, encodings.rle).end();
  return writer.finish();
}

function fileMetaData(
  nodes: readonly SchemaNode[],
  leaves: readonly SchemaLeaf[],
  groups: readonly SpoolGroup[],
): Buffer {
  const writer = new ThriftWriter();
  writer.i32(1, 1).list(2, thriftTypes.struct, elementCount(nodes));
  writeSchemaElements(writer, 'spool', nodes, 'spool');
  const rowCount = groups.reduce((sum, group) => sum + group.rowCount, 0);
  writer.i64(3, rowCount).list(4, thriftTypes.struct, groups.length);
  for (const group of groups) writeRowGroup(writer, leaves, group);
  return writer.string(6, 'sluice').finish();
}

function writeRowGroup(writer: ThriftWriter, leaves: readonly SchemaLeaf[], group: SpoolGroup): void {
  writer.structElement().list(1, thriftTypes.struct, leaves.length);
  let total = 0;
  group.chunks.forEach((chunk, index) => {
    const { physical, path } = leaves[index]!;
    total += chunk.size;
    writer.structElement().i64(2, chunk.position).struct(3);
    writer.i32(1, parquetTypeOf(physical));
    writer.list(2, thriftTypes.i32, 2).i32Element(encodings.plain).i32Element(encodings.rle);
    writer.list(3, thriftTypes.binary, path.length);
    for (const part of path) writer.stringElement(part);
    writer.i32(4, 0).i64(5, chunk.entryCount).i64(6, chunk.size).i64(7, chunk.size).i64(9, chunk.position).end();
    writer.end();
  });
  writer.i64(2, total).i64(3, group.rowCount).end();
}

async function writeAll(file: FileHandle, parts: Uint8Array[], position: number): Promise<void> {
  const expected = sizeOf(parts);
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

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
