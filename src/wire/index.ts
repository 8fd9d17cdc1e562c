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
// Every message of the protocol (schema and types), `apiKeys` and `errorCodes`: generated, hence the one `export *`.
export * from './generated/index.ts';
export { WireError, type WireErrorCode } from './wire-error.ts';
