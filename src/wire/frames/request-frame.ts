// A request on the connection: int32 size | request header | message. `size` counts what follows it.
//
// Request header: int16 api key | int16 api version | int32 correlation id | int16-length string client id (-1: null)
// | from header version 2: tagged fields. The client id keeps its two-byte length even there.
import { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import { chunkedWriter, readMessage, writeMessage } from '../codec/message-codec.ts';
import type { DeepPartial, MessageSchema } from '../codec/message-schema.ts';
import { RequestHeaderSchema } from '../generated/request-header.ts';
import { requestHeaderVersion } from './api-registry.ts';

export interface RequestFrameHeader {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  clientId: string | null;
}

export interface DecodedRequestHeader extends RequestFrameHeader {
  /** Where the message begins in the frame. */
  bodyOffset: number;
}

/** The whole frame with its size in front, in pieces to write one after the other. Throws WireError. */
export function encodeRequestFrame<T>(
  header: RequestFrameHeader,
  schema: MessageSchema<T>,
  message: DeepPartial<T>,
): Buffer[] {
  const writer = chunkedWriter();
  writer.int32(0);
  writeMessage(writer, RequestHeaderSchema, requestHeaderVersion(header.apiKey, header.apiVersion), {
    requestApiKey: header.apiKey,
    requestApiVersion: header.apiVersion,
    correlationId: header.correlationId,
    clientId: header.clientId,
  });
  writeMessage(writer, schema, header.apiVersion, message);
  return sizedChunks(writer);
}

/**
 * Reads the header of a request frame (without its size). An unknown API key is a WireError 'unsupported-version'; a version
 * that we do not have is not, because only the caller knows how to answer it.
 */
export function decodeRequestHeader(frame: Buffer): DecodedRequestHeader {
  const peek = new ByteReader(frame);
  const headerVersion = requestHeaderVersion(peek.int16(), peek.int16());
  const reader = new ByteReader(frame);
  const header = readMessage(reader, RequestHeaderSchema, headerVersion);
  return {
    apiKey: header.requestApiKey,
    apiVersion: header.requestApiVersion,
    correlationId: header.correlationId,
    clientId: header.clientId,
    bodyOffset: reader.position,
  };
}

/** The chunks of a frame whose first four bytes were reserved for its size. */
export function sizedChunks(writer: ByteWriter): Buffer[] {
  const size = writer.size - 4;
  const chunks = writer.chunks();
  chunks[0]!.writeInt32BE(size);
  return chunks;
}
