import { useEffect, useState } from 'preact/hooks';
import type { CountedSecond, Json, OverviewAnswer, PulseTick } from '../src/console/answers.ts';
import { get } from './api.ts';

export type Tick = Omit<Json<PulseTick>, 'seconds'>;

export interface LiveState {
  status: 'connecting' | 'live' | 'reconnecting';
  ticks: Tick[];
  seconds: CountedSecond[];
}

const keptTicks = 900;
const silenceMs = 12_000;
const retryMs = 2000;

/** The one stream of the page: kept open while somebody can see it, and opened again whenever it ends. */
class LiveStream {
  state: LiveState = { status: 'connecting', ticks: [], seconds: [] };
  readonly #listeners = new Set<() => void>();
  #source: EventSource | null = null;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  #start(): void {
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#open();
  }

  #stop(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#close();
  }

  readonly #onVisibility = (): void => {
    if (document.hidden) this.#close();
    else if (!this.#source) this.#open();
  };

  #open(): void {
    this.#close();
    const source = new EventSource('/api/live');
    this.#source = source;
    this.#watch();
    source.addEventListener('open', () => void this.#catchUp());
    source.addEventListener('tick', (event) => {
      const { seconds, ...tick } = JSON.parse((event as MessageEvent<string>).data) as Json<PulseTick>;
      this.#watch();
      this.#set({
        status: 'live',
        ticks: [...this.state.ticks, tick].slice(-keptTicks),
        seconds: seconds.length === 0 ? this.state.seconds : merge(this.state.seconds, seconds),
      });
    });
    source.addEventListener('error', () => {
      this.#set({ ...this.state, status: 'reconnecting' });
      if (source.readyState === EventSource.CLOSED) this.#later();
    });
  }

  /** What went by before the stream was opened. */
  async #catchUp(): Promise<void> {
    try {
      const { ticks, seconds } = await get<Json<OverviewAnswer>>('/api/overview');
      this.#set({ status: 'live', ticks, seconds });
    } catch {
      this.#set({ ...this.state, status: 'reconnecting' });
    }
  }

  /** A connection may be dead without an end: after a silence it is opened anew. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#set({ ...this.state, status: 'reconnecting' });
      this.#open();
    }, silenceMs);
  }

  #later(): void {
    clearTimeout(this.#watchdog);
    // Whoever is logged out learns it from this answer.
    void get('/api/overview').catch(() => {});
    this.#watchdog = setTimeout(() => this.#open(), retryMs);
  }

  #close(): void {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #set(state: LiveState): void {
    this.state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Seconds in their order, the newer word about one in the place of the older. */
function merge(known: readonly CountedSecond[], fresh: readonly CountedSecond[]): CountedSecond[] {
  const bySecond = new Map([...known, ...fresh].map((one) => [one.second, one]));
  return [...bySecond.values()].sort((a, b) => a.second - b.second).slice(-keptTicks);
}

const stream = new LiveStream();

export function useLive(): LiveState {
  const [, setTurn] = useState(0);
  useEffect(() => stream.subscribe(() => setTurn((turn) => turn + 1)), []);
  return stream.state;
}
