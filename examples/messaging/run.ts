import { withBroker } from '../support/with-broker.ts';
import { exchangeMessages } from './messaging.ts';

await withBroker((brokers) => exchangeMessages(brokers, console));
