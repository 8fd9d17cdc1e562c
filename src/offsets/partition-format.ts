import type { ChainFormat } from './chain-format.ts';
import { applyRecord, type ChainState, emptyState, stateAfterEraEnd } from './chain-state.ts';
import { LedgerError } from './ledger-error.ts';
import { type ChainId, chainFolder } from './ledger-paths.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';

export type PartitionFormat = ChainFormat<LedgerRecord, ChainState>;

/** How the chain of one partition is written. `topic` is only used when there is no chain yet. */
export function partitionFormat(chain: ChainId, topic = ''): PartitionFormat {
  const { table, topicId, partition } = chain;
  return {
    table,
    folder: chainFolder(chain),
    identity: { topicId, partition },
    encode: encodeRecord,
    decode: decodeRecord,
    empty: () => emptyState(topic, topicId, partition),
    apply: (state, { record, hash, size, path }) => applyRecord(state, record, hash, size, path),
    begin: (_files, { record, hash, path }, folder) => {
      if (record.kind === 'era-end') return stateAfterEraEnd(record, hash, folder);
      throw new LedgerError('broken-chain', `${path}: expected the record that closes its era`, { path });
    },
    nextFolder: (record) => (record.kind === 'era-end' ? record.nextFolder : null),
    isVoiding: (record) => record.kind === 'repair',
    isForeign: (record) => record.partition !== partition || record.topicId !== topicId,
  };
}
