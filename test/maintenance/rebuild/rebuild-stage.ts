/** A log that loses its tables. */
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { type RebuildRequest, rebuild } from '../../../lib/maintenance/rebuild/rebuild.ts';
import type { RebuildReport } from '../../../lib/maintenance/rebuild/rebuild-report.ts';
import type { FaultyStoreOptions } from '../../log/faulty-store.ts';
import { type MaintenanceStage, maintenanceStage } from '../maintenance-stage.ts';

/** Everything is gone but the objects. */
export async function withoutTables(
  before: MaintenanceStage,
  faults: Omit<FaultyStoreOptions, 'clock'> = {},
): Promise<MaintenanceStage> {
  const after = maintenanceStage(faults, { clock: before.clock, seed: 12 });
  for (const key of await before.objects()) {
    const bytes = await before.base.objects.get(key, 0, 1e9);
    await after.base.objects.put(key, bytes!);
  }
  return after;
}

/** Names by the ids that topics have. */
export async function namesOf(before: MaintenanceStage): Promise<NonNullable<RebuildRequest['topics']>> {
  const named = new Map<string, { name: string; partitionCount: number }>();
  for (const name of await before.base.topics.list(null, 1_000)) {
    const { topicId, partitionCount } = (await before.base.topics.get(name))!;
    named.set(topicId, { name, partitionCount });
  }
  return named;
}

/** Loses the tables, and rebuilds them under the old names. */
export async function loseAndRebuild(
  before: MaintenanceStage,
  request: RebuildRequest = {},
): Promise<{ readonly after: MaintenanceStage; readonly report: RebuildReport }> {
  const after = await withoutTables(before);
  const report = await rebuild(after.deps, { topics: await namesOf(before), ...request });
  return { after, report };
}

export const partitionOf = (report: RebuildReport, name: string, partition = 0) =>
  report.topics.find((topic) => topic.name === name)!.partitions[partition]!;

/** All chunks, however many. */
export async function allChunks(stage: MaintenanceStage, key: PartitionKey) {
  return stage.base.chunks.query(key, { order: 'ascending', limit: 100_000, consistent: true });
}
