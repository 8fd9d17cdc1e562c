import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { formatBytes, formatCount, formatDuration } from '../output.ts';
import type { UpStatus } from './up-status.ts';

export interface LiveView {
  stop(): void;
}

interface Sample {
  atMs: number;
  sent: number;
  landed: number;
}

const frameMs = 500;
const plainLineMs = 5000;
/** Rates are shown over this window. */
const rateWindowMs = 10_000;

/** On a terminal a frame redrawn in place; otherwise one line every five seconds, so that a log file stays readable. */
export function startLiveView(status: UpStatus, title: string): LiveView {
  const startedMs = Date.now();
  const samples: Sample[] = [];
  const isTerminal = process.stdout.isTTY === true;
  const draw = isTerminal ? createLogUpdate(process.stdout) : null;
  const tick = (): void => {
    samples.push({ atMs: Date.now(), sent: status.acknowledgedCount, landed: Number(status.landedCount) });
    while (samples.length > 2 && samples[0]!.atMs < Date.now() - rateWindowMs) samples.shift();
    if (draw) draw(frame(status, title, Date.now() - startedMs, samples));
    else process.stdout.write(`${plainLine(status, samples)}\n`);
  };
  const timer = setInterval(tick, isTerminal ? frameMs : plainLineMs);
  return {
    stop: () => {
      clearInterval(timer);
      tick();
      draw?.done();
    },
  };
}

function rates(samples: readonly Sample[]): { sent: number; landed: number } {
  const [first, last] = [samples[0], samples.at(-1)];
  const seconds = first && last ? (last.atMs - first.atMs) / 1000 : 0;
  if (!first || !last || seconds <= 0) return { sent: 0, landed: 0 };
  return {
    sent: Math.round((last.sent - first.sent) / seconds),
    landed: Math.round((last.landed - first.landed) / seconds),
  };
}

/** The picture of the moment; exported for its test. */
export function frame(status: UpStatus, title: string, elapsedMs: number, samples: readonly Sample[]): string {
  const rate = rates(samples);
  const dead = formatCount(status.deadCount);
  const lines = [
    `${pc.bold('sluice')}  ${title}  ${pc.dim(`up ${formatDuration(elapsedMs)}`)}`,
    '',
    `  events in    ${formatCount(status.acknowledgedCount).padStart(13)}   ${formatCount(rate.sent)}/s`,
    `  rows landed  ${formatCount(status.landedCount).padStart(13)}   ${formatCount(rate.landed)}/s   in ${formatCount(status.fileCount)} files, ${formatBytes(status.fileBytes)}`,
    `  lag          ${(status.lag === null ? '?' : formatCount(status.lag)).padStart(13)}   records in the log, not yet in the warehouse`,
    `  dead letters ${status.deadCount > 0n ? pc.red(dead.padStart(13)) : dead.padStart(13)}`,
    '',
    pc.bold('  partition             checkpoint         log end          lag  owner     last roll'),
    ...status
      .partitions()
      .map(
        (p) =>
          `  ${`${p.topic}/${p.partition}`.padEnd(16)} ${text(p.checkpoint).padStart(15)} ${text(p.logEnd).padStart(15)} ` +
          `${text(p.checkpoint !== null && p.logEnd !== null ? p.logEnd - p.checkpoint : null).padStart(12)}  ` +
          `${(p.worker === null ? '-' : `worker ${p.worker}`).padEnd(8)}  ${p.lastCause ?? '-'}`,
      ),
    '',
    pc.bold('  newest files'),
    ...status.newestFiles.map(
      (f) => `  ${f.table}/${f.path}  ${pc.dim(`${formatCount(f.rowCount)} rows, ${formatBytes(f.size)}`)}`,
    ),
    ...(status.newestFiles.length === 0 ? [pc.dim('  none yet')] : []),
    '',
    pc.dim('  Ctrl-C stops in good order.'),
  ];
  return lines.join('\n');
}

function plainLine(status: UpStatus, samples: readonly Sample[]): string {
  const rate = rates(samples);
  return (
    `events in ${status.acknowledgedCount} (${rate.sent}/s), rows landed ${status.landedCount} (${rate.landed}/s) ` +
    `in ${status.fileCount} files, lag ${status.lag ?? '?'}, dead letters ${status.deadCount}`
  );
}

function text(value: bigint | null): string {
  return value === null ? '-' : formatCount(value);
}
