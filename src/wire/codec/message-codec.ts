// The three verbs of the codec: encode a message, encode it in pieces, decode it. One plain-object shape serves all versions
// of a message; (schema, version) is compiled on first use and kept.
import { errorInMessage, WireError } from '../wire-error.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { compileMessage } from './compile-message.ts';
import type { DeepPartial, MessageSchema } from './message-schema.ts';
import type { ValueCodec } from './value-codec.ts';

export const zeroUuid = '0'.repeat(32);

/** Byte fields from this size on are referenced in chunked encoding; below, copying is cheaper than another buffer. */
const REFERENCE_FROM_BYTES = 4096;

const compiled = new WeakMap<MessageSchema<unknown>, ValueCodec[]>();

/** The message as bytes, without size or header. Fields left out take Kafka's defaults. Throws WireError. */
export function encodeMessage<T>(schema: MessageSchema<T>, version: number, message: DeepPartial<T>): Buffer {
  const writer = new ByteWriter();
  writeMessage(writer, schema, version, message);
  return writer.contents();
}

/** Like encodeMessage, in pieces: big `bytes` and `records` fields are the caller's own buffers, not copies. */
export function encodeMessageChunks<T>(schema: MessageSchema<T>, version: number, message: DeepPartial<T>): Buffer[] {
  const writer = chunkedWriter();
  writeMessage(writer, schema, version, message);
  return writer.chunks();
}

/**
 * Reads the message that fills `buffer` from `offset` to its end. Fields that this version lacks get Kafka's defaults; byte
 * fields are views into `buffer`. Throws WireError for anything else than exactly one message.
 */
export function decodeMessage<T>(schema: MessageSchema<T>, version: number, buffer: Buffer, offset = 0): T {
  const reader = new ByteReader(buffer, offset);
  const message = readMessage(reader, schema, version);
  if (reader.remaining > 0) {
    throw new WireError(
      'malformed',
      `${schema.name} v${version}: expected the message to end at ${reader.position}, but ${reader.remaining} bytes follow`,
    );
  }
  return message;
}

export function readMessage<T>(reader: ByteReader, schema: MessageSchema<T>, version: number): T {
  const codec = codecOf(schema, version);
  try {
    return codec.read(reader) as T;
  } catch (error) {
    throw errorInMessage(error, `${schema.name} v${version}`);
  }
}

export function writeMessage<T>(
  writer: ByteWriter,
  schema: MessageSchema<T>,
  version: number,
  message: DeepPartial<T>,
): void {
  const codec = codecOf(schema, version);
  try {
    codec.write(writer, message);
  } catch (error) {
    throw errorInMessage(error, `${schema.name} v${version}`);
  }
}

export function chunkedWriter(): ByteWriter {
  return new ByteWriter({ referenceFromBytes: REFERENCE_FROM_BYTES });
}

function codecOf(schema: MessageSchema<unknown>, version: number): ValueCodec {
  let versions = compiled.get(schema);
  if (!versions) compiled.set(schema, (versions = []));
  let codec = versions[version];
  if (!codec) {
    const [first, last] = schema.validVersions;
    if (!Number.isInteger(version) || version < first || version > last) {
      throw new WireError(
        'unsupported-version',
        `${schema.name}: expected a version from ${first} to ${last}, got ${version}`,
      );
    }
    versions[version] = codec = compileMessage(schema, version);
  }
  return codec;
}
