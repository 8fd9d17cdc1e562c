import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built CLI of this checkout. */
const builtSluice = fileURLToPath(new URL('../../bin/sluice', import.meta.url));

export interface FinishedProcess {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What was written on stderr beside the lines that say, every ten seconds, how far a command is. */
export function withoutProgress(stderr: string): string {
  return stderr.replace(/^[a-z-]+: \d+( of \d+ \(\d+ %\))? [a-z]+(, .*)?\n/gm, '');
}

/**
 * The built CLI in a process of its own, as a user starts it; $SLUICE_BIN names another one, `node` another Node. Ended by pid when the
 * test process ends early.
 */
export class SluiceProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly finished: Promise<FinishedProcess>;

  constructor(
    args: string[],
    options: { env?: Record<string, string>; cwd?: string; input?: string; node?: string } = {},
  ) {
    const program = process.env['SLUICE_BIN'] ?? builtSluice;
    this.child = spawn(options.node ?? process.execPath, [program, ...args], {
      env: { ...process.env, NO_COLOR: '1', SLUICE_SKIP_BUILD: '1', ...options.env }, // the global set-up has built it
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin!.on('error', () => {});
    this.child.stdin!.end(options.input ?? '');
    this.child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    const killAtExit = (): void => void this.child.kill('SIGKILL');
    process.once('exit', killAtExit);
    this.finished = new Promise((resolve) =>
      this.child.once('close', (code) => {
        process.off('exit', killAtExit);
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
      }),
    );
  }

  /** Waits for a line on stdout; fails when the process ends first or the time is over. */
  async waitFor(pattern: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      if (this.child.exitCode !== null || performance.now() > endMs) {
        throw new Error(`expected ${pattern} on stdout; the process said:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends the signal and waits for the end; a process that does not end in time is killed, and the error tells what it said. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', limitMs = 240_000): Promise<FinishedProcess> {
    let isLate = false;
    this.child.kill(signal);
    const timer = setTimeout(() => {
      isLate = true;
      this.child.kill('SIGKILL');
    }, limitMs);
    const finished = await this.finished;
    clearTimeout(timer);
    if (!isLate) return finished;
    throw new Error(`not ended ${limitMs / 1000} s after ${signal}; the process said:\n${this.stdout}\n${this.stderr}`);
  }
}

/** Runs the CLI to its end, whatever its exit code. */
export function runSluice(
  args: string[],
  options: { env?: Record<string, string>; cwd?: string; input?: string; node?: string } = {},
): Promise<FinishedProcess> {
  return new SluiceProcess(args, options).finished;
}
