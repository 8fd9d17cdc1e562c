import { withBroker } from '../support/with-broker.ts';
import { collectMetrics } from './metrics.ts';

await withBroker((brokers) => collectMetrics(brokers, console));
