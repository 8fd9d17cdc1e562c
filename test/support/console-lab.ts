import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ConsoleOptions, hashPassword, type RunningConsole, startConsole } from '../../src/console/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { LoadLab } from './load-lab.ts';

export const labPassword = 'open sesame';

/** A game's event as the demo writes it. */
export function gameEvent(n: number, changes: Record<string, unknown> = {}): { key: string; value: string } {
  const type = ['request', 'install', 'page_view'][n % 3];
  const event = { ts: new Date().toISOString(), type, game: n % 2 ? 'hh' : 'mw', user_id: n, ...changes };
  return { key: `user-${n}`, value: JSON.stringify(event) };
}

/** A broker, a local warehouse with a table of `events`, and the console in front of them, which can be started again. */
export class ConsoleLab {
  readonly lab: LoadLab;
  readonly warehouseUrl: string;
  readonly auditPath: string;
  #console: RunningConsole | null = null;
  #options: ConsoleOptions;

  private constructor(lab: LoadLab, options: ConsoleOptions, auditPath: string) {
    this.lab = lab;
    this.warehouseUrl = options.warehouseUrl;
    this.auditPath = auditPath;
    this.#options = options;
  }

  /** `accounts`: with a viewer `vera` and an operator `otto`, both with `labPassword`; else open. */
  static async open(
    options: { accounts?: boolean } & Partial<Omit<ConsoleOptions, 'accounts'>> = {},
  ): Promise<ConsoleLab> {
    const lab = await LoadLab.open({ maxPartitions: 20_000 });
    const { accounts, ...changes } = options;
    const hash = accounts ? await hashPassword(labPassword) : '';
    const auditPath = join(lab.directory, 'audit.ndjson');
    return new ConsoleLab(
      lab,
      {
        listen: { host: '127.0.0.1', port: 0 },
        brokers: [lab.bootstrap],
        clientConfig: null,
        warehouseUrl: lab.warehouse('warehouse').url,
        warehouseOptions: {},
        accounts: accounts
          ? [
              { name: 'vera', role: 'viewer', hash },
              { name: 'otto', role: 'operator', hash },
            ]
          : null,
        publicOrigin: null,
        auditPath,
        jobs: null,
        rules: null,
        counters: null,
        timeField: 'ts',
        pagesDirectory: fileURLToPath(new URL('../../dist/web', import.meta.url)),
        clock: systemClock,
        logger: silentLogger,
        ...changes,
      },
      auditPath,
    );
  }

  get url(): string {
    if (!this.#console) throw new Error('the console was not started');
    return this.#console.url;
  }

  /** Starts it, the second time on the port it had. */
  async start(): Promise<void> {
    this.#console = await startConsole(this.#options);
    this.#options = { ...this.#options, listen: { host: '127.0.0.1', port: Number(new URL(this.#console.url).port) } };
  }

  async stop(): Promise<void> {
    await this.#console?.close();
    this.#console = null;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.lab.close();
  }

  /** Everything that is in the topic becomes rows. */
  async loadAll(topic: string): Promise<void> {
    const { code, stderr } = await this.lab.load(topic, this.warehouseUrl, ['--until-end', '--time-field', 'ts'])
      .finished;
    if (code !== 0 && code !== 3) throw new Error(`the load ended with ${code}: ${stderr}`);
  }
}

/** What a program or a browser gets; JSON where there is some. */
export interface Reply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? JSON.parse(text) : { text },
  };
}

/** Logs in as a browser does; gives what sends further requests as that session. */
export async function logInto(url: string, name: string, password = labPassword) {
  const origin = new URL(url).origin;
  const json = { 'content-type': 'application/json', origin };
  const login = await ask(`${url}/api/login`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ name, password }),
  });
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  const csrf = String(login.body['csrf']);
  return {
    login,
    cookie,
    csrf,
    get: (path: string) => ask(`${url}${path}`, { headers: { cookie } }),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      ask(`${url}${path}`, {
        method: 'POST',
        headers: { ...json, cookie, 'x-sluice-csrf': csrf, ...headers },
        body: JSON.stringify(body),
      }),
  };
}
