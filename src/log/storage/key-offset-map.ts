/**
 * The newest offset of each key, in a fixed amount of memory: what the cleaner must know of the records it looks at. Keys are kept as 16
 * bytes of their SHA-256, as Kafka does with MD5; two keys that share those would be taken for one.
 *
 *   slot (24 bytes) = 16 bytes of hash, int64 offset + 1 (0: the slot is free)
 */
import { createHash } from 'node:crypto';

const hashBytes = 16;
const slotBytes = hashBytes + 8;
/** Fuller than this, a search takes too many steps. */
const fullShare = 0.75;

export class KeyOffsetMap {
  readonly #slots: Buffer;
  readonly #slotCount: number;
  #count = 0;

  constructor(sizeBytes: number) {
    this.#slotCount = Math.max(4, Math.floor(sizeBytes / slotBytes));
    this.#slots = Buffer.alloc(this.#slotCount * slotBytes);
  }

  get isFull(): boolean {
    return this.#count >= Math.floor(this.#slotCount * fullShare);
  }

  /** Offsets must rise from call to call. False, having noted nothing, when the key is new and there is no room. */
  set(key: Buffer, offset: bigint): boolean {
    const hash = hashOf(key);
    const at = this.#find(hash);
    if (this.#slots.readBigInt64BE(at + hashBytes) === 0n) {
      if (this.isFull) return false;
      hash.copy(this.#slots, at);
      this.#count++;
    }
    this.#slots.writeBigInt64BE(offset + 1n, at + hashBytes);
    return true;
  }

  offsetOf(key: Buffer): bigint | null {
    const stored = this.#slots.readBigInt64BE(this.#find(hashOf(key)) + hashBytes);
    return stored === 0n ? null : stored - 1n;
  }

  /** Position of the key's slot, or of the free one where it belongs. */
  #find(hash: Buffer): number {
    let slot = hash.readUInt32BE(0) % this.#slotCount;
    for (;;) {
      const at = slot * slotBytes;
      const isFree = this.#slots.readBigInt64BE(at + hashBytes) === 0n;
      if (isFree || hash.compare(this.#slots, at, at + hashBytes) === 0) return at;
      slot = (slot + 1) % this.#slotCount;
    }
  }
}

function hashOf(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, hashBytes);
}
