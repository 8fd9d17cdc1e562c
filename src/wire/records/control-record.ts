// Control batches end a transaction (KIP-98): one record whose key is int16 version | int16 type, and whose value is an
// EndTxnMarker: int16 version | int32 coordinator epoch. They take an offset, but are no data.
import { decodeMessage, encodeMessage } from '../codec/message-codec.ts';
import { EndTxnMarkerSchema } from '../generated/end-txn-marker.ts';
import { WireError } from '../wire-error.ts';
import { encodeBatch } from './encode-batch.ts';
import { RecordCursor } from './record-cursor.ts';

/** 'other': leader changes, snapshots and whatever comes later; to be passed over. */
export type ControlRecordType = 'abort' | 'commit' | 'other';

export interface EndTxnMarkerOptions {
  type: 'abort' | 'commit';
  producerId: bigint;
  producerEpoch: number;
  coordinatorEpoch: number;
  timestampMs: bigint;
  baseOffset?: bigint;
  leaderEpoch?: number;
}

export function encodeEndTxnMarkerBatch(options: EndTxnMarkerOptions): Buffer {
  const { type, coordinatorEpoch, ...batch } = options;
  const key = Buffer.alloc(4);
  key.writeInt16BE(type === 'commit' ? 1 : 0, 2);
  const value = Buffer.concat([Buffer.alloc(2), encodeMessage(EndTxnMarkerSchema, 0, { coordinatorEpoch })]);
  return encodeBatch([{ key, value }], { ...batch, isTransactional: true, isControl: true });
}

/** What the one record of a control batch says. Throws WireError when it is not one. */
export function readControlBatch(batch: Buffer): { type: ControlRecordType; coordinatorEpoch: number } {
  const cursor = new RecordCursor(batch);
  const key = cursor.header.isControl && cursor.next() ? cursor.key() : null;
  if (!key || key.length < 4)
    throw new WireError('malformed', `expected a control record at offset ${cursor.header.baseOffset}`);
  const id = key.readInt16BE(2);
  if (id !== 0 && id !== 1) return { type: 'other', coordinatorEpoch: -1 };
  const value = cursor.value();
  // Later versions only add fields behind the ones we know.
  const size = 6;
  if (!value || value.length < size)
    throw new WireError('malformed', `expected an end transaction marker at offset ${cursor.header.baseOffset}`);
  const { coordinatorEpoch } = decodeMessage(EndTxnMarkerSchema, 0, value.subarray(2, size));
  return { type: id === 1 ? 'commit' : 'abort', coordinatorEpoch };
}
