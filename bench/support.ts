import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../bin/sluice', import.meta.url));

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The built broker in a process of its own, on a free port and a temporary folder. */
export async function startOurBroker(partitions: number): Promise<{ bootstrap: string; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const child = spawn(
    process.execPath,
    [cli, 'broker', '--data', folder, '--listen', '127.0.0.1:0', '--default-partitions', String(partitions)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const bootstrap = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const match = /ready kafka=(\S+)/.exec(output);
      if (match) resolve(match[1]!);
    });
    child.once('exit', (code) => reject(new Error(`the broker ended with code ${code} before it was ready`)));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  return { bootstrap, stop };
}

export interface CommandResult {
  stdout: string;
  elapsedMs: number;
  /** Largest resident size the command's process had, MiB. */
  peakMib: number;
}

/** Runs our CLI to its end; fails when it does not end with code 0. */
export async function runSluice(args: string[]): Promise<CommandResult> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  let peakKib = 0;
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const watch = setInterval(() => (peakKib = Math.max(peakKib, peakResidentKib(child.pid))), 100);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`sluice ${args[0]} ended with code ${code}: ${stdout}`);
  return { stdout, elapsedMs: performance.now() - startedMs, peakMib: Math.round(peakKib / 1024) };
}

function peakResidentKib(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}
