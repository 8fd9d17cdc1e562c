import type { ExactJson } from '../core/exact-json.ts';

/** Parsed types of Avro 1.11 (specification, "Schema Declaration"). Named types may be part of themselves. */
export type AvroType = AvroPrimitive | AvroFixed | AvroEnum | AvroArray | AvroMap | AvroUnion | AvroRecord;

export type PrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** Only those whose rules hold; an unknown or misplaced logical type is ignored, as the specification asks. */
export type LogicalType =
  | { name: 'decimal'; precision: number; scale: number }
  | { name: 'uuid' | 'date' | 'duration' }
  | { name: 'time'; digits: 3 | 6 }
  | { name: 'timestamp'; digits: 3 | 6 | 9; isLocal: boolean };

export interface AvroPrimitive {
  kind: PrimitiveName;
  logical: LogicalType | null;
}

interface Named {
  /** With its namespace. */
  name: string;
  /** With their namespaces. */
  aliases: string[];
}

export interface AvroFixed extends Named {
  kind: 'fixed';
  size: number;
  logical: LogicalType | null;
}

export interface AvroEnum extends Named {
  kind: 'enum';
  symbols: string[];
  /** What a reader takes for symbols it does not know; null: nothing. */
  default: string | null;
}

export interface AvroArray {
  kind: 'array';
  items: AvroType;
}

export interface AvroMap {
  kind: 'map';
  values: AvroType;
}

export interface AvroUnion {
  kind: 'union';
  branches: AvroType[];
}

export interface AvroRecord extends Named {
  kind: 'record';
  fields: AvroField[];
}

export interface AvroField {
  name: string;
  aliases: string[];
  type: AvroType;
  /** undefined: no default. */
  default: ExactJson | undefined;
}

/** How people know the type: its name, or its kind. */
export function describeType(type: AvroType): string {
  return 'name' in type ? `${type.kind} ${type.name}` : type.kind;
}

/** The name without its namespace. */
export function unqualified(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
