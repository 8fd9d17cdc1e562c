import type { DataType, ScalarType } from '../table/data-type.ts';
import { partPath } from '../table/field-ids.ts';
import { fixedLength, type PhysicalType, physicalOf } from './physical-type.ts';
import type { ThriftWriter } from './thrift-writer.ts';

/**
 * The schema of a Parquet file as a tree (LogicalTypes.md and parquet.thrift of apache/parquet-format): lists have three levels
 * (`list`, `element`), maps `key_value` with a required `key` and an optional `value`; everything else is optional.
 */
export interface SchemaNode {
  name: string;
  repetition: 'required' | 'optional' | 'repeated';
  /** Of a leaf. */
  physical?: PhysicalType;
  scalar?: ScalarType;
  /** Of a group. */
  children?: SchemaNode[];
  group?: 'list' | 'map';
  fieldId?: number | undefined;
}

/** A leaf of the tree: a column chunk in every row group. */
export interface SchemaLeaf {
  path: string[];
  physical: PhysicalType;
  scalar: ScalarType;
  /** Highest definition and repetition level. */
  maxDefinition: number;
  maxRepetition: number;
}

export function schemaNode(
  name: string,
  type: DataType,
  ids: Readonly<Record<string, number>> = {},
  path = '',
): SchemaNode {
  const node = { name, repetition: 'optional' as const, fieldId: ids[path] };
  switch (type.kind) {
    case 'list': {
      const element = schemaNode('element', type.element, ids, partPath(path, 'element'));
      return { ...node, group: 'list', children: [{ name: 'list', repetition: 'repeated', children: [element] }] };
    }
    case 'map': {
      const key = leafNode('key', { kind: 'string' }, ids[partPath(path, 'key')], 'required');
      const value = schemaNode('value', type.value, ids, partPath(path, 'value'));
      return {
        ...node,
        group: 'map',
        children: [{ name: 'key_value', repetition: 'repeated', children: [key, value] }],
      };
    }
    case 'struct':
      return {
        ...node,
        children: type.fields.map((field) => schemaNode(field.name, field.type, ids, partPath(path, field.name))),
      };
    default:
      return leafNode(name, type, node.fieldId, 'optional');
  }
}

function leafNode(
  name: string,
  scalar: ScalarType,
  fieldId: number | undefined,
  repetition: SchemaNode['repetition'],
): SchemaNode {
  return { name, repetition, physical: physicalOf(scalar), scalar, fieldId };
}

/** All leaves in the order of the file. */
export function leavesOf(nodes: readonly SchemaNode[]): SchemaLeaf[] {
  const leaves: SchemaLeaf[] = [];
  const visit = (node: SchemaNode, path: readonly string[], definition: number, repetition: number): void => {
    const own = [...path, node.name];
    const maxDefinition = definition + (node.repetition === 'required' ? 0 : 1);
    const maxRepetition = repetition + (node.repetition === 'repeated' ? 1 : 0);
    for (const child of node.children ?? []) visit(child, own, maxDefinition, maxRepetition);
    if (node.scalar && node.physical) {
      leaves.push({ path: own, physical: node.physical, scalar: node.scalar, maxDefinition, maxRepetition });
    }
  };
  for (const node of nodes) visit(node, [], 0, 0);
  return leaves;
}

/** Number of SchemaElements that `writeSchemaElements` writes, the root's included. */
export function elementCount(nodes: readonly SchemaNode[]): number {
  return nodes.reduce((sum, { children }) => sum + elementCount(children ?? []), 1);
}

/**
 * Writes the elements of a list of SchemaElement, its root first. `spool`: only what an engine has to know to read and write the
 * values as they are; `final`: everything that readers of the file should know.
 */
export function writeSchemaElements(
  writer: ThriftWriter,
  root: string,
  nodes: readonly SchemaNode[],
  purpose: 'spool' | 'final',
): void {
  writer.structElement().string(4, root).i32(5, nodes.length).end();
  const write = (node: SchemaNode): void => {
    writeElement(writer, node, purpose);
    for (const child of node.children ?? []) write(child);
  };
  for (const node of nodes) write(node);
}

const parquetTypes: Record<PhysicalType, number> = {
  BOOLEAN: 0,
  INT32: 1,
  INT64: 2,
  FLOAT: 4,
  DOUBLE: 5,
  BYTE_ARRAY: 6,
  FIXED: 7,
};
const repetitions = { required: 0, optional: 1, repeated: 2 };

/** The number of a physical type in parquet.thrift. */
export function parquetTypeOf(physical: PhysicalType): number {
  return parquetTypes[physical];
}

