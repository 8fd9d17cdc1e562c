import { hostname } from 'node:os';
import type { RollTrace } from '../loader/index.ts';
import { BadInputError, type Clock, describeError, type Logger } from '../shared/index.ts';
import { type OtlpAttribute, type OtlpSpan, spansOf, text } from './otlp-spans.ts';

/** Where traces go: what the OpenTelemetry specification's environment variables say. */
export interface TraceSettings {
  /** Full URL, `.../v1/traces`. */
  url: string;
  headers: Record<string, string>;
  resource: OtlpAttribute[];
}

/**
 * Reads OTEL_EXPORTER_OTLP_ENDPOINT (or _TRACES_ENDPOINT), _HEADERS, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; null,
 * and no traces, when no endpoint is set or OTEL_SDK_DISABLED is true. Only OTLP over HTTP with JSON is spoken.
 */
export function traceSettings(env: Readonly<Record<string, string | undefined>>): TraceSettings | null {
  if (env['OTEL_SDK_DISABLED'] === 'true') return null;
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!endpoint) return null;
  const isFull = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] !== undefined;
  const url = isFull ? endpoint : `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  if (!/^https?:\/\/./.test(url) || !URL.canParse(url)) {
    throw new BadInputError(`expected OTEL_EXPORTER_OTLP_ENDPOINT to be an http(s) URL, got "${endpoint}"`);
  }
  const headers = pairs(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] ?? env['OTEL_EXPORTER_OTLP_HEADERS'] ?? '');
  const attributes = new Map([
    ['service.name', env['OTEL_SERVICE_NAME'] ?? 'sluice-loader'],
    ['host.name', hostname()],
    ['process.pid', String(process.pid)],
    ...pairs(env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''),
  ]);
  const resource = [...attributes].map(([key, value]) => text(key, value));
  return { url, headers: Object.fromEntries(headers), resource };
}

function pairs(list: string): [string, string][] {
  return list.split(',').flatMap((item): [string, string][] => {
    const at = item.indexOf('=');
    return at <= 0 ? [] : [[item.slice(0, at).trim(), decodeURIComponent(item.slice(at + 1).trim())]];
  });
}

const maxWaiting = 4096;
const maxPerRequest = 512;
const flushEveryMs = 2000;
const requestTimeoutMs = 10_000;

/**
 * Sends the traces of rolls to an OpenTelemetry collector. Never in the way of the load: what does not fit the bounded queue,
 * or what the collector does not take, is dropped and counted.
 */
export class TraceExporter {
  readonly #settings: TraceSettings;
  readonly #options: { clock: Clock; logger: Logger };
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #waiting: OtlpSpan[] = [];
  #droppedCount = 0;
  #hasComplained = false;

  constructor(settings: TraceSettings, options: { clock: Clock; logger: Logger }) {
    this.#settings = settings;
    this.#options = options;
    this.#running = this.#run();
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  add(trace: RollTrace): void {
    const spans = spansOf(trace);
    if (this.#waiting.length + spans.length > maxWaiting) this.#droppedCount += spans.length;
    else this.#waiting.push(...spans);
  }

  /** Sends what waits, for a few seconds at most. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#flush();
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#options.clock.sleep(flushEveryMs, this.#closing.signal).catch(() => {});
      if (!this.#closing.signal.aborted) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, maxPerRequest);
      if (!(await this.#send(spans))) this.#droppedCount += spans.length;
    }
  }

  async #send(spans: OtlpSpan[]): Promise<boolean> {
    const { url, headers, resource } = this.#settings;
    const scopeSpans = [{ scope: { name: 'sluice' }, spans }];
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ resource: { attributes: resource }, scopeSpans }] }),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      await response.arrayBuffer();
      if (response.ok) return true;
      this.#complain(`HTTP status ${response.status}`);
    } catch (error) {
      this.#complain(describeError(error));
    }
    return false;
  }

  #complain(reason: string): void {
    if (!this.#hasComplained) this.#options.logger.warn({ reason }, 'TracesNotTaken');
    this.#hasComplained = true;
  }
}
