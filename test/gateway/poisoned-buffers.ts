import { ReadBuffers } from '../../lib/log/read-memory.ts';

/** Not a record batch, wherever one looks at it. */
const POISON = 0xdb;

/** Buffers that are spoilt when they are given back, so that whoever still looks at one, or sends it, is found out; they know what they have lent. */
export class PoisonedBuffers extends ReadBuffers {
  lentBytes = 0;
  /** The most that was lent at a time. */
  peakBytes = 0;

  override take(lengthBytes: number): Uint8Array {
    const buffer = super.take(lengthBytes);
    this.lentBytes += buffer.length;
    this.peakBytes = Math.max(this.peakBytes, this.lentBytes);
    return buffer;
  }

  override giveBack(buffer: Uint8Array): void {
    this.lentBytes -= buffer.length;
    buffer.fill(POISON);
    super.giveBack(buffer);
  }
}
