import { describe, expect, it } from 'vitest';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { forkTopic } from '../../../lib/maintenance/fork-topic.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { AT_ONCE, cleanStage, readAs } from './clean-stage.ts';

/** Two chunks of two batches, of which hardly anything is left; and one behind them. */
async function cleaned() {
  const stage = cleanStage();
  const [partition] = await stage.topic('table', { config: AT_ONCE });
  await stage.write(partition!, [
    ['a=1', 'b=1', 'c=1'],
    ['a=2', 'd=1', 'b=2'],
  ]);
  await stage.write(partition!, [
    ['a=3', 'd=2'],
    ['b=3', 'e=1', 'a=4'],
  ]);
  await stage.compact();
  await stage.write(partition!, [['d=3']]);
  await stage.compact();
  await stage.clean();
  return { stage, partition: partition! };
}

/** All that a reader gets who follows the offsets that he is told; whoever is told no new one would never come to the end. */
async function readAll(stage: Awaited<ReturnType<typeof cleaned>>['stage'], partition: PartitionKey, domain: string) {
  const fetcher = new Fetcher({ store: stage.base, clock: stage.clock, random: stage.random });
  const read: string[] = [];
  const { next } = await stage.head(partition);
  for (let offset = 0n; offset < next; ) {
    const target = { partition, domain, offset, maxBytes: 1 };
    const [fetched] = await fetcher.fetch([target], { maxBytes: 1, consistent: true });
    if (fetched!.outcome === 'failed') throw fetched!.error;
    const last = decodeBatch(fetched!.batches.at(-1)!).header;
    for (const bytes of fetched!.batches) {
      read.push(...[...decodeBatch(bytes)].filter((record) => record.offset >= offset).map(readAs));
    }
    const reached = last.baseOffset + BigInt(last.lastOffsetDelta) + 1n;
    expect(reached, `a client of Kafka at ${offset}`).toBeGreaterThan(offset);
    offset = reached;
  }
  return read;
}

describe('a fork of a topic that was compacted by key', () => {
  it('ends anywhere, with the records of its source below, and every client comes to its end', async () => {
    const { stage, partition } = await cleaned();
    const all = await readAll(stage, partition, 'shared');
    expect(all.length).toBeLessThan(8);
    const { next } = await stage.head(partition);
    for (let end = 0n; end <= next; end++) {
      const name = `fork-${end}`;
      const { partitions } = await forkTopic(stage.deps, {
        source: 'table',
        name,
        at: { offsets: new Map([[0, end]]) },
      });
      const { topicId, domain } = (await stage.base.topics.get(name))!;
      const read = await readAll(stage, { topicId, partition: 0 }, domain);
      expect(read).toEqual(all.filter((one) => BigInt(one.split(' ', 1)[0]!) < end));
      expect(partitions[0]!.highWatermark).toBeLessThanOrEqual(end);
    }
    expect(await stage.damages()).toEqual([]);
  });

  it('is compacted by key as its source is', async () => {
    const { stage } = await cleaned();
    await forkTopic(stage.deps, { source: 'table', name: 'fork' });
    const { topicId, domain } = (await stage.base.topics.get('fork'))!;
    const partition = { topicId, partition: 0 };
    const before = await readAll(stage, partition, domain);
    await stage.clean();
    const after = await readAll(stage, partition, domain);
    expect(before).toEqual(expect.arrayContaining(after));
    expect(await stage.damages()).toEqual([]);
  });
});
