// Campaigns: `npm run campaign -- --seed N [--local N] [--hdfs N] [--broker N] [--churn-millions N] [--churn-minutes N]
// [--forced-owners N] [--typed-rows N] [--hdfs-faults N] [--failovers N] [--days N] [--concurrency N]`; 0 leaves a part out.
// Prints the seed; the same seed plays the same faults again. Ends with exit code 1 when a promise was broken.
import { parseArgs } from 'node:util';
import { setup as build } from '../support/build-once.ts';
import { killBrokerUnderLoad } from './broker-kill.ts';
import { failOverNameNodes, failWebHdfs } from './hdfs-faults.ts';
import { churnLoaders } from './loader-churn.ts';
import { killLoaders } from './loader-kill.ts';
import { playThreeDays } from './three-days.ts';
import { compareGeneratedRows } from './typed-rows.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Kills of the loader at each of its points, on the local disk and on a real HDFS. */
    local: { type: 'string', default: '20' },
    hdfs: { type: 'string', default: '3' },
    /** Kills of the broker under load. */
    broker: { type: 'string', default: '50' },
    /** Records in million that flow while loader processes come and go every 5 s; minutes of 1-4-2-3 of them; forced owners. */
    'churn-millions': { type: 'string', default: '10' },
    'churn-minutes': { type: 'string', default: '30' },
    'forced-owners': { type: 'string', default: '200' },
    /** Generated rows of every column type that are compared with what two readers find. */
    'typed-rows': { type: 'string', default: '1000000' },
    /** Random faults of WebHDFS, and failovers of a real pair of NameNodes. */
    'hdfs-faults': { type: 'string', default: '5000' },
    failovers: { type: 'string', default: '200' },
    /** Simulated days of the game with a live and a nightly load, and outages. */
    days: { type: 'string', default: '3' },
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
const [webHdfsFaults, failovers] = [Number(values['hdfs-faults']), Number(values.failovers)];
if (webHdfsFaults > 0) isClean = (await failWebHdfs({ seed, faults: webHdfsFaults, print })) && isClean;
if (failovers > 0) isClean = (await failOverNameNodes({ count: failovers, print })) && isClean;
const churn = {
  records: Number(values['churn-millions']) * 1_000_000,
  minutes: Number(values['churn-minutes']),
  forcedOwners: Number(values['forced-owners']),
};
if (Object.values(churn).some((dose) => dose > 0)) {
  isClean = (await churnLoaders({ ...churn, seed, print })) && isClean;
}
const typedRows = Number(values['typed-rows']);
if (typedRows > 0) isClean = (await compareGeneratedRows({ seed, rowCount: typedRows, print })) && isClean;
const days = Number(values.days);
if (days > 0) isClean = (await playThreeDays({ seed, days, print })) && isClean;
process.exitCode = isClean ? 0 : 1;
