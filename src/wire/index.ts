// The door of src/wire: bytes <-> Kafka messages, frames, record batches and compression. No I/O, no state.
export { decodeMessage, encodeMessage, encodeMessageChunks, zeroUuid } from './codec/message-codec.ts';
export type {
  DeepPartial,
  FieldTable,
  MessageSchema,
  MessageType,
  TaggedStruct,
  UnknownTaggedField,
} from './codec/message-schema.ts';
export {
  apiName,
  requestHeaderVersion,
  requestSchema,
  responseHeaderVersion,
  responseSchema,
} from './frames/api-registry.ts';
export { type ErrorCode, errorByCode } from './frames/error-codes.ts';
export { FrameSplitter } from './frames/frame-splitter.ts';
export {
  type DecodedRequestHeader,
  decodeRequestHeader,
  encodeRequestFrame,
  type RequestFrameHeader,
} from './frames/request-frame.ts';
export { decodeResponseFrame, encodeResponseFrame, readCorrelationId } from './frames/response-frame.ts';
// Every message of the protocol (schema and types), `apiKeys` and `errorCodes`: generated, hence the one `export *`.
export * from './generated/index.ts';
export { WireError, type WireErrorCode } from './wire-error.ts';
