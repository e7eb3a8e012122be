import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { faultyStore } from '../log/faulty-store.ts';
import { openStage, TOPIC } from './client-stage.ts';

const program = fileURLToPath(new URL('./memory-run.ts', import.meta.url));
const MIB = 1024 * 1024;

interface Taken {
  readonly sent: number;
  readonly read: number;
  readonly baselineMiB: number;
  readonly peakMiB: number;
}

async function takenBy(count: number, bufferBytes: number): Promise<Taken> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-memory-'));
  try {
    const args = ['--expose-gc', program, join(directory, 'log'), String(count), String(bufferBytes)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Taken;
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('memory', () => {
  it('stays within the configured buffers and 100 MB, however many records pass', { timeout: 180_000 }, async () => {
    const many = await takenBy(1_000_000, 4 * MIB);
    expect([many.sent, many.read]).toEqual([1_000_000, 1_000_000]);
    // 4 MiB of producer, 8 MiB of read-ahead, above the process as it was before the first record.
    expect(many.peakMiB - many.baselineMiB).toBeLessThan(4 + 8 + 100e6 / MIB);
    const few = await takenBy(250_000, 4 * MIB);
    // The 750,000 records more have 75 MiB.
    expect(many.peakMiB - few.peakMiB).toBeLessThan(25);
  });

  it('grows with the partitions that are touched, and not with those of the topic', async () => {
    const asked = new Set<number>();
    const { millrace } = await openStage({
      partitionCount: 100_000,
      wrap: (store) =>
        faultyStore(store, {
          clock: systemClock,
          onCall: ({ operation, arguments: args }) => {
            const partitions = [args[0]].flat() as Partial<PartitionKey>[];
            if (!operation.startsWith('heads.')) return;
            for (const { partition } of partitions) if (partition !== undefined) asked.add(partition);
          },
        }).store,
    });
    const touched = [0, 5, 50_000, 99_999];
    const producer = millrace.producer();
    const reader = millrace.reader({ stopAtEnd: true });
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 200; n++) {
      const round = touched.map((partition) => producer.send({ topic: TOPIC, partition, value: 'x'.repeat(100) }));
      await Promise.all(round);
    }
    expect(producer.bufferedBytes).toBe(0);
    await reader.assign(touched.map((partition) => ({ topic: TOPIC, partition })));
    let read = 0;
    for await (const { topic } of reader) read += topic === TOPIC ? 1 : 0;
    expect(read).toBe(800);
    expect([...asked].toSorted((a, b) => a - b)).toEqual(touched);
    // One object for each partition of the topic would be more than 10 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * MIB);
  });
});
