import { open } from 'node:fs/promises';
import { SluiceError } from '../../shared/index.ts';
import { readFooterOf } from './parquet-footer.ts';
import { elementCount, leavesOf, parquetTypeOf, type SchemaNode, writeSchemaElements } from './schema-nodes.ts';
import type { ThriftStruct } from './thrift-reader.ts';
import { thriftTypes } from './thrift-types.ts';
import { ThriftWriter } from './thrift-writer.ts';

/** Field ids of FileMetaData and SchemaElement in parquet.thrift. */
const fileSchema = 2;
const elementType = 1;
const elementName = 4;
const elementChildren = 5;

/**
 * Writes the schema of a finished Parquet file anew: logical types, field ids, names. Engines write plain numbers where they would choose
 * another type than ours (DuckDB makes microseconds of a time, parquetjs knows no logical types at all). Only the footer is
 * written, so no page moves; physical types and the tree have to be those that the file has.
 *
 * @throws SluiceError `encode-failed` when the file has other columns than it should.
 */
export async function annotateFile(path: string, nodes: readonly SchemaNode[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { bytes, metadata, position } = await readFooterOf(file);
    checkLeaves(path, metadata, nodes);
    const span = metadata.spans.get(fileSchema)!;
    const footer = Buffer.concat([bytes.subarray(0, span.start), schemaList(nodes), bytes.subarray(span.end)]);
    const tail = Buffer.alloc(8);
    tail.writeUInt32LE(footer.length);
    tail.write('PAR1', 4, 'latin1');
    const end = Buffer.concat([footer, tail]);
    const { bytesWritten } = await file.write(end, 0, end.length, position);
    if (bytesWritten !== end.length) throw new Error(`${path}: the footer was written in part only`);
    await file.truncate(position + end.length);
  } finally {
    await file.close();
  }
}

/** The value of the field `schema` alone: a list of SchemaElement. */
function schemaList(nodes: readonly SchemaNode[]): Buffer {
  const writer = new ThriftWriter();
  writer.listValue(thriftTypes.struct, elementCount(nodes));
  writeSchemaElements(writer, 'table', nodes, 'final');
  return writer.bytes();
}

/** Physical types and names of the leaves have to be as planned. */
function checkLeaves(path: string, metadata: ThriftStruct, nodes: readonly SchemaNode[]): void {
  const found = metadata
    .structs(fileSchema)
    .filter((element) => !element.has(elementChildren))
    .map((element) => ({ type: element.number(elementType), name: element.text(elementName) }));
  const planned = leavesOf(nodes);
  const isSame =
    found.length === planned.length &&
    planned.every(
      (leaf, index) => found[index]!.type === parquetTypeOf(leaf.physical) && found[index]!.name === leaf.path.at(-1),
    );
  if (isSame) return;
  const wanted = planned.map((leaf) => `${leaf.path.join('.')} ${leaf.physical}`).join(', ');
  const came = found.map(({ name, type }) => `${name} ${type}`).join(', ');
  throw new SluiceError('encode-failed', `${path}: expected the columns ${wanted}; the engine wrote ${came}`);
}
