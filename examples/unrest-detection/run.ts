import { withBroker } from '../support/with-broker.ts';
import { detectUnrest } from './unrest.ts';

await withBroker((brokers) => detectUnrest(brokers, console));
