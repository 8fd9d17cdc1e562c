// The door of the imports: how far another loader came, and our chains begun there.
export { beginChains, type ImportPlan, type ImportTarget, planImport } from './begin-chains.ts';
export { readCamusHistory } from './camus-history.ts';
export { readConnectHdfs } from './connect-hdfs.ts';
export type { ForeignLoader, ForeignPosition, ForeignPositions, ForeignRange } from './foreign-position.ts';
export { readGobblinState } from './gobblin-state.ts';
