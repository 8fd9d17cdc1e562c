import { runTail, type TailReport } from '../../ingest/index.ts';
import { systemClock } from '../../shared/index.ts';
import type { CompressionType } from '../../wire/index.ts';
import { exitCodes, formatBytes, formatCount, printJson } from '../output.ts';
import { type ServingFlags, serving } from './ingest-cluster.ts';

export interface TailFlags extends ServingFlags {
  topic: string;
  state: string;
  fromEnd?: boolean;
  untilEnd?: boolean;
  wrap?: boolean;
  compression: CompressionType;
  batch: number;
  maxLine: number;
  poll: number;
  rotateWait: number;
  json?: boolean;
}

/** Ships lines until a signal ends it, or to the end. */
export async function runTailCommand(files: string[], flags: TailFlags): Promise<number> {
  const { topic } = flags;
  return await serving(flags, 'tail', async ({ cluster, metrics, logger, signal, metricsText }) => {
    const report = await runTail({
      cluster,
      topic,
      patterns: files,
      stateFolder: flags.state,
      fromEnd: flags.fromEnd ?? false,
      untilEnd: flags.untilEnd ?? false,
      wrap: flags.wrap ?? false,
      compression: flags.compression,
      batchBytes: flags.batch,
      maxLineBytes: flags.maxLine,
      pollMs: flags.poll,
      rotateWaitMs: flags.rotateWait,
      saveEveryMs: 1000,
      metrics,
      onReady: (count) => process.stdout.write(`ready files=${count} topic=${topic}${metricsText}\n`),
      clock: systemClock,
      logger,
      signal,
    });
    printReport(topic, report, flags.json ?? false);
    return exitCodes.complete;
  });
}

function printReport(topic: string, { records, bytes, foundInLog }: TailReport, asJson: boolean): void {
  if (asJson) {
    printJson({ topic, records, bytes, foundInLog });
    return;
  }
  const found = foundInLog === 0 ? '' : `; ${formatCount(foundInLog)} batches from before were found in the log`;
  process.stdout.write(`${formatCount(records)} lines sent, ${formatBytes(bytes)}${found}\n`);
}
