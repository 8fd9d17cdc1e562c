import { withBroker } from '../support/with-broker.ts';
import { aggregateLogs } from './logs.ts';

await withBroker((brokers) => aggregateLogs(brokers, `${import.meta.dirname}/logs`, console));
