import { describe, expect, it } from 'vitest';
import { AssignedPartition } from '../../lib/client/assigned-partition.ts';
import type { TopicRoute } from '../../lib/log/topic-directory.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { openStage, TOPIC } from './client-stage.ts';

const route = { name: TOPIC, topicId: 'id', domain: 'shared' } as TopicRoute;

/** A batch of records at `[from, to)`. */
function batch(from: number, to: number): Uint8Array {
  const records = Array.from({ length: to - from }, (_, index) => ({
    key: null,
    value: Buffer.from(String(from + index)),
    headers: [],
    timestampMs: 0n,
  }));
  return encodeBatch(records, { baseOffset: BigInt(from) });
}

function fetched(batches: readonly Uint8Array[], nextOffset: bigint, highWatermark: bigint) {
  return { outcome: 'ok', highWatermark, logStartOffset: 0n, batches, nextOffset } as const;
}

/** Offsets of everything that the partition gives out now. */
function drain(partition: AssignedPartition): bigint[] {
  const offsets: bigint[] = [];
  while (partition.hasQueued) {
    partition.open();
    for (let record = partition.next(); record !== null; record = partition.next()) offsets.push(record.offset);
  }
  return offsets;
}

describe('the position', () => {
  it('stays at the end where reading stopped, although more was fetched', async () => {
    // Whole entries are fetched, so the last fetch may bring records from behind the end. They were not given out, but the position passed them: whoever stored it and
    // went on from there lost them.
    const { millrace } = await openStage();
    const producer = millrace.producer();
    const send = (text: string) => producer.send({ topic: TOPIC, value: text });
    for (let n = 0; n < 20; n++) await send(`old ${n}`);
    const reader = millrace.reader({ stopAtEnd: true, partitionFetchBytes: 500, fetchBytes: 500, readAheadBytes: 1 });
    await reader.assign([{ topic: TOPIC }]);
    const offsets: bigint[] = [];
    for await (const { offset } of reader) {
      if (offsets.push(offset) === 3) for (let n = 0; n < 20; n++) await send(`new ${n}`);
    }
    expect(offsets.at(-1)).toBe(19n);
    expect(reader.position({ topic: TOPIC, partition: 0 })).toBe(20n);
    await millrace.close();
  });

  it('stays at the end inside a batch too', () => {
    const partition = new AssignedPartition(route, 0);
    partition.moveTo(0n);
    partition.endOffset = 3n;
    partition.accept(fetched([batch(0, 5), batch(5, 7)], 7n, 7n), true);
    expect(drain(partition)).toEqual([0n, 1n, 2n]);
    expect(partition.position).toBe(3n);
    expect(partition.isFinished).toBe(true);
  });

  it('passes a gap behind the last batch, so that reading ends', () => {
    // Compaction had taken the last records before the end. They were never given out, so the position never reached the end, and a reader that stops there waited for ever.
    const partition = new AssignedPartition(route, 0);
    partition.moveTo(0n);
    partition.accept(fetched([batch(0, 5)], 10n, 10n), true);
    expect(drain(partition)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(partition.position).toBe(10n);
    expect(partition.isFinished).toBe(true);
  });

  it('passes what was trimmed only behind what was fetched before', () => {
    // A trim met a reader that had fetched ahead. It went on behind the trim at once, and what it had fetched and not given out was passed over in silence.
    const partition = new AssignedPartition(route, 0);
    partition.moveTo(0n);
    partition.accept(fetched([batch(0, 3)], 3n, 20n), false);
    partition.skipTo(10n);
    expect(partition.fetchTarget(1000)?.offset).toBe(10n);
    expect(drain(partition)).toEqual([0n, 1n, 2n]);
    expect(partition.position).toBe(10n);
  });
});

describe('the high watermark', () => {
  it('does not go back when a head that was read is older than the one before', () => {
    const partition = new AssignedPartition(route, 0);
    partition.moveTo(0n);
    partition.accept(fetched([batch(0, 3)], 3n, 20n), false);
    partition.accept(fetched([batch(3, 5)], 5n, 12n), false);
    expect(partition.highWatermark).toBe(20n);
  });
});
