import { SluiceError } from '../shared/index.ts';

/** Reads what Java wrote with DataOutput and Hadoop's Writables: big-endian numbers, variable-length ones, texts. */
export class HadoopInput {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  /** `what` names the bytes in errors. */
  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  bytes(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#bytes.length) {
      const left = this.#bytes.length - this.#at;
      throw new SluiceError(
        'unreadable-state',
        `${this.#what}: expected ${length} more bytes, found ${left}: cut off?`,
      );
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    return this.bytes(1).readInt8(0);
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  int32(): number {
    return this.bytes(4).readInt32BE(0);
  }

  int64(): bigint {
    return this.bytes(8).readBigInt64BE(0);
  }

  /** WritableUtils.readVInt: one byte, or a byte that tells sign and length, then the magnitude. */
  vint(): number {
    const first = this.byte();
    if (first >= -112) return first;
    const isNegative = first < -120;
    const length = isNegative ? -120 - first : -112 - first;
    let value = 0n;
    for (const byte of this.bytes(length)) value = (value << 8n) | BigInt(byte);
    return Number(isNegative ? -1n - value : value);
  }

  /** Text: length as a vint, then UTF-8. */
  text(): string {
    return this.bytes(this.vint()).toString('utf8');
  }

  /** DataOutput.writeUTF, and Hadoop's old UTF8 class: length in two bytes, then (nearly) UTF-8. */
  shortText(): string {
    return this.bytes(this.bytes(2).readUInt16BE(0)).toString('utf8');
  }
}
