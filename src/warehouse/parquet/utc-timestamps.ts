import { type FileHandle, open } from 'node:fs/promises';
import { readFooterOf } from './parquet-footer.ts';
import type { ThriftStruct } from './thrift-compact.ts';
import { thriftTypes } from './thrift-compact.ts';

/** Field ids of parquet.thrift. */
const schemaName = 4;
const schemaLogicalType = 10;
const logicalTimestamp = 8;
const timestampIsAdjustedToUtc = 1;

/**
 * Sets `isAdjustedToUTC` of the named columns' TIMESTAMP type in the footer of a Parquet file, in place. In the compact
 * protocol a boolean is part of its field's header byte, so nothing moves: length and offsets stay as they are.
 */
export async function markTimestampsUtc(path: string, columns: ReadonlySet<string>): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { bytes, metadata, position } = await readFooterOf(file);
    for (const element of metadata.structs(2)) {
      if (columns.has(element.text(schemaName))) await setMark(file, bytes, position, element);
    }
  } finally {
    await file.close();
  }
}

async function setMark(file: FileHandle, footer: Buffer, position: number, element: ThriftStruct): Promise<void> {
  const timestamp = element.struct(schemaLogicalType).struct(logicalTimestamp);
  const at = timestamp.booleanPositions.get(timestampIsAdjustedToUtc);
  if (at === undefined) throw new Error(`the column ${element.text(schemaName)} has no mark for UTC`);
  const header = (footer[at]! & 0xf0) | thriftTypes.true;
  await file.write(Buffer.of(header), 0, 1, position + at);
}
