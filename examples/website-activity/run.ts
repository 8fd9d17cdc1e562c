import { withBroker } from '../support/with-broker.ts';
import { trackActivity } from './activity.ts';

await withBroker((brokers) => trackActivity(brokers, console));
