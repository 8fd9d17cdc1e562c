import type { ParquetCodec } from './parquet-engine.ts';

/** Encoded bytes per byte of the spool, until a file has been measured. Events as in bench/ come to 0.2 (zstd), 0.36 (snappy). */
const firstRatios: Record<ParquetCodec, number> = { zstd: 0.25, gzip: 0.25, snappy: 0.4, none: 0.9 };

/** Footer, page headers and the rest of a file with hardly any rows. */
const columnOverheadBytes = 256;

/** Learns from finished files how large those still open will be. Shared by all partitions of a topic that an engine writes. */
export class SizeEstimate {
  #ratio: number;
  #isMeasured = false;

  constructor(codec: ParquetCodec) {
    this.#ratio = firstRatios[codec];
  }

  /** False: the ratio is that of data in general, and it is worth to try with a sample. */
  get isMeasured(): boolean {
    return this.#isMeasured;
  }

  /** Size of a file with that many bytes in its spool. */
  encodedBytes(spoolBytes: number, columnCount: number): number {
    return Math.ceil(spoolBytes * this.#ratio + columnOverheadBytes * columnCount);
  }

  /** A file of that many spooled bytes came out with that size; small files say nothing about large ones. */
  learn(spoolBytes: number, fileBytes: number, columnCount: number): void {
    if (spoolBytes < smallestSampleBytes) return;
    const ratio = Math.max(0.001, (fileBytes - columnOverheadBytes * columnCount) / spoolBytes);
    this.#ratio = this.#isMeasured ? (this.#ratio + ratio) / 2 : ratio;
    this.#isMeasured = true;
  }
}

/** From here on a sample says how well the data compress. */
export const smallestSampleBytes = 512 * 1024;
