import { withBroker } from '../support/with-broker.ts';
import { runBank } from './bank.ts';

await withBroker((brokers) => runBank(brokers, console));
