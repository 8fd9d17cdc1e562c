import { withBroker } from '../support/with-broker.ts';
import { runPipeline } from './pipeline.ts';

await withBroker((brokers) => runPipeline(brokers, `${import.meta.dirname}/feeds`, console));
