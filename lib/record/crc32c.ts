/**
 * CRC-32C (Castagnoli), the checksum of record batches and segments: RFC 3720 appendix B.4, KIP-98.
 *
 * Computed by a WebAssembly module over a small memory of its own into which the bytes are copied block by block: the copy stays in
 * the processor's cache and costs far less than a slower loop over the bytes where they lie.
 */
import { crc32cModule } from './crc32c-module.ts';
import { type CrcUpdate, crc32cScript } from './crc32c-script.ts';
import { crc32cTables } from './crc32c-tables.ts';
import { createMemory, instantiate, PAGE_BYTES } from './web-assembly.ts';

const TABLES_BYTES = 16 * 1024;
const BLOCK_BYTES = PAGE_BYTES - TABLES_BYTES;

type ModuleUpdate = (register: number, position: number, end: number) => number;

/** The CRC by WebAssembly; throws what `WebAssembly` throws where it is missing or forbidden. */
export function crc32cWebAssembly(): CrcUpdate {
  const memory = createMemory(1);
  const { u: update } = instantiate<{ u: ModuleUpdate }>(crc32cModule(), memory);
  const tables = crc32cTables();
  new Int32Array(memory.buffer, 0, tables.length).set(tables);
  const block = new Uint8Array(memory.buffer, TABLES_BYTES, BLOCK_BYTES);

  return (register, bytes) => {
    const { length } = bytes;
    if (length <= BLOCK_BYTES) {
      block.set(bytes);
      return update(register, TABLES_BYTES, TABLES_BYTES + length);
    }
    let crc = register;
    for (let position = 0; position < length; position += BLOCK_BYTES) {
      const part = bytes.subarray(position, position + BLOCK_BYTES);
      block.set(part);
      crc = update(crc, TABLES_BYTES, TABLES_BYTES + part.length);
    }
    return crc;
  };
}

function fastest(): CrcUpdate {
  try {
    return crc32cWebAssembly();
  } catch {
    // `--jitless` and some hardened run times have no WebAssembly; the answer is the same, only slower.
    return crc32cScript();
  }
}

const update = fastest();

/** The CRC-32C of some bytes, unsigned; `seed` is the CRC of what comes before them, 0 by default. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  return ~update(~seed, bytes) >>> 0;
}
