import { afterEach } from 'vitest';
import { silentLogger, systemClock } from '../../../src/shared/index.ts';
import { s3Options } from '../../../src/warehouse/files/s3/open-s3.ts';
import { S3Files } from '../../../src/warehouse/files/s3/s3-files.ts';
import { parseS3Url } from '../../../src/warehouse/files/s3/s3-url.ts';
import { S3FaultServer } from '../../support/s3-fault-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export const keys = { AWS_ACCESS_KEY_ID: 'lab', AWS_SECRET_ACCESS_KEY: 'secret' };

/** A fault server for one test. */
export async function startS3(options: { seed?: number } = {}): Promise<S3FaultServer> {
  const server = await S3FaultServer.start(options);
  closing.push(() => server.stop());
  return server;
}

/** A client with pauses of milliseconds, at `/wh`. The store is taken on trust: no requests are made before the test's own. */
export function connectS3(server: S3FaultServer, retry: { giveUpAfterMs?: number } = {}): S3Files {
  const policy = { firstDelayMs: 1, maxDelayMs: 4, giveUpAfterMs: 60_000, alarmEveryMs: 100, ...retry };
  const timeouts = { connectMs: 10_000, idleMs: 20_000, totalMs: 60_000, continueMs: 20, refusalMs: 5 };
  const context = { policy, timeouts, clock: systemClock, random: Math.random, logger: silentLogger };
  const files = new S3Files(s3Options(parseS3Url(server.url('/wh')), context, keys));
  closing.push(() => files.close());
  return files;
}
