import { BufferPool, type PooledBuffer } from '../../lib/buffer-pool.ts';
import { poison } from '../simulate/poisoning-pool.ts';

/** A pool that writes over what is given back, and knows what it has lent. */
export class LentBuffers extends BufferPool {
  lentBytes = 0;
  /** The most that was lent at a time. */
  peakBytes = 0;

  constructor(keptBytes = 16 * 1024 * 1024) {
    super({
      keptBytes,
      onGivenBack: (block) => {
        this.lentBytes -= block.length;
        poison(block);
      },
    });
  }

  override take(bytes: number): PooledBuffer {
    const taken = super.take(bytes);
    this.lentBytes += taken.bytes.buffer.byteLength;
    this.peakBytes = Math.max(this.peakBytes, this.lentBytes);
    return taken;
  }
}
