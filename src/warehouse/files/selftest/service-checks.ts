import { randomBytes } from 'node:crypto';
import { compareNames } from '../warehouse-path.ts';
import { type Check, type CheckContext, failed, ok, textSource, warning } from './check.ts';

const makersUnderWay = 12;
const skewWarningMs = 10_000;
const skewKerberosMs = 240_000; // a KDC allows five minutes
const shortTokenMs = 600_000;
const slowMs = 2_000;

const clockSkew: Check = {
  name: 'clock',
  promise: 'our clock and that of the file system agree',
  run: async ({ files, hdfs, clock, signal }) => {
    const beforeMs = clock.nowMs();
    const theirsMs = await files.nowMs({ signal });
    const oursMs = (beforeMs + clock.nowMs()) / 2;
    const skewMs = Math.abs(theirsMs - oursMs);
    const found = `${skewMs < 1_000 ? 'less than 1' : (skewMs / 1_000).toFixed(0)} s apart`;
    if (skewMs <= skewWarningMs) return ok(found);
    const isKerberos = (await hdfs?.authFacts({ signal }))?.method === 'kerberos';
    if (isKerberos && skewMs > skewKerberosMs) return failed(found, 'Kerberos refuses more than five minutes: run NTP');
    return warning(found, 'ages of files are measured with their clock; run NTP on both sides');
  },
};

const login: Check = {
  name: 'login',
  promise: 'we are known to the file system, and stay so',
  run: async ({ hdfs, facts, clock, signal }) => {
    if (!hdfs) return ok(facts.login);
    const { method, user, token } = await hdfs.authFacts({ signal });
    if (token === null) return ok(`${method}, ${user === null ? 'as the server decides' : `as ${user}`}`);
    const oursMs = clock.nowMs();
    const [life, max] = [token.expiresMs - oursMs, token.maxMs - token.issuedMs];
    const found = `${method}, token of ${token.owner}, renewed by ${token.renewer}: ${minutes(life)} left, renewable up to ${minutes(max)}`;
    if (life >= shortTokenMs) return ok(found);
    const advice =
      'it is renewed in time, but the KDC is asked very often: see dfs.namenode.delegation.token.renew-interval';
    return warning(found, advice);
  },
};

const listing: Check = {
  name: 'listing',
  promise: 'a folder of more than one page is listed whole, in the order of its bytes',
  run: async ({ files, folder, sizes: { listedCount }, clock, signal }) => {
    const names = Array.from({ length: listedCount }, (_, n) => `entry-${n}`);
    const waiting = [...names];
    const lane = async (): Promise<void> => {
      for (let name = waiting.pop(); name; name = waiting.pop())
        await files.mkdirs(`${folder}/many/${name}`, { signal });
    };
    await Promise.all(Array.from({ length: makersUnderWay }, lane));
    const startMs = clock.monotonicMs();
    const listed = await files.list(`${folder}/many`, { signal });
    const tookMs = Math.round(clock.monotonicMs() - startMs);
    const sorted = names.map((name) => ({ name })).sort(compareNames);
    const isWhole = listed.length === listedCount && listed.every(({ name }, i) => name === sorted[i]!.name);
    if (isWhole) return ok(`${listedCount} entries in ${tookMs} ms`);
    return failed(
      `${listed.length} of ${listedCount} entries, or in another order`,
      'recovery would miss files: do not load here',
    );
  },
};

const latency: Check = {
  name: 'latency',
  promise: 'how long each step of a commit takes here',
  run: async (context) => {
    const { files, folder, signal } = context;
    const { timedBytes } = context.sizes;
    const paths = Array.from({ length: 10 }, (_, n) => `${folder}/latency/${n}`);
    const creates = await timed(context, paths, (path) => files.create(path, textSource('{}'), { signal }));
    const stats = await timed(context, [...paths, ...paths], (path) => files.stat(path, { signal }));
    const renames = await timed(context, paths, (path) => files.publishIfAbsent(path, `${path}-p`, { signal }));
    const content = randomBytes(timedBytes);
    const [uploadMs = 1] = await timed(context, [`${folder}/latency/large`], (path) =>
      files.create(path, { bytes: content }, { signal }),
    );
    const rate = (timedBytes / 1024 / 1024 / (uploadMs / 1_000)).toFixed(0);
    const found = `stat ${spread(stats)}, rename ${spread(renames)}, small file ${spread(creates)}, upload ${rate} MB/s`;
    if (Math.max(...renames, ...stats) < slowMs && creates.sort(byNumber)[5]! < slowMs) return ok(found);
    const advice =
      'commits will be slow: raise --roll-age; for slow small files see dfs.client.block.write.locateFollowingBlock.initial.delay.ms';
    return warning(found, advice);
  },
};

async function timed(
  { clock }: CheckContext,
  paths: readonly string[],
  call: (path: string) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  for (const path of paths) {
    const startMs = clock.monotonicMs();
    await call(path);
    times.push(clock.monotonicMs() - startMs);
  }
  return times;
}

/** Median and worst, in ms. */
function spread(times: readonly number[]): string {
  const sorted = [...times].sort(byNumber);
  return `${Math.ceil(sorted[sorted.length >> 1]!)} ms (worst ${Math.ceil(sorted.at(-1)!)})`;
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function minutes(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

export const serviceChecks: readonly Check[] = [clockSkew, login, listing, latency];
