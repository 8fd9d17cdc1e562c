// `npm run campaign -- --help` says what there is.
import { parseArgs } from 'node:util';
import { stopSignal } from '../../src/cli/signals.ts';
import { setup as build } from '../support/build-once.ts';
import { killBrokerUnderLoad } from './broker-kill.ts';
import { playDays } from './days.ts';
import { failOverNameNodes, failWebHdfs } from './hdfs-faults.ts';
import { disturbHdfsUnderLoad } from './hdfs-outages.ts';
import { churnLoaders } from './loader-churn.ts';
import { killLoaders } from './loader-kill.ts';
import { killStatsConsumers } from './stats-kill.ts';
import { compareGeneratedRows } from './typed-rows.ts';

/** The full doses, and what they count. */
const doses = {
  local: [100, 'kills of the loader at each of its 16 points, on the local disk'],
  hdfs: [100, 'the same on a real HDFS'],
  broker: [50, 'kills of the broker under load'],
  'churn-millions': [10, 'million records that flow while loader processes come and go every 5 s'],
  'churn-minutes': [30, 'minutes of 1, 4, 2, 3 loader processes, changing every 5 s'],
  'forced-owners': [200, 'times that two owners are forced on one partition'],
  'typed-rows': [1_000_000, 'generated rows of every column type, compared with what two readers find'],
  'hdfs-faults': [5000, 'random faults of a simulated WebHDFS'],
  failovers: [200, 'failovers of two real NameNodes while numbered files are published'],
  'load-failovers': [200, 'failovers of two real NameNodes under a load'],
  'hdfs-kills': [20, 'kills of the NameNode, and as many of the DataNode, of a real HDFS under a load'],
  'stats-kills': [200, 'kills of sluice stats around its steps of a real Redis, all delivered again each time'],
  days: [3, 'simulated days of the game on a real HDFS: a live and a nightly load, with outages'],
} as const;
type Part = keyof typeof doses;
const parts = Object.keys(doses) as Part[];

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(parts.map((part) => [part, { type: 'string' as const }])),
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    concurrency: { type: 'string', default: '4' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.help) {
  print('npm run campaign -- [--only PART,PART] [--PART N ...] [--seed N] [--concurrency N]\n');
  print(
    'Breaks things on purpose, in full doses, and looks whether every promise holds. The same seed plays the same faults',
  );
  print(
    'again. Ends with exit code 1 when a promise was broken. --PART 0 leaves a part out; --concurrency: loaders that',
  );
  print(
    'are being killed at the same time. SIGINT or SIGTERM ends it early: what was done by then is still compared, and',
  );
  print('counted. Parts, and their doses when nothing is said:\n');
  for (const part of parts) print(`  ${part.padEnd(15)} ${String(doses[part][0]).padStart(8)}  ${doses[part][1]}`);
} else {
  const only = values.only?.split(',') ?? parts;
  const unknown = only.filter((part) => !(part in doses));
  if (unknown.length > 0) throw new Error(`no such parts: ${unknown.join(', ')}; there are ${parts.join(', ')}`);
  process.exitCode = (await play(only, Number(values.seed))) ? 0 : 1;
}

async function play(only: readonly string[], seed: number): Promise<boolean> {
  const given = values as Record<string, string | boolean | undefined>;
  const dose = (part: Part): number => (only.includes(part) ? Number(given[part] ?? doses[part][0]) : 0);
  const concurrency = Number(values.concurrency);
  const { signal } = stopSignal();
  build();
  process.setMaxListeners(200); // each process that is started is killed when we end
  print(`campaign, seed ${seed}`);
  let isClean = true;
  const run = async (names: readonly Part[], work: () => Promise<boolean>): Promise<void> => {
    if (signal.aborted || names.every((name) => dose(name) === 0)) return;
    const beganMs = performance.now();
    isClean = (await work()) && isClean;
    print(`${names.join(', ')}: ${Math.round((performance.now() - beganMs) / 1000)} s\n`);
  };
  for (const place of ['local', 'hdfs'] as const) {
    await run([place], () => killLoaders({ place, seed, count: dose(place), concurrency, signal, print }));
  }
  await run(['broker'], async () => {
    print(`broker: ${JSON.stringify(await killBrokerUnderLoad({ seed, count: dose('broker'), print }))}`);
    return true; // a broken promise throws
  });
  await run(['hdfs-faults'], () => failWebHdfs({ seed, faults: dose('hdfs-faults'), print }));
  await run(['failovers'], () => failOverNameNodes({ count: dose('failovers'), signal, print }));
  await run(['load-failovers', 'hdfs-kills'], () =>
    disturbHdfsUnderLoad({ seed, kills: dose('hdfs-kills'), failovers: dose('load-failovers'), signal, print }),
  );
  const churn = { minutes: dose('churn-minutes'), forcedOwners: dose('forced-owners') };
  await run(['churn-millions', 'churn-minutes', 'forced-owners'], () =>
    churnLoaders({ ...churn, records: dose('churn-millions') * 1_000_000, seed, signal, print }),
  );
  await run(['typed-rows'], () => compareGeneratedRows({ seed, rowCount: dose('typed-rows'), signal, print }));
  await run(['stats-kills'], () => killStatsConsumers({ seed, kills: dose('stats-kills'), signal, print }));
  await run(['days'], () => playDays({ seed, days: dose('days'), print }));
  return isClean;
}
