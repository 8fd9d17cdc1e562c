import type { RunningConsole } from '../../console/index.ts';
import { defaultLatenessMs } from '../../hours/index.ts';
import type { IngestServer } from '../../ingest/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { keepCounting } from './keep-counting.ts';
import { keepHoursClosed } from './keep-hours-closed.ts';
import { openUpConsole } from './up-console.ts';
import { openUpIngest } from './up-ingest.ts';
import { timeFieldOf, type UpOptions, type UpSettings } from './up-settings.ts';

/** What is there beside broker and loader: console, HTTP ingest, and what a production system has jobs and processes of their own for. */
export class UpServices {
  readonly #stop = new AbortController();
  readonly #helpers: Promise<void>[] = [];
  #console: RunningConsole | null = null;
  #ingest: IngestServer | null = null;

  async start(options: UpOptions, settings: UpSettings, cluster: KafkaCluster, address: string): Promise<void> {
    this.#ingest = await openUpIngest(options, cluster);
    this.#console = await openUpConsole(options, settings, address);
    if (this.#console) process.stdout.write(`ready console=${this.#console.url}\n`);
    if (this.#ingest) process.stdout.write(`ready ingest=${this.#ingest.url}\n`);
    this.#helpers.push(...startHelpers(options, settings, cluster, this.#stop.signal));
  }

  /** For the head of the live view. */
  get title(): string {
    return this.#console ? `${this.#console.url}  ` : '';
  }

  async closeIngest(): Promise<void> {
    const ingest = this.#ingest;
    this.#ingest = null;
    await ingest?.close();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.closeIngest();
    await this.#console?.close();
    await Promise.all(this.#helpers);
  }
}

function startHelpers(
  options: UpOptions,
  settings: UpSettings,
  cluster: KafkaCluster,
  signal: AbortSignal,
): Promise<void>[] {
  const { topics, warehouseUrl, loader } = settings;
  const { closeHours: latenessMs = defaultLatenessMs, redis: redisUrl } = options;
  const timeField = timeFieldOf(options, settings);
  return [
    ...(latenessMs === false
      ? []
      : [keepHoursClosed({ cluster, topics, warehouseUrl, user: loader.user, latenessMs, signal })]),
    ...(redisUrl === undefined ? [] : [keepCounting({ cluster, topics, redisUrl, timeField, signal })]),
  ];
}
