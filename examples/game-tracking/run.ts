import { withBroker } from '../support/with-broker.ts';
import { trackGames } from './tracking.ts';

await withBroker((brokers) => trackGames(brokers, console));
