import { open } from 'node:fs/promises';
import { readFooterOf } from './parquet-footer.ts';
import type { ThriftStruct } from './thrift-reader.ts';
import { thriftTypes } from './thrift-types.ts';

/** Field ids of parquet.thrift. */
const schemaName = 4;
const schemaLogicalType = 10;
const logicalTimestamp = 8;
const timestampIsAdjustedToUtc = 1;

/** What follows the header of the field `logicalType`: TIMESTAMP(isAdjustedToUTC: true, unit: MILLIS). */
const utcMillisType = Buffer.from([
  (logicalTimestamp << 4) | thriftTypes.struct,
  (timestampIsAdjustedToUtc << 4) | thriftTypes.true,
  (1 << 4) | thriftTypes.struct, // unit
  (1 << 4) | thriftTypes.struct, // MILLIS, an empty struct
  0,
  0,
  0,
  0,
]);

/**
 * Gives the named columns of a finished Parquet file the type TIMESTAMP(isAdjustedToUTC: true, unit: MILLIS), which neither
 * engine writes: DuckDB has milliseconds only without the UTC mark, parquetjs knows the older TIMESTAMP_MILLIS alone. Only
 * the footer is written anew, so no page moves. The columns must hold milliseconds already.
 */
export async function markTimestampsUtc(path: string, columns: ReadonlySet<string>): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { bytes, metadata, position } = await readFooterOf(file);
    const footer = withUtcTimestamps(bytes, metadata, columns);
    const tail = Buffer.alloc(8);
    tail.writeUInt32LE(footer.length);
    tail.write('PAR1', 4, 'latin1');
    const end = Buffer.concat([footer, tail]);
    const { bytesWritten } = await file.write(end, 0, end.length, position);
    if (bytesWritten !== end.length) throw new Error(`${path}: the footer was written in part only`);
  } finally {
    await file.close();
  }
}

function withUtcTimestamps(footer: Buffer, metadata: ThriftStruct, columns: ReadonlySet<string>): Buffer {
  const parts: Buffer[] = [];
  let copied = 0;
  for (const element of metadata.structs(2)) {
    if (element.has(5) || !columns.has(element.text(schemaName))) continue;
    if (element.has(schemaLogicalType)) {
      const timestamp = element.struct(schemaLogicalType).struct(logicalTimestamp);
      const at = timestamp.booleanPositions.get(timestampIsAdjustedToUtc)!;
      // In the compact protocol a boolean is part of its field's header byte.
      parts.push(footer.subarray(copied, at), Buffer.of((footer[at]! & 0xf0) | thriftTypes.true));
      copied = at + 1;
    } else {
      const header = ((schemaLogicalType - element.lastFieldId) << 4) | thriftTypes.struct;
      parts.push(footer.subarray(copied, element.endPosition), Buffer.of(header), utcMillisType);
      copied = element.endPosition;
    }
  }
  return Buffer.concat([...parts, footer.subarray(copied)]);
}
