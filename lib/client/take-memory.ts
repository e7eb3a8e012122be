import type { BufferMemory } from './buffer-memory.ts';
import { bufferExhausted, largerThanBuffer } from './producer-errors.ts';

/** Takes memory for a record, when there is some. Throws MESSAGE_TOO_LARGE when there never can be, BUFFER_EXHAUSTED when there was none for `maxBlockMs` from `sinceMs` (monotonic). */
export async function takeMemory(
  memory: BufferMemory,
  bytes: number,
  sinceMs: number,
  maxBlockMs: number,
): Promise<void> {
  if (bytes > memory.totalBytes) throw largerThanBuffer(bytes, memory.totalBytes);
  if (memory.tryTake(bytes)) return;
  await new Promise<void>((resolve, reject) => {
    const expire = () => reject(bufferExhausted(memory, maxBlockMs));
    memory.wait({ bytes, deadlineMs: sinceMs + maxBlockMs, admit: resolve, expire });
  });
}
