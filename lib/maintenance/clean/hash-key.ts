import { hash } from 'node:crypto';

/** The first 128 bits of a key's SHA-256, into the four words of `into`, which is returned. */
export function hashKey(key: Uint8Array, into: Uint32Array): Uint32Array {
  const digest = hash('sha256', key, 'buffer');
  for (let word = 0; word < into.length; word++) into[word] = digest.readUInt32LE(word * 4);
  return into;
}