function writeElement(writer: ThriftWriter, node: SchemaNode, purpose: 'spool' | 'final'): void {
  const { scalar, physical } = node;
  writer.structElement();
  if (physical) writer.i32(1, parquetTypes[physical]);
  if (scalar && physical === 'FIXED') writer.i32(2, fixedLength(scalar));
  writer.i32(3, repetitions[node.repetition]).string(4, node.name);
  if (node.children) writer.i32(5, node.children.length);
  const annotation = node.group ? groupAnnotations[node.group] : scalar ? annotationOf(scalar, purpose) : noAnnotation;
  if (annotation.converted !== undefined) writer.i32(6, annotation.converted);
  if (scalar?.kind === 'decimal' && annotation.logical) writer.i32(7, scalar.scale).i32(8, scalar.precision);
  if (node.fieldId !== undefined && purpose === 'final') writer.i32(9, node.fieldId);
  if (annotation.logical && purpose === 'final') {
    writer.struct(10);
    annotation.logical(writer);
    writer.end();
  } else if (scalar && purpose === 'spool' && isUuidInSpool(scalar)) writer.struct(10).struct(14).end().end();
  writer.end();
}

interface Annotation {
  /** ConvertedType, for readers of before 2017. */
  converted?: number;
  /** Writes the one field of the union LogicalType. */
  logical?: (writer: ThriftWriter) => void;
}

const noAnnotation: Annotation = {};
const empty = (id: number) => (writer: ThriftWriter) => void writer.struct(id).end();
const groupAnnotations: Record<'list' | 'map', Annotation> = {
  map: { converted: 1, logical: empty(2) },
  list: { converted: 3, logical: empty(3) },
};

/** A text of 16 bytes is only written as FIXED_LEN_BYTE_ARRAY by DuckDB when it takes it for a uuid. */
function isUuidInSpool(scalar: ScalarType): boolean {
  return scalar.kind === 'uuid' || (scalar.kind === 'fixed' && scalar.length === 16);
}

function annotationOf(scalar: ScalarType, purpose: 'spool' | 'final'): Annotation {
  // To the engine most are plain numbers: it would otherwise write types of its own choice, as microseconds for milliseconds.
  if (purpose === 'spool' && !spoolAnnotated(scalar)) return noAnnotation;
  switch (scalar.kind) {
    case 'string':
    case 'json':
      return { converted: 0, logical: empty(1) };
    case 'enum':
      return purpose === 'spool' ? { converted: 0 } : { converted: 4, logical: empty(4) };
    case 'decimal':
      return {
        converted: 5,
        logical: (writer) => void writer.struct(5).i32(1, scalar.scale).i32(2, scalar.precision).end(),
      };
    case 'date':
      return { converted: 6, logical: empty(6) };
    case 'time_ms':
      return { logical: timeUnit(7, false, 1) };
    case 'time_us':
      return { logical: timeUnit(7, false, 2) };
    case 'timestamp':
      return { converted: 9, logical: timeUnit(8, true, 1) };
    case 'timestamp_us':
      return { converted: 10, logical: timeUnit(8, true, 2) };
    case 'local_timestamp':
      return { logical: timeUnit(8, false, 1) };
    case 'local_timestamp_us':
      return { logical: timeUnit(8, false, 2) };
    case 'uuid':
      return { logical: empty(14) };
    default:
      return integerAnnotations[scalar.kind] ?? noAnnotation;
  }
}

/** TIME (7) or TIMESTAMP (8) with its zone and unit: 1 milliseconds, 2 microseconds. */
function timeUnit(id: number, isUtc: boolean, unit: number): (writer: ThriftWriter) => void {
  return (writer) => void writer.struct(id).boolean(1, isUtc).struct(2).struct(unit).end().end().end();
}

function integer(bits: number, isSigned: boolean, converted: number): Annotation {
  return { converted, logical: (writer) => void writer.struct(10).i8(1, bits).boolean(2, isSigned).end() };
}

const integerAnnotations: Partial<Record<ScalarType['kind'], Annotation>> = {
  uint8: integer(8, false, 11),
  uint16: integer(16, false, 12),
  uint32: integer(32, false, 13),
  uint64: integer(64, false, 14),
  int8: integer(8, true, 15),
  int16: integer(16, true, 16),
};

/** Texts, and numbers whose order is not that of their bits: statistics come from the engine. */
function spoolAnnotated(scalar: ScalarType): boolean {
  switch (scalar.kind) {
    case 'string':
    case 'json':
    case 'enum':
    case 'uint32':
    case 'uint64':
      return true;
    case 'decimal':
      return physicalOf(scalar) === 'FIXED';
    default:
      return false;
  }
}
