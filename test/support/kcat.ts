import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/**
 * librdkafka's command line, the independent client of the tests: what it sends is what users send, and what it reads is what the
 * log holds. A line is `key<TAB>value`.
 */
const settings = ['acks=all', 'enable.idempotence=true', 'partitioner=murmur2_random', 'linger.ms=20'];
const producerSettings = ['-K', '\t', ...settings.flatMap((setting) => ['-X', setting])];

export interface SendOptions {
  codec?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
}

/** Sends every line of a file; resolves when all of them are acknowledged. */
export async function sendFile(
  bootstrap: string,
  topic: string,
  file: string,
  { codec = 'none' }: SendOptions = {},
): Promise<void> {
  const { child, ended } = startKcat(['-P', '-b', bootstrap, '-t', topic, '-z', codec, ...producerSettings]);
  // kcat's own end tells more than the broken pipe that it leaves.
  await Promise.all([pipeline(createReadStream(file), child.stdin!).catch(() => {}), ended]);
}

/**
 * All committed records of a topic into a file, a line each: `partition<TAB>offset<TAB>timestamp in ms<TAB>key<TAB>value`.
 * Reads up to the last stable offsets, and ends.
 */
export async function dumpTopic(bootstrap: string, topic: string, file: string): Promise<void> {
  const reading = ['-X', 'isolation.level=read_committed', '-X', 'check.crcs=true'];
  const format = ['-o', 'beginning', '-e', '-q', '-f', '%p\\t%o\\t%T\\t%k\\t%s\\n'];
  const descriptor = openSync(file, 'w');
  try {
    await startKcat(['-C', '-b', bootstrap, '-t', topic, ...reading, ...format], descriptor).ended;
  } finally {
    closeSync(descriptor);
  }
}

/** Sends lines at a steady rate until it is stopped or the lines are used up. */
export class SteadyProducer {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #sentCount = 0;

  constructor(options: { bootstrap: string; topic: string; lines: readonly string[]; linesPerSecond: number }) {
    const { bootstrap, topic, lines, linesPerSecond } = options;
    const { child, ended } = startKcat(['-P', '-b', bootstrap, '-t', topic, ...producerSettings]);
    this.#child = child;
    this.#ended = ended;
    ended.catch(() => {}); // told to whoever stops it
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedMs) * linesPerSecond) / 1000);
      const some = lines.slice(this.#sentCount, due);
      this.#sentCount += some.length;
      if (some.length > 0) child.stdin!.write(`${some.join('\n')}\n`);
    }, 50);
  }

  /** Resolves to the number of records sent when all of them are acknowledged. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    this.#child.stdin!.end();
    await this.#ended;
    return this.#sentCount;
  }

  /** Ends it without waiting for anything; for the end of a test that has failed. */
  kill(): void {
    clearInterval(this.#timer);
    this.#child.kill('SIGKILL');
  }
}

function startKcat(
  args: string[],
  stdout: 'ignore' | number = 'ignore',
): { child: ChildProcess; ended: Promise<void> } {
  const child = spawn('kcat', args, { stdio: ['pipe', stdout, 'pipe'] });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-10_000);
  });
  child.stdin!.on('error', () => {});
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('exit', killAtExit);
      if (code === 0) resolve();
      else reject(new Error(`kcat ${args.join(' ')} ended with ${signal ?? code}: ${errors}`));
    });
  });
  return { child, ended };
}
