import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abortScope, anyOf, BadInputError, describeError, systemClock } from '../../../shared/index.ts';
import { LocalFiles } from '../local-files.ts';
import { type OpenWarehouseOptions, openS3, openWarehouse, openWebHdfs } from '../open-warehouse.ts';
import type { S3Address } from '../s3/s3-url.ts';
import type { WarehouseFiles } from '../warehouse-files.ts';
import { parseWarehouseUrl } from '../warehouse-url.ts';
import type { WebHdfsFiles } from '../webhdfs/webhdfs-files.ts';
import { type Check, type CheckContext, defaultSizes, type Finding, failed } from './check.ts';
import { renameChecks } from './rename-checks.ts';
import { serviceChecks } from './service-checks.ts';
import { uploadChecks } from './upload-checks.ts';

export interface CheckResult extends Finding {
  name: string;
  promise: string;
  elapsedMs: number;
}

export interface SelftestReport {
  warehouse: string;
  /** Nothing failed. */
  ok: boolean;
  checks: CheckResult[];
}

export interface SelftestOptions extends OpenWarehouseOptions {
  onCheck?: (result: CheckResult) => void;
}

const cleanUpMs = 180_000;
/** People wait for this one. */
const openTimeoutMs = 20_000;

/**
 * Puts to the test, on the user's own file system, what exactly-once rests on. All of it happens in one folder of the
 * warehouse, which readers of tables skip and which is removed at the end; a warehouse that was not there is gone again too.
 */
export async function runSelftest(url: string, options: SelftestOptions = {}): Promise<SelftestReport> {
  const { clock = systemClock, onCheck } = options;
  const signal = options.signal ? anyOf(options.signal) : abortScope().signal; // many calls wait at a time
  const target = await openTarget(url, { openTimeoutMs, ...options });
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-selftest-'));
  const folder = `/_sluice-selftest-${randomUUID()}`;
  const context: CheckContext = { ...target, folder, scratch, sizes: defaultSizes, clock, signal };
  try {
    const checks = await runChecks(context, onCheck);
    return { warehouse: url, ok: checks.every(({ verdict }) => verdict !== 'failed'), checks };
  } finally {
    await target.forget();
    await target.files.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** All checks, one after the other, and the removal of what they made, whatever became of them. */
export async function runChecks(
  context: CheckContext,
  onCheck: (result: CheckResult) => void = () => {},
): Promise<CheckResult[]> {
  const { clock } = context;
  const checks: CheckResult[] = [];
  const note = async (check: Pick<Check, 'name' | 'promise'>, find: () => Promise<Finding>): Promise<void> => {
    const startMs = clock.monotonicMs();
    const { name, promise } = check;
    const finding = await find();
    const result = { name, promise, ...finding, elapsedMs: Math.round(clock.monotonicMs() - startMs) };
    checks.push(result);
    onCheck(result);
  };
  try {
    for (const check of [...uploadChecks, ...renameChecks, ...serviceChecks]) {
      await note(check, () => runCheck(check, context));
    }
  } finally {
    await note(cleanUpCheck, () => cleanUp(context));
  }
  return checks;
}

async function runCheck(check: Check, context: CheckContext): Promise<Finding> {
  try {
    return await check.run(context);
  } catch (error) {
    context.signal.throwIfAborted();
    return failed(describeError(error), 'the call itself failed: nothing can be loaded before it works');
  }
}

const cleanUpCheck = { name: 'clean-up', promise: 'nothing of this test stays behind' };

/** Also when the user has stopped us: hence not by their signal. */
async function cleanUp({ files, folder }: CheckContext): Promise<Finding> {
  const signal = anyOf(AbortSignal.timeout(cleanUpMs));
  try {
    await files.delete(folder, { recursive: true, signal });
    if ((await files.stat(folder, { signal })) === null)
      return { verdict: 'ok', found: `${folder} is gone`, advice: null };
    return failed(`${folder} is still there`, `remove it by hand`);
  } catch (error) {
    return failed(describeError(error), `remove ${folder} by hand`);
  }
}

interface Target {
  files: WarehouseFiles;
  hdfs: WebHdfsFiles | null;
  facts: CheckContext['facts'];
  connect: () => WarehouseFiles;
  /** Removes the warehouse's own folder again, when it was made for this test. */
  forget: () => Promise<void>;
}

async function openTarget(url: string, options: OpenWarehouseOptions): Promise<Target> {
  const address = parseWarehouseUrl(url);
  if (address.kind === 'local') {
    const isNew = (await stat(address.basePath).catch(() => null)) === null;
    const files = await openWarehouse(url, { ...options, access: 'write' });
    const forget = async () => void (isNew && (await rmdir(address.basePath).catch(() => {})));
    const facts = { identity: 'by its inode', login: 'the user of this process' };
    return { files, hdfs: null, facts, connect: () => new LocalFiles(address), forget };
  }
  if (address.kind === 's3') return await openBucket(address, options);
  const isNew = !(await isReadable(url, options));
  const hdfs = await openWebHdfs(address, true, options);
  const forget = async () => void (isNew && (await hdfs.removeEmptyBase().catch(() => {})));
  const facts = { identity: 'by its file id', login: 'as the NameNode says' };
  return { files: hdfs, hdfs, facts, connect: () => hdfs.anotherConnection(), forget };
}

async function openBucket(address: S3Address, options: OpenWarehouseOptions): Promise<Target> {
  const isNew = !(await isReadable(address.url, options));
  const files = await openS3(address, true, options);
  const forget = async () => void (isNew && (await files.removeEmptyBase().catch(() => {})));
  const facts = {
    identity: 'by the id in its metadata',
    login: `access key ${files.client.accessKeyId}`,
    showsWholeOnly: true,
  };
  return { files, hdfs: null, facts, connect: () => files.anotherConnection(), forget };
}

async function isReadable(url: string, options: OpenWarehouseOptions): Promise<boolean> {
  try {
    await (await openWarehouse(url, { ...options, access: 'read' })).close();
    return true;
  } catch (error) {
    if (error instanceof BadInputError) return false; // not there, or wrong in a way that opening for writing tells as well
    throw error;
  }
}
