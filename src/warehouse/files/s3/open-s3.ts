import type { HttpTimeouts } from '../http-exchange.ts';
import type { RetryContext } from '../retry-run.ts';
import { checkStore } from './check-store.ts';
import { readCredentials } from './s3-credentials.ts';
import type { S3Files, S3Options } from './s3-files.ts';
import { checkEndpoint, type S3Address } from './s3-url.ts';

type Environment = Record<string, string | undefined>;

/** What the URL leaves out comes from the environment, as for AWS's own tools. Throws BadInputError. */
export function s3Options(
  address: S3Address,
  connection: RetryContext & { timeouts: HttpTimeouts },
  environment: Environment = process.env,
): S3Options {
  const { url, bucket, prefix, style } = address;
  const region = address.region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const given = address.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'] ?? null;
  return {
    ...connection,
    ...{ url, bucket, prefix, region },
    endpoint: given ? checkEndpoint(given) : `https://s3.${region}.amazonaws.com`,
    // A name with a dot does not fit the certificate `*.s3.REGION.amazonaws.com`.
    isPathStyle: style === null ? Boolean(given) || bucket.includes('.') : style === 'path',
    credentials: () => readCredentials(environment),
  };
}

/** Makes sure that the bucket is there, and for writing that the store keeps its word. */
export async function checkS3(
  files: S3Files,
  prefix: string,
  isForWriting: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const options = signal ? { signal } : {};
  await files.nowMs(options); // says NoSuchBucket, where a HEAD only says 404
  if (!isForWriting) {
    if (!(await files.stat('/', options))) throw new Error('there is no such folder');
    return;
  }
  await checkStore(files.client, prefix, signal);
  await files.mkdirs('/', options);
}
