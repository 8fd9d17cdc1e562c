// A response on the connection: int32 size | int32 correlation id | from header version 1: tagged fields | message.
import { ByteReader } from '../codec/byte-reader.ts';
import { chunkedWriter, decodeMessage, readMessage, writeMessage } from '../codec/message-codec.ts';
import type { DeepPartial, MessageSchema } from '../codec/message-schema.ts';
import { ResponseHeaderSchema } from '../generated/response-header.ts';
import { responseHeaderVersion } from './api-registry.ts';
import { sizedChunks } from './request-frame.ts';

/** The whole frame with its size in front, in pieces to write one after the other. Throws WireError. */
export function encodeResponseFrame<T>(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  schema: MessageSchema<T>,
  message: DeepPartial<T>,
): Buffer[] {
  const writer = chunkedWriter();
  writer.int32(0);
  writeMessage(writer, ResponseHeaderSchema, responseHeaderVersion(apiKey, apiVersion), { correlationId });
  writeMessage(writer, schema, apiVersion, message);
  return sizedChunks(writer);
}

/** The correlation id of a response frame (without its size): which request it answers, and so how to decode the rest. */
export function readCorrelationId(frame: Buffer): number {
  return new ByteReader(frame).int32();
}

/** Reads a whole response frame (without its size). Throws WireError. */
export function decodeResponseFrame<T>(
  apiKey: number,
  apiVersion: number,
  schema: MessageSchema<T>,
  frame: Buffer,
): { correlationId: number; message: T } {
  const reader = new ByteReader(frame);
  const { correlationId } = readMessage(reader, ResponseHeaderSchema, responseHeaderVersion(apiKey, apiVersion));
  return { correlationId, message: decodeMessage(schema, apiVersion, frame, reader.position) };
}
