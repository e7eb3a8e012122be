/**
 * MurmurHash2, 32 bits, with the seed of Kafka's Java client (`org.apache.kafka.common.utils.Utils.murmur2`).
 *
 * Keys must land where Java's producer puts them, so this is Kafka's variant to the bit: little-endian words, and the length is mixed into the seed.
 */
const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;
const SHIFT = 24;

/** The hash of `bytes` as a signed 32-bit integer, as Java returns it. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const tail = length & ~3;
  let hash = SEED ^ length;
  for (let index = 0; index < tail; index += 4) {
    const word = bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24);
    const mixed = Math.imul(word, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed ^ (mixed >>> SHIFT), MULTIPLIER);
  }
  // The last one to three bytes, highest first.
  if (length - tail > 2) hash ^= bytes[tail + 2]! << 16;
  if (length - tail > 1) hash ^= bytes[tail + 1]! << 8;
  if (length - tail > 0) hash = Math.imul(hash ^ bytes[tail]!, MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
