import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Broker,
  type BrokerConfig,
  type BrokerOptions,
  defaultBrokerConfig,
  startBroker,
} from '../../src/log/index.ts';

export interface TestBroker {
  readonly broker: Broker;
  readonly address: { host: string; port: number };
  /** `host:port` */
  readonly bootstrap: string;
  readonly dataDirectory: string;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

type ConfigChanges = Partial<Omit<BrokerConfig, 'groups' | 'limits'>> & {
  groups?: Partial<BrokerConfig['groups']>;
  limits?: Partial<BrokerConfig['limits']>;
};

/** A broker in this process, on a free port and an empty directory. */
export async function startTestBroker(
  changes: ConfigChanges = {},
  options: Partial<BrokerOptions> = {},
): Promise<TestBroker> {
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'broker-test-'));
  const config: BrokerConfig = {
    ...defaultBrokerConfig,
    ...changes,
    groups: { ...defaultBrokerConfig.groups, ...changes.groups },
    limits: { ...defaultBrokerConfig.limits, ...changes.limits },
  };
  const broker = await startBroker({ host: '127.0.0.1', port: 0, ...options, dataDirectory, config });
  return {
    broker,
    address: broker.address,
    bootstrap: `${broker.address.host}:${broker.address.port}`,
    dataDirectory,
    stop: async () => {
      await broker.close();
      if (!options.dataDirectory) rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

export interface BrokerProcess {
  readonly child: ChildProcess;
  readonly bootstrap: string;
  /** How it ended: exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Sends a signal and resolves to the exit code, or to the signal's name, when the process is gone. */
  end(signal: NodeJS.Signals): Promise<number | string>;
  /** What it has written to stderr so far. */
  readonly log: () => string;
}

/** The command line of `sluice broker`, as a user runs it; $SLUICE_BIN names another installation to test. */
export function brokerCli(): string[] {
  const bin = process.env['SLUICE_BIN'] ?? fileURLToPath(new URL('../../bin/sluice', import.meta.url));
  return [process.execPath, bin, 'broker'];
}

/** `sluice broker` as a user runs it; resolves when it has printed its ready line. */
export async function startBrokerProcess(
  dataDirectory: string,
  listen = '127.0.0.1:0',
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<BrokerProcess> {
  const [command, ...before] = brokerCli();
  const child = spawn(command!, [...before, '--data', dataDirectory, '--listen', listen, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SLUICE_SKIP_BUILD: '1', ...env },
  });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => {
      process.removeListener('exit', killAtExit);
      resolve(signal ?? code ?? -1);
    });
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-100_000);
  });
  const bootstrap = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const match = /^ready kafka=(\S+)$/m.exec(output);
      if (match) resolve(match[1]!);
    });
    void ended.then((how) => reject(new Error(`the broker ended (${how}) before it was ready:\n${log}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<number | string> => {
    child.kill(signal);
    return await ended;
  };
  return { child, bootstrap, ended, end, log: () => log };
}
