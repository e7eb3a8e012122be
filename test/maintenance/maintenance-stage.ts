/** A store in memory with topics that have records, and maintenance of it under a clock that a test sets. */

import { Appender } from '../../lib/log/appender.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { verifyTopic } from '../../lib/log/verify-topic.ts';
import type { MaintenanceDeps } from '../../lib/maintenance/maintenance-deps.ts';
import { type MaintenanceOptions, runMaintenance } from '../../lib/maintenance/run-maintenance.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { type FaultyStoreOptions, faultyStore } from '../log/faulty-store.ts';
import { batchOf, large } from '../log/log-stage.ts';
import { seededRandom } from '../log/topic-stage.ts';
import { FakeClock } from '../segment/fake-clock.ts';

export const START_MS = Date.UTC(2026, 0, 1);
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export type MaintenanceStage = ReturnType<typeof maintenanceStage>;

/** Makes one. Sleeping takes no time, but the clock passes. */
export function maintenanceStage(
  faults: Omit<FaultyStoreOptions, 'clock'> = {},
  { clock = new FakeClock(START_MS), seed = 11 }: { readonly clock?: FakeClock; readonly seed?: number } = {},
) {
  const random = seededRandom(seed);
  const meter = new UsageMeter();
  const base = memoryStore({ clock, meter });
  const faulty = faultyStore(base, { clock, ...faults });
  const deps: MaintenanceDeps = { store: faulty.store, clock, random };
  const admin = new TopicAdmin({ store: base, clock, random });
  const head = async (partition: PartitionKey) => (await base.heads.read(partition, { consistent: true }))!;
  const objects = async () => {
    const keys: string[] = [];
    for (;;) {
      const page = await base.objects.list('', keys.at(-1) ?? null, 1_000);
      if (page.length === 0) return keys;
      keys.push(...page.map(({ key }) => key));
    }
  };
  return {
    clock,
    random,
    meter,
    base,
    faulty,
    deps,
    admin,
    head,
    objects,
    chunks: (partition: PartitionKey) =>
      base.chunks.query(partition, { order: 'ascending', limit: 1_000, consistent: true }),
    /** A topic with so many partitions; returns their keys. */
    async topic(
      name: string,
      {
        partitionCount = 1,
        config = {},
        domain = 'shared',
      }: { partitionCount?: number; config?: Record<string, string>; domain?: string } = {},
    ): Promise<readonly PartitionKey[]> {
      const { topicId } = await admin.createTopic({ name, partitionCount, config, domain });
      return Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }));
    },
    /** Appends records one by one, each with an object of its own, at the time of the clock, and rolls them into a chunk. */
    async append(
      partition: PartitionKey,
      values: readonly string[],
      { roll = true, domain = 'shared', inline = false } = {},
    ) {
      const appender = new Appender({ store: base, clock, random });
      const inlineMaxBytes = inline ? 1_024 : 0;
      for (const value of values) {
        const batches = batchOf([inline ? value : large(value, 200)], [Math.floor(clock.nowMs())]);
        await appender.append({ target: { partition, domain, inlineMaxBytes }, batches });
      }
      await appender.close();
      if (roll) await rollTail(base, partition, await head(partition));
    },
    run: (options: Partial<MaintenanceOptions> = {}) =>
      runMaintenance(deps, { deadlineMs: Number.POSITIVE_INFINITY, ...options }),
    /** Damage of all topics, to the last byte. */
    async damages(): Promise<readonly unknown[]> {
      const verifying = { store: base, clock, random };
      const found = [];
      for (const name of await admin.listTopics()) {
        const { partitions, damages } = await verifyTopic(verifying, name, { deep: true });
        found.push(...damages, ...partitions.flatMap((one) => one.damages));
      }
      return found;
    },
  };
}
