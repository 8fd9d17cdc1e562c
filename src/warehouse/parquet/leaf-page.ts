/** A data page (V1) to be: levels, then PLAIN values. */
export interface LeafPage {
  /** Values and nulls together: rows for a flat column, entries of the levels for a nested one. */
  entryCount: number;
  /** Encoded runs, repetition levels before definition levels; each gets its length in front. */
  levels: Uint8Array[];
  values: Uint8Array;
  /** Values that are not null. */
  valueCount: number;
}

/** Validity bits as definition levels of an optional column: one bit-packed run of the RLE hybrid encoding, bit width 1. */
export function bitPackedLevels(bits: Uint8Array, count: number): Uint8Array {
  const groupCount = (count + 7) >>> 3;
  const header = varint((groupCount << 1) | 1);
  const levels = new Uint8Array(header.length + groupCount);
  levels.set(header);
  levels.set(bits.subarray(0, groupCount), header.length);
  return levels;
}

/** Levels of any width as one bit-packed run. `highest`: the highest level there can be. */
export function packLevels(levels: Uint8Array, count: number, highest: number): Uint8Array {
  const width = 32 - Math.clz32(highest);
  const groupCount = (count + 7) >>> 3;
  const header = varint((groupCount << 1) | 1);
  const packed = new Uint8Array(header.length + groupCount * width);
  packed.set(header);
  let bit = header.length * 8;
  for (let index = 0; index < count; index++) {
    for (let of = 0, level = levels[index]!; of < width; of++, bit++, level >>>= 1) {
      if (level & 1) packed[bit >>> 3]! |= 1 << (bit & 7);
    }
  }
  return packed;
}

/** `count` times level 0, as one RLE run. */
export function zeroLevels(count: number): Uint8Array {
  return Uint8Array.from([...varint(count << 1), 0]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}
