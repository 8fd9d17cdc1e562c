import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export const gatewayPrefix = '/gateway/default/webhdfs/v1';
const dataPrefix = '/gateway/default/webhdfs/data/v1';

/**
 * A reverse proxy in front of a real HDFS with TLS that behaves as Apache Knox does where a client notices: a prefix before
 * the path, a name and password or the cookie of the session that it gave for them, a header against cross-site forgery
 * asked for, redirects to DataNodes rewritten to an opaque address of its own, and requests made on the user's behalf.
 */
export class WebHdfsGateway {
  /** How often a name and password were shown, and a cookie. */
  readonly seen = { passwords: 0, cookies: 0 };
  /** Sessions that were given out are not known any more. */
  forgetSessions: () => void;
  /** Redirects are passed on as they came, as by a gateway that is set up wrong. */
  isRewriting = true;
  readonly #server: Server;
  readonly #tls: { ca: Buffer; cert: Buffer; key: Buffer };
  readonly #nameNode: string;
  #session = 1;

  private constructor(tlsFolder: string, nameNode: string) {
    const pem = (name: string) => readFileSync(join(tlsFolder, name));
    this.#tls = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') };
    this.#nameNode = `https://${nameNode}`;
    this.forgetSessions = () => void this.#session++;
    this.#server = createServer({ cert: pem('server.pem'), key: pem('server.key') });
    this.#server.on('request', (request, response) => this.#serve(request, response));
    this.#server.on('checkContinue', (request, response) => {
      if (this.#isKnown(request, response)) response.writeContinue();
      this.#serve(request, response);
    });
  }

  static async start(options: { tlsFolder: string; nameNode: string }): Promise<WebHdfsGateway> {
    const gateway = new WebHdfsGateway(options.tlsFolder, options.nameNode);
    await new Promise<void>((resolve) => gateway.#server.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  url(path: string): string {
    return `webhdfs+https://localhost:${this.#port}${gatewayPrefix}${path}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#isKnown(request, response)) return;
    const target = this.#target(request.url!);
    const headers = { ...request.headers };
    for (const name of ['host', 'authorization', 'cookie', 'expect', 'connection']) delete headers[name];
    const upstream = httpsRequest(target, { method: request.method!, headers, ...this.#tls, agent: false });
    upstream.on('response', (answer) => {
      const { location } = answer.headers;
      if (location?.startsWith('https:') && this.isRewriting) {
        answer.headers.location = `https://localhost:${this.#port}${dataPrefix}?_=${Buffer.from(location).toString('base64url')}`;
      }
      const cookie = `KNOXSESSIONID=session-${this.#session}; Path=/gateway/default; Secure; HttpOnly`;
      response.writeHead(answer.statusCode!, { ...answer.headers, 'set-cookie': cookie });
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  }

  /** Answers by itself when not. */
  #isKnown(request: IncomingMessage, response: ServerResponse): boolean {
    if (response.writableEnded) return false;
    const { authorization, cookie } = request.headers;
    if (request.method !== 'GET' && request.headers['x-xsrf-header'] === undefined) {
      response.writeHead(400, 'Missing Required Header for CSRF Vulnerability Protection').end();
      return false;
    }
    if (cookie?.includes(`KNOXSESSIONID=session-${this.#session}`)) this.seen.cookies++;
    else if (authorization === `Basic ${Buffer.from('etl:secret word').toString('base64')}`) this.seen.passwords++;
    else {
      response.writeHead(401, { 'WWW-Authenticate': 'BASIC realm="application"', 'Content-Length': 0 }).end();
      return false;
    }
    return true;
  }

  #target(url: string): string {
    if (url.startsWith(dataPrefix))
      return Buffer.from(new URL(url, this.#nameNode).searchParams.get('_')!, 'base64url').toString();
    const target = new URL(url.replace(gatewayPrefix, '/webhdfs/v1'), this.#nameNode);
    target.searchParams.set('user.name', 'knox');
    target.searchParams.set('doas', 'etl');
    return target.href;
  }
}
