import { defineConfig } from 'vitest/config';

// unit: no sockets, no processes. integration: the built product, its own broker and local disk.
// real: Apache Kafka, HDFS, Redis, Spark, Chromium (npm run test:real installs and starts them).
const shared = { environment: 'node' as const, testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/build-once.ts'],
          testTimeout: 120_000,
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
          fileParallelism: false,
          // JVM servers on two shared cores stall for seconds now and then: one more try, and vitest says so in its output.
          retry: 1,
        },
      },
    ],
  },
});
