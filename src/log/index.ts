// The door of src/log: the broker.
export { type Broker, type BrokerOptions, startBroker } from './broker.ts';
export { type BrokerConfig, defaultBrokerConfig } from './broker-config.ts';
export type { ServerCounters, ServerLimits } from './server/index.ts';
