import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LoadProgress } from '../loader/index.ts';
import { appendedOf, type LoadStatus, lagOf, type PartitionView } from './load-status.ts';

const partitionLabels = ['topic', 'partition'] as const;
const stepBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** The Prometheus metrics of a load: counters count its events, gauges are read from its status when they are asked for. */
export class LoadMetrics {
  readonly registry = new Registry();
  readonly #rolls = this.#counter('rolls_total', 'Rolls that landed, by what caused them', ['topic', 'cause']);
  readonly #failedRolls = this.#counter('rolls_failed_total', 'Rolls that were dropped and read again', ['topic']);
  readonly #files = this.#counter('files_total', 'Parquet files committed', ['topic']);
  readonly #bytes = this.#counter('file_bytes_total', 'Bytes of the Parquet files committed', ['topic']);
  readonly #rows = this.#counter('rows_total', 'Rows landed', partitionLabels);
  readonly #dead = this.#counter('dead_letters_total', 'Records refused and kept as dead letters', partitionLabels);
  readonly #errors = this.#counter('errors_total', 'Steps that failed and are tried again, by event and code', [
    'event',
    'code',
  ]);
  readonly #restarts = this.#counter('worker_restarts_total', 'Workers that broke and were started again', []);
  readonly #steps: Histogram<'step'>;
  readonly #status: LoadStatus;

  constructor(status: LoadStatus, isHealthy: () => boolean, nowMs: () => number) {
    this.#status = status;
    this.#steps = new Histogram({
      name: 'sluice_roll_step_seconds',
      help: 'Duration of each step of a roll; commit is the ledger record, upload the files before it',
      labelNames: ['step'],
      buckets: stepBuckets,
      registers: [this.registry],
    });
    collectDefaultMetrics({ register: this.registry });
    this.#offsets();
    this.#lags(nowMs);
    this.#states();
    this.#gauge('memory_bytes', 'Memory that records being loaded hold', [], (set) =>
      set({}, this.#sum('memoryBytes')),
    );
    this.#gauge('memory_budget_bytes', 'What they may hold', [], (set) => set({}, this.#sum('memoryBudgetBytes')));
    this.#gauge('healthy', '1 when /health is ok', [], (set) => set({}, isHealthy() ? 1 : 0));
  }

  apply(progress: LoadProgress): void {
    switch (progress.kind) {
      case 'committed': {
        const { topic, cause, files, landedCount, deadCount } = progress.commit;
        const labels = { topic, partition: String(progress.commit.partition) };
        this.#rolls.inc({ topic, cause });
        this.#files.inc({ topic }, files.length);
        this.#bytes.inc(
          { topic },
          files.reduce((sum, { size }) => sum + size, 0),
        );
        this.#rows.inc(labels, Number(landedCount));
        this.#dead.inc(labels, Number(deadCount));
        return;
      }
      case 'rolled':
        for (const { name, startedMs, endedMs } of progress.trace.steps) {
          this.#steps.observe({ step: name }, Math.max(0, endedMs - startedMs) / 1000);
        }
        if (progress.trace.error !== null) this.#failedRolls.inc({ topic: progress.trace.topic });
        return;
      case 'delayed':
        this.#errors.inc({ event: progress.delay.event, code: progress.delay.code });
        return;
      case 'worker-restarted':
        this.#restarts.inc();
        return;
      default:
        return;
    }
  }

  #offsets(): void {
    const offset = (name: string, help: string, pick: (view: PartitionView) => bigint | null): void => {
      this.#gauge(name, help, partitionLabels, (set) => {
        for (const view of this.#status.partitions) {
          const value = pick(view);
          if (value !== null) set(labelsOf(view), Number(value));
        }
      });
    };
    offset('appended_offset', 'End of the log (exclusive)', appendedOf);
    offset('read_offset', 'First offset not read yet', ({ owner }) => owner?.read ?? null);
    offset('encoded_offset', 'First offset not encoded yet', ({ owner }) => owner?.encoded ?? null);
    offset('committed_offset', 'First offset not committed yet: the checkpoint', ({ checkpoint }) => checkpoint);
    offset('lag_records', 'Offsets appended and not committed', lagOf);
  }

  #lags(nowMs: () => number): void {
    const help = 'Age of the oldest record not yet read, or not yet committed';
    this.#gauge('lag_seconds', help, ['topic', 'partition', 'stage'], (set) => {
      for (const view of this.#status.partitions) {
        const lag = lagOf(view);
        if (lag === null) continue;
        const isRead = view.owner?.read !== null && view.owner?.read === appendedOf(view);
        const tell = (stage: string, isThere: boolean, oldestMs: number | null): void => {
          if (isThere) set({ ...labelsOf(view), stage }, 0);
          else if (oldestMs !== null) set({ ...labelsOf(view), stage }, Math.max(0, (nowMs() - oldestMs) / 1000));
        };
        tell('committed', lag === 0n, view.oldestUncommittedMs);
        tell('read', isRead, view.oldestUnreadMs);
      }
    });
  }

  #states(): void {
    this.#gauge('partition_state', '1 for the state the owner is in', ['topic', 'partition', 'state'], (set) => {
      for (const view of this.#status.partitions) {
        const state = view.owner?.state ?? (view.error === null ? null : 'stopped');
        if (state !== null) set({ ...labelsOf(view), state }, 1);
      }
    });
    this.#gauge('partition_paused', '1 while an operator has paused the partition', partitionLabels, (set) => {
      for (const view of this.#status.partitions) set(labelsOf(view), view.owner?.pause ? 1 : 0);
    });
  }

  #sum(name: 'memoryBytes' | 'memoryBudgetBytes'): number {
    return [...this.#status.workers.values()].reduce((sum, worker) => sum + worker[name], 0);
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: `sluice_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect: (set: (labels: Partial<Record<L, string | number>>, value: number) => void) => void,
  ): void {
    new Gauge({
      name: `sluice_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        collect((labels, value) => this.set(labels, value));
      },
    });
  }
}

function labelsOf({ topic, partition }: PartitionView): { topic: string; partition: string } {
  return { topic, partition: String(partition) };
}
