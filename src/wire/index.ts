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
export { type CompressionType, compress, decompress } from './compression/index.ts';
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
export {
  attributeBits,
  type BatchHeader,
  batchOverheadBytes,
  batchPositions,
  logOverheadBytes,
  patchBatch,
  readBatchHeader,
  readBatchSize,
} from './records/batch-header.ts';
export { type BatchValidation, splitBatches, validateBatch } from './records/batch-validation.ts';
export { type ControlRecordType, encodeEndTxnMarkerBatch, readControlBatch } from './records/control-record.ts';
export { crc32c } from './records/crc32c.ts';
export { type BatchOptions, encodeBatch } from './records/encode-batch.ts';
export { RecordCursor, type RecordHeader } from './records/record-cursor.ts';
export { estimateRecordBytes, type ProducerRecord, RecordWriter } from './records/record-writer.ts';
export { WireError, type WireErrorCode } from './wire-error.ts';
