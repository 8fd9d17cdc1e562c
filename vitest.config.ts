import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take minutes because they wait for servers to die and come back. They go first, or one of them would run alone at the end. */
const longest = [
  'hdfs-outages',
  'many-workers',
  'apache-kafka',
  'hdfs-kerberos',
  'datasets',
  'loader-kill',
  'loader-churn',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

// unit: no sockets, no processes. integration: the built product, its own broker and local disk.
// real: Apache Kafka, HDFS, Redis, Spark, Chromium (npm run test:real installs and starts them).
const shared = { environment: 'node' as const, testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      // One after the other in the same process: nearly half of their time went into reading the sources anew for every file.
      { test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false } },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/build-once.ts'],
          testTimeout: 300_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          globalSetup: ['test/support/build-once.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // Servers and tools of Java here live for minutes at most: see test/peers/common.sh.
          env: { PEERS_JAVA_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' },
        },
      },
    ],
  },
});
