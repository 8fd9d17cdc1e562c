import { BadInputError, describeError } from '../../shared/index.ts';

/** A partition as a load with `--http` shows it; offsets as decimal text. */
export interface LivePartition {
  topic: string;
  partition: number;
  state: string;
  wait: string;
  read: string | null;
  encoded: string | null;
  committed: string | null;
}

/** What the load at this address does at this moment. Throws BadInputError when none answers there. */
export async function askLoad(url: string): Promise<LivePartition[]> {
  try {
    const response = await fetch(new URL('/v1/partitions', url), { signal: AbortSignal.timeout(5000) });
    const shown: unknown = await response.json();
    if (response.ok && Array.isArray(shown)) return shown as LivePartition[];
    throw new Error(`HTTP status ${response.status}`);
  } catch (cause) {
    throw new BadInputError(`expected a load that answers at ${url}: ${describeError(cause)}`, { cause });
  }
}
