/** A topic with a record in each way to be stored, and forks of it. */
import { decodeEntry } from '../../lib/log/entry.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { type ForkRequest, forkTopic } from '../../lib/maintenance/fork-topic.ts';
import { parseBatchHeader } from '../../lib/record/batch-header.ts';
import { valuesIn } from '../log/log-stage.ts';
import { segments } from './collection-stage.ts';
import { type MaintenanceStage, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

export async function compact(stage: MaintenanceStage): Promise<void> {
  for (let pass = 0; pass < 3; pass++) {
    stage.clock.pass(20 * MINUTE_MS);
    await stage.run({ jobs: ['compaction'], evenIfNotDue: true, waitMs: 0 });
  }
}

/** Offset and value of each record. */
export async function recordsOf(stage: MaintenanceStage, name: string, partition = 0): Promise<readonly string[]> {
  const { topicId, domain } = (await stage.base.topics.get(name))!;
  const key = { topicId, partition };
  const { start, next } = await stage.head(key);
  const fetcher = new Fetcher({ store: stage.base, clock: stage.clock, random: stage.random });
  const records: string[] = [];
  for (let offset = start; offset < next; ) {
    const target = { partition: key, domain, offset, maxBytes: 1e9 };
    const [read] = await fetcher.fetch([target], { maxBytes: 1e9, consistent: true });
    if (read!.outcome === 'failed') throw read!.error;
    records.push(...valuesIn(read!.batches).map((value) => value.replace(/\.+$/, '')));
    const { baseOffset, lastOffsetDelta } = parseBatchHeader(read!.batches.at(-1)!);
    offset = baseOffset + BigInt(lastOffsetDelta) + 1n;
  }
  return records.filter((one) => BigInt(one.split(':', 1)[0]!) >= start);
}

export const keyOf = async (stage: MaintenanceStage, name: string, partition = 0): Promise<PartitionKey> => ({
  topicId: (await stage.base.topics.get(name))!.topicId,
  partition,
});
export const copiesOf = async (stage: MaintenanceStage) =>
  (await segments(stage)).filter((key) => key.startsWith('t-'));
export const fork = (stage: MaintenanceStage, request: Partial<ForkRequest> = {}) =>
  forkTopic(stage.deps, { source: 'orders', name: 'rehearsal', ...request });

/** A topic with a record in each way to be stored: compacted, in a segment, inline, and in the tail. */
export async function mixedStage(options: Parameters<typeof maintenanceStage>[0] = {}) {
  const stage = maintenanceStage(options);
  const partitions = await stage.topic('orders', { partitionCount: 2, config: { 'retention.bytes': '1000000' } });
  const [first, second] = [partitions[0]!, partitions[1]!];
  await stage.append(first, ['a', 'b']);
  await stage.append(first, ['c', 'd'], { inline: true });
  await stage.append(second, ['x']);
  await compact(stage);
  await stage.append(first, ['e', 'f']);
  await stage.append(first, ['g'], { inline: true, roll: false });
  await stage.append(first, ['h'], { roll: false });
  return { stage, first, second };
}
export const ALL = ['0:a', '1:b', '2:c', '3:d', '4:e', '5:f', '6:g', '7:h'];

/** Ids of all objects that a topic names. */
export async function namesOf(stage: MaintenanceStage, name: string): Promise<readonly string[]> {
  const { topicId, partitionCount } = (await stage.base.topics.get(name))!;
  const ids: string[] = [];
  for (let partition = 0; partition < partitionCount; partition++) {
    const key = { topicId, partition };
    const entries = [...(await stage.chunks(key)).flatMap((chunk) => chunk.entries), ...(await stage.head(key)).tail];
    for (const bytes of entries) {
      const entry = decodeEntry(bytes);
      if (entry.kind === 'reference') ids.push(entry.id);
    }
  }
  return ids;
}
