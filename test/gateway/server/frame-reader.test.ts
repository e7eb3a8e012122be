import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../lib/buffer-pool.ts';
import { systemClock as clock } from '../../../lib/clock.ts';
import { FrameReader } from '../../../lib/gateway/server/frame-reader.ts';
import { MemoryBudget } from '../../../lib/gateway/server/memory-budget.ts';

const MEMORY_BYTES = 200_000;

function stage() {
  const memory = new MemoryBudget(MEMORY_BYTES);
  const frames: Uint8Array[] = [];
  const reader = new FrameReader({
    memory,
    buffers: new BufferPool({ keptBytes: 0 }),
    clock,
    frameMs: 60_000,
    isPaused: () => false,
    maxBytes: () => 1_000_000,
    onFrame: ({ bytes, release }) => {
      frames.push(bytes.slice());
      release();
    },
    onMalformed: (error) => {
      throw error;
    },
    onWait() {},
    onReady() {},
  });
  return { memory, frames, reader };
}

/** A request with its size before it; what is in it tells every place from its neighbours. */
function framed(size: number): Buffer {
  const bytes = Buffer.alloc(4 + size);
  bytes.writeUInt32BE(size);
  for (let at = 0; at < size; at++) bytes[4 + at] = (at * 31 + (at >> 8)) & 0xff;
  return bytes;
}

describe('a reader of frames', () => {
  it.each([
    ['GET / HTTP/1.1', /bytes \(it begins as HTTP does\)/],
    ['\x16\x03\x01\x02\x00\x01', /bytes \(it begins as TLS does, and nothing is encrypted here\)/],
    ['\x7f\xff\xff\xff', /bytes \(8 to 1000000 are taken\)/],
  ])('says what it takes %j for', (text, message) => {
    expect(() => stage().reader.give(Buffer.from(text, 'latin1'))).toThrow(message);
  });

  // A small one has begun when the memory is full; a large one waits before it begins, with its size or a part of it at hand.
  it.each([
    ['small', 1_000, 14],
    ['small', 1_000, 4],
    ['small', 1_000, 2],
    ['large', 100_000, 4],
    ['large', 100_000, 70_000],
  ])('loses nothing of a %s request of %i bytes of which %i were there when the memory was full', (_, size, first) => {
    const { memory, frames, reader } = stage();
    const giveBack = memory.count(MEMORY_BYTES + 1);
    const bytes = framed(size);
    reader.give(bytes.subarray(0, first));
    reader.give(Buffer.concat([bytes.subarray(first), framed(500).subarray(0, 100)]));
    giveBack();
    reader.give(framed(500).subarray(100));
    expect(frames.map((frame) => Buffer.from(frame))).toEqual([bytes.subarray(4), framed(500).subarray(4)]);
    expect(memory.usedBytes).toBe(0);
    reader.end();
  });
});
