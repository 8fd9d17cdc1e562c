import type { LoadProgress } from '../../loader/index.ts';
import { formatBytes, type Progress, progressBar } from '../output.ts';

/** The progress bar of `sluice load`: records read against the records there are, with rows, files and bytes beside it. */
export class LoadProgressView {
  readonly #isBounded: boolean;
  readonly #partitions = new Map<string, { first: bigint; position: bigint; logEnd: bigint }>();
  #bar: Progress | null = null;
  #rowCount = 0n;
  #fileCount = 0;
  #fileBytes = 0;

  constructor(isBounded: boolean) {
    this.#isBounded = isBounded;
  }

  show(progress: LoadProgress): void {
    if (progress.kind === 'committed') {
      this.#rowCount += progress.commit.landedCount;
      this.#fileCount += progress.commit.files.length;
      for (const file of progress.commit.files) this.#fileBytes += file.size;
    }
    if (progress.kind === 'positions') {
      for (const { topic, partition, checkpoint, position, logEnd } of progress.partitions) {
        const known = this.#partitions.get(`${topic}/${partition}`);
        this.#partitions.set(`${topic}/${partition}`, { first: known?.first ?? checkpoint, position, logEnd });
      }
    }
    this.#draw();
  }

  stop(): void {
    this.#bar?.stop();
  }

  #draw(): void {
    const all = [...this.#partitions.values()];
    const done = Number(all.reduce((sum, p) => sum + p.position - p.first, 0n));
    const behind = Number(all.reduce((sum, p) => sum + p.logEnd - p.position, 0n));
    this.#bar ??= progressBar('load', 0, 'records');
    const lag = this.#isBounded ? `${behind} to go` : `lag ${behind}`;
    this.#bar.update(
      done,
      `${this.#rowCount} rows in ${this.#fileCount} files, ${formatBytes(this.#fileBytes)}, ${lag}`,
    );
  }
}
