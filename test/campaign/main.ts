// Kill campaigns: `npm run campaign -- --seed N [--local N] [--hdfs N] [--broker N] [--concurrency N]`.
// Prints the seed; the same seed plays the same faults again. Ends with exit code 1 when a promise was broken.
import { parseArgs } from 'node:util';
import { setup as build } from '../support/build-once.ts';
import { killBrokerUnderLoad } from './broker-kill.ts';
import { killLoaders } from './loader-kill.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Kills of the loader at each of its points, on the local disk and on a real HDFS. */
    local: { type: 'string', default: '20' },
    hdfs: { type: 'string', default: '3' },
    /** Kills of the broker under load. */
    broker: { type: 'string', default: '50' },
    concurrency: { type: 'string', default: '2' },
  },
});
const [seed, localCount, hdfsCount, brokerCount, concurrency] = [
  values.seed,
  values.local,
  values.hdfs,
  values.broker,
  values.concurrency,
].map(Number) as [number, number, number, number, number];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

build();
print(`campaign, seed ${seed}`);
let isClean = true;
if (localCount + hdfsCount > 0) isClean = await killLoaders({ seed, localCount, hdfsCount, concurrency, print });
if (brokerCount > 0) {
  const report = await killBrokerUnderLoad({ seed, count: brokerCount, print });
  print(`broker: ${JSON.stringify(report)}`);
}
process.exitCode = isClean ? 0 : 1;
