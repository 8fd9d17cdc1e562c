import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BadInputError, describeError, type Logger, SluiceError } from '../../shared/index.ts';
import { failures, RegistryFailure } from './registry-failure.ts';
import { RawJson, type RegistryRoute, registryRoutes } from './registry-routes.ts';
import type { SchemaRegistry } from './schema-registry.ts';

export interface RegistryServerOptions {
  registry: SchemaRegistry;
  host: string;
  /** 0: the system chooses. */
  port: number;
  logger: Logger;
}

export interface RegistryServer {
  readonly address: { host: string; port: number };
  /** Lets requests under way end, then closes. */
  close(): Promise<void>;
}

const contentType = 'application/vnd.schemaregistry.v1+json';
const maxBodyBytes = 4 * 1024 * 1024;
const requestTimeoutMs = 30_000;
const routes = registryRoutes.map(([method, path, route]) => ({ method, pattern: path.split('/'), route }));

/** Serves a registry over HTTP. @throws BadInputError when the address cannot be listened on. */
export async function startRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const { registry, host, port, logger } = options;
  const closing = new AbortController();
  const server = createServer((request, response) => {
    void answer(registry, request, response, closing.signal, logger);
  });
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = 10_000;
  server.maxConnections = 500;
  await listen(server, host, port);
  const { address, port: actual } = server.address() as AddressInfo;
  return {
    address: { host: address, port: actual },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      closing.abort(new SluiceError('closed', 'the registry was closed'));
      server.closeIdleConnections();
      await closed;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new BadInputError(`cannot listen on ${host}:${port}`, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

async function answer(
  registry: SchemaRegistry,
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
  logger: Logger,
): Promise<void> {
  try {
    const result = await handle(registry, request, AbortSignal.any([closing, AbortSignal.timeout(requestTimeoutMs)]));
    send(response, 200, result);
  } catch (error) {
    const failure = error instanceof RegistryFailure ? error : failures.store(describeError(error));
    if (failure !== error) logger.error({ reason: describeError(error), url: request.url }, 'RequestFailed');
    send(response, failure.status, { error_code: failure.errorCode, message: failure.message });
  }
}

async function handle(registry: SchemaRegistry, request: IncomingMessage, signal: AbortSignal): Promise<unknown> {
  const url = new URL(request.url ?? '/', 'http://registry');
  const parts = url.pathname
    .replace(/^\/|\/$/g, '')
    .split('/')
    .map(decode);
  const route = findRoute(request.method ?? 'GET', parts);
  const body = await readBody(request);
  return await route(registry, { parts, query: url.searchParams, body, signal });
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RegistryFailure(400, `the path has a part that cannot be decoded: ${part.slice(0, 100)}`);
  }
}

function findRoute(method: string, parts: readonly string[]): RegistryRoute {
  const matching = routes.filter(
    ({ pattern }) =>
      pattern.length === parts.length && pattern.every((part, index) => part === '*' || part === parts[index]),
  );
  const found = matching.find((one) => one.method === method);
  if (found) return found.route;
  throw matching.length > 0
    ? new RegistryFailure(405, 'HTTP 405 Method Not Allowed')
    : new RegistryFailure(404, 'HTTP 404 Not Found');
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) throw new RegistryFailure(413, `expected a body of at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new RegistryFailure(400, 'expected a body of JSON');
  }
}

function send(response: ServerResponse, status: number, result: unknown): void {
  if (response.headersSent) return;
  const text = result instanceof RawJson ? result.text : JSON.stringify(result);
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
