/**
 * CRC-32 (the one of zlib, Ethernet and `x-amz-checksum-crc32`) of two byte strings one after the other, from the CRC of
 * each: for a body whose first part is made last.
 *
 * A CRC is linear: that of `a` followed by `n` zero bytes, xor that of `b`, where `b` has `n` bytes. Appending one zero
 * bit is a linear map of 32 bits to 32 bits; squaring it again and again appends any number of them.
 */

/** A map of 32 bits to 32 bits: what becomes of each single bit. */
type BitMap = Uint32Array;

const BITS = 32;
/** The polynomial, bits reversed. */
const POLYNOMIAL = 0xed_b8_83_20;

/** The CRC-32 of everything; `secondLength` in octets. */
export function combineCrc32(first: number, second: number, secondLength: number): number {
  let crc = first;
  let zeros = appendZeroByte();
  for (let left = secondLength; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) crc = apply(zeros, crc);
    zeros = squared(zeros);
  }
  return (crc ^ second) >>> 0;
}

function appendZeroByte(): BitMap {
  const bit = new Uint32Array(BITS);
  bit[0] = POLYNOMIAL;
  for (let i = 1; i < BITS; i++) bit[i] = 1 << (i - 1);
  return squared(squared(squared(bit)));
}

function squared(map: BitMap): BitMap {
  return map.map((bits) => apply(map, bits));
}

function apply(map: BitMap, bits: number): number {
  let result = 0;
  for (let i = 0, left = bits >>> 0; left !== 0; i++, left >>>= 1) {
    if (left % 2 === 1) result ^= map[i] ?? 0;
  }
  return result >>> 0;
}
