/** Seeds on all cores: each thread runs one range after another. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedBatch, SeedRange } from './seed-worker.ts';

const SCRIPT = new URL('./seed-worker.ts', import.meta.url);

/** Runs all ranges, and tells of each as it ends; after a failure nothing new is begun. */
export async function runRanges(ranges: Iterable<SeedRange>, onBatch: (batch: SeedBatch) => void): Promise<void> {
  const iterator = ranges[Symbol.iterator]();
  let hasFailed = false;
  const work = async () => {
    const worker = new Worker(SCRIPT);
    try {
      for (let next = iterator.next(); !next.done && !hasFailed; next = iterator.next()) {
        const batch = await runOne(worker, next.value);
        hasFailed ||= batch.failure !== null;
        onBatch(batch);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

function runOne(worker: Worker, range: SeedRange): Promise<SeedBatch> {
  return new Promise((resolve, reject) => {
    const onMessage = (batch: SeedBatch) => {
      worker.off('error', reject);
      resolve(batch);
    };
    worker.once('message', onMessage).once('error', reject);
    worker.postMessage(range);
  });
}
