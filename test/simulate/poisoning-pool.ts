import { BufferPool } from '../../lib/buffer-pool.ts';

/** Nothing that any format begins with. */
const POISON = 0xdb;

/** Writes over a buffer. */
export function poison(block: Uint8Array): void {
  block.fill(POISON);
}

/** A pool that writes over what is given back: whoever still looks at it reads what nobody has written. */
export function poisoningPool(keptBytes = 16 * 1024 * 1024): BufferPool {
  return new BufferPool({ keptBytes, onGivenBack: poison });
}
