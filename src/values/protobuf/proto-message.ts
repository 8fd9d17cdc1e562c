/** Scalar types of Protobuf; `enum` is written as the name of its number. */
export type ProtoScalar =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

export interface ProtoField {
  /** As declared (`user_id`); JSON and columns have this name too. */
  name: string;
  number: number;
  kind: ProtoScalar | 'enum' | 'message';
  /** Of a message. */
  message: ProtoMessage | null;
  /** Of an enum: number -> name; the value that stands for "not set" in proto3 is 0. */
  enumNames: ReadonlyMap<number, string> | null;
  isRepeated: boolean;
  /** Of a map: type of its keys; `kind`, `message` and `enumNames` are those of the values. */
  mapKey: ProtoScalar | null;
  /** Whether "not set" differs from the default value: proto2, `optional`, messages, members of a oneof. */
  hasPresence: boolean;
  isRequired: boolean;
  /** Number of the oneof in its message, -1: in none. */
  oneof: number;
}

/** A message type, which may hold itself. */
export interface ProtoMessage {
  /** With its package, without a leading dot. */
  name: string;
  /** In the order of their declaration. */
  fields: ProtoField[];
  /** Position in `fields` by number. */
  byNumber: ReadonlyMap<number, number>;
  oneofCount: number;
}

/** Wire type of a scalar (encoding guide, "Message Structure"): 0 varint, 1 eight bytes, 2 length-prefixed, 5 four bytes. */
export function wireTypeOf(kind: ProtoField['kind']): 0 | 1 | 2 | 5 {
  switch (kind) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 1;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 5;
    case 'string':
    case 'bytes':
    case 'message':
      return 2;
    default:
      return 0;
  }
}
