import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WarehouseError } from '../../warehouse-error.ts';
import type { NameNodeAddress } from '../../warehouse-url.ts';
import type { Proof } from './session-auth.ts';

export interface SpnegoOptions {
  /** Logged in with `kinit` into a ticket cache of our own; left out: the tickets that the user of this process has. */
  keytab?: { principal: string; file: string } | undefined;
  /** Program and arguments that print one SPNEGO token in base64 for the service `HTTP@{host}`; `curl` when left out. */
  command?: readonly string[] | undefined;
}

const commandMs = 30_000;

/**
 * Proves who we are by SPNEGO (RFC 4559): `Negotiate` and a fresh token for `HTTP@host`, made by programs of the system, so
 * that nothing has to be compiled. The token comes from a command of the user, or from curl, which we let talk to a socket of
 * ours instead of the server: what it would have sent there, we send with our own request.
 */
export class SpnegoProof implements Proof {
  readonly method = 'kerberos';
  readonly user: string | null;
  readonly isFreshEachTime = true;
  readonly #options: SpnegoOptions;
  #folder: Promise<string> | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SpnegoOptions) {
    this.#options = options;
    this.user = options.keytab?.principal ?? null;
  }

  /** One after the other: all of them write and read one ticket cache. */
  async authorization({ host }: NameNodeAddress, signal?: AbortSignal): Promise<string> {
    const proof = this.#turn.then(() => this.#prove(host, signal));
    this.#turn = proof.catch(() => {});
    return await proof;
  }

  async #prove(host: string, signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted();
    const { keytab, command } = this.#options;
    const env = { ...process.env };
    if (keytab) {
      const cache = `FILE:${join(await this.#privateFolder(), 'tickets')}`;
      await logIn(keytab, cache, signal);
      env['KRB5CCNAME'] = cache;
    }
    const token = command
      ? await tokenOfCommand(command, host, env, signal)
      : await tokenOfCurl(join(await this.#privateFolder(), `${++socketCount}`), host, env, signal);
    return `Negotiate ${token}`;
  }

  async close(): Promise<void> {
    const folder = await this.#folder?.catch(() => null);
    this.#folder = null;
    if (folder) await rm(folder, { recursive: true, force: true });
  }

  /** Nobody else may enter it (mkdtemp: 0700). */
  #privateFolder(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'sluice-krb-'));
    return this.#folder;
  }
}

let socketCount = 0;

/** Each time anew: proofs are needed once in hours, and this way a ticket never ends on us. */
async function logIn(keytab: { principal: string; file: string }, cache: string, signal?: AbortSignal): Promise<void> {
  const { principal, file } = keytab;
  const { failure } = await run('kinit', ['-c', cache, '-kt', file, principal], process.env, signal);
  if (failure !== null) throw kerberosError(`kinit of ${principal} with ${file}`, failure, 'krb5-user');
}

async function tokenOfCommand(
  command: readonly string[],
  host: string,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string> {
  const [program = '', ...args] = command.map((part) => part.replaceAll('{host}', host));
  const { failure, stdout } = await run(program, args, env, signal);
  if (failure !== null) throw kerberosError(`the command ${program} for HTTP@${host}`, failure, program);
  const token = stdout.trim();
  if (/^[A-Za-z0-9+/]{16,}={0,2}$/.test(token)) return token;
  const message = `expected one SPNEGO token in base64 on the standard output of ${program}, got ${token.length} characters that are none`;
  throw new WarehouseError('permission-denied', message);
}

async function tokenOfCurl(
  socketPath: string,
  host: string,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string> {
  let token: string | null = null;
  const server = createServer((request, response) => {
    token ??= /^Negotiate (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
    // Asked to negotiate, a curl that did not do so by itself comes again.
    const status = token === null ? 401 : 200;
    response.writeHead(status, { ...(token === null && { 'WWW-Authenticate': 'Negotiate' }), 'Content-Length': 0 });
    response.end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  try {
    const args = ['--disable', '--verbose', '--silent', '--show-error', '--noproxy', '*', '--max-time', '20'];
    const url = `http://${host.includes(':') ? `[${host}]` : host}/`;
    args.push('--negotiate', '--user', ':', '--unix-socket', socketPath, url);
    const { failure, stderr } = await run('curl', args, env, signal);
    if (token !== null) return token;
    const reason = /gss_init_sec_context\(\) failed: (.*)/.exec(stderr)?.[1] ?? failure ?? 'it sent none';
    throw kerberosError(`curl --negotiate for HTTP@${host}`, reason, 'curl');
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

interface Ran {
  stdout: string;
  stderr: string;
  /** Why it did not end well; null when it did. */
  failure: string | null;
}

function run(program: string, args: string[], env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: commandMs, maxBuffer: 1024 * 1024, ...(signal && { signal }) };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (signal?.aborted) return reject(signal.reason);
      const said = stderr.trim().split('\n').at(-1) || error?.message || '';
      resolve({ stdout, stderr, failure: error ? (error.code === 'ENOENT' ? 'ENOENT' : said) : null });
    });
    child.stdin?.end();
  });
}

/** A KDC that is away comes back; what it refuses, people must mend. */
function kerberosError(what: string, reason: string, tool: string): WarehouseError {
  if (reason === 'ENOENT') {
    return new WarehouseError('permission-denied', `Kerberos: ${what}: the program is not there; install ${tool}`);
  }
  const isAway = /cannot (contact|resolve|find|reach).*kdc|connection (refused|timed out)|timed out/i.test(reason);
  const advice = isAway ? '' : '; see "klist", or name a keytab in the auth section of the settings';
  const message = `Kerberos: ${what}: ${reason}${advice}`;
  return new WarehouseError(isAway ? 'unavailable' : 'permission-denied', message, { isRetriable: isAway });
}
