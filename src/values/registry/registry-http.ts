import { BadInputError, describeError, isAbortError } from '../../shared/index.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import { RegistryError } from './registry-error.ts';

export interface RegistryAnswer {
  status: number;
  /** Parsed JSON, or undefined when the body is none. */
  body: unknown;
}

const maxAnswerBytes = 16 * 1024 * 1024;
const acceptHeader = 'application/vnd.schemaregistry.v1+json, application/json';

/** Asks a schema registry over HTTP: one GET at a time, the replicas in turn, answers bounded in bytes and in time. */
export class RegistryHttp {
  readonly #bases: { url: string; authorization: string | null }[];
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;
  #current = 0;

  /** @throws BadInputError for something that is no URL. */
  constructor(endpoint: RegistryEndpoint, fetchImplementation: typeof fetch = fetch) {
    if (endpoint.urls.length === 0) throw new BadInputError('expected the URL of a schema registry');
    this.#bases = endpoint.urls.map((url) => parseBase(url, endpoint.authorization));
    this.#timeoutMs = endpoint.timeoutMs;
    this.#fetch = fetchImplementation;
  }

  /**
   * The answer of the first replica that gives one, of whatever status below 500 (but 408 and 429, which say "later").
   *
   * @throws RegistryError `registry-unavailable` when none does.
   */
  async get(path: string, signal: AbortSignal): Promise<RegistryAnswer> {
    let failure = '';
    for (let turn = 0; turn < this.#bases.length; turn++) {
      const base = this.#bases[this.#current]!;
      try {
        const answer = await this.#ask(base, path, signal);
        if (answer.status < 500 && answer.status !== 408 && answer.status !== 429) return answer;
        failure = `${base.url} answered ${answer.status}`;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RegistryError) throw error;
        failure = `${base.url}: ${isAbortError(error) || isTimeout(error) ? `no answer in ${this.#timeoutMs} ms` : describeError(error)}`;
      }
      this.#current = (this.#current + 1) % this.#bases.length;
    }
    throw new RegistryError('registry-unavailable', `the schema registry does not answer: ${failure}`);
  }

  async #ask(
    { url, authorization }: { url: string; authorization: string | null },
    path: string,
    signal: AbortSignal,
  ): Promise<RegistryAnswer> {
    const response = await this.#fetch(url + path, {
      headers: { accept: acceptHeader, ...(authorization === null ? {} : { authorization }) },
      // Credentials are for this registry only.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
    });
    return { status: response.status, body: await readJson(response, url) };
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

async function readJson(response: Response, url: string): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes) {
      throw new RegistryError('registry-refused', `${url}: expected an answer of at most ${maxAnswerBytes} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function parseBase(text: string, authorization: string | null): { url: string; authorization: string | null } {
  if (!URL.canParse(text)) throw new BadInputError(`expected the URL of a schema registry, got "${text}"`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new BadInputError(`expected the URL of a schema registry to begin with http or https, got "${url.protocol}"`);
  }
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const own = user === '' ? null : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return { url: url.href.replace(/\/+$/, ''), authorization: authorization ?? own };
}
