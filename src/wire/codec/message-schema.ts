// What a Kafka message looks like, as data. The tables in ../generated are of these types; ./message-codec.ts compiles them.
//
// A version range is Kafka's own notation: "3+" (3 and every later one), "0-7", "2". An interval of numbers is inclusive.

/** A tagged field that this version of the schema does not know (KIP-482); kept, so that re-encoding loses nothing. */
export interface UnknownTaggedField {
  tag: number;
  data: Buffer;
}

/** Every struct of a flexible version may carry unknown tagged fields. Absent means none. */
export interface TaggedStruct {
  unknownTaggedFields?: UnknownTaggedField[];
}

export type FieldDefault = number | bigint | string | boolean | null;

export interface FieldOptions {
  /** Versions in which the value may be null. */
  nullable?: string;
  /** Versions in which the field is written only if it is not the default, as a tagged field with number `tag`. */
  tagged?: string;
  tag?: number;
  /** 'none': strings keep the old two-byte length even in flexible versions (RequestHeader.ClientId only). */
  flexible?: 'none';
  /** Left out silently in versions that lack the field; without it a value other than the default is an error there. */
  ignorable?: true;
  /** Where it is not the type's own zero. */
  default?: FieldDefault;
  /** The fields of a struct that is defined in place. */
  fields?: readonly FieldTable[];
}

/** [name, type, versions, options]; type is a scalar, a struct's name, or either with `[]` in front. */
export type FieldTable = readonly [name: string, type: string, versions: string, options?: FieldOptions];

export type MessageType = 'request' | 'response' | 'header' | 'data' | 'coordinator-key' | 'coordinator-value';

export interface MessageSchema<T> {
  readonly name: string;
  /** The API of a request or response; the record type of a coordinator's key or value; otherwise -1. */
  readonly apiKey: number;
  readonly type: MessageType;
  /** First and last version that can be encoded and decoded. */
  readonly validVersions: readonly [number, number];
  /** Versions with compact lengths and tagged fields (KIP-482). */
  readonly flexibleVersions: readonly [number, number] | null;
  /** The last version is still being worked on at Apache Kafka: a broker does not advertise it. */
  readonly isLatestVersionUnstable?: boolean;
  readonly fields: readonly FieldTable[];
  /** Structs used by several fields. */
  readonly structs?: Readonly<Record<string, readonly FieldTable[]>>;
  /** Never set: ties the TypeScript type to the table. */
  readonly messageType?: T;
}

/** A message to encode: whatever is left out takes Kafka's default. */
export type DeepPartial<T> = T extends Buffer | bigint | string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepPartial<E>[]
    : { readonly [K in keyof T]?: DeepPartial<T[K]> | undefined };

const versionRanges = new Map<string, readonly [number, number] | null>();

/** The inclusive interval a version range stands for, or null for "none" and for undefined. */
export function parseVersions(range: string | undefined): readonly [number, number] | null {
  if (range === undefined || range === 'none') return null;
  let parsed = versionRanges.get(range);
  if (parsed === undefined) {
    const [first, last] = range.split('-');
    parsed = range.endsWith('+')
      ? [Number.parseInt(range, 10), 32767]
      : [Number.parseInt(first!, 10), Number.parseInt(last ?? first!, 10)];
    versionRanges.set(range, parsed);
  }
  return parsed;
}

export function includesVersion(range: readonly [number, number] | null, version: number): boolean {
  return range !== null && version >= range[0] && version <= range[1];
}
