/** A log that loses its tables. */
import { MillraceError } from '../../../lib/errors.ts';
import { type Chunk, MAX_OFFSET } from '../../../lib/log/chunk.ts';
import type { Head } from '../../../lib/log/head.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import type { Topic } from '../../../lib/log/topic.ts';
import type { OldTables } from '../../../lib/maintenance/rebuild/old-tables.ts';
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

/** The tables as they are now, as a backup has them later. */
export async function savedTables({ base }: MaintenanceStage): Promise<OldTables> {
  const topics = new Map<string, Topic>();
  const heads = new Map<string, Head>();
  const chunks = new Map<string, readonly Chunk[]>();
  for (const name of await base.topics.list(null, 1_000)) {
    const topic = (await base.topics.get(name))!;
    topics.set(name, topic);
    for (let partition = 0; partition < topic.partitionCount; partition++) {
      const key = { topicId: topic.topicId, partition };
      const head = await base.heads.read(key, { consistent: true });
      if (head !== null) heads.set(partitionPk(key), head);
      chunks.set(
        partitionPk(key),
        await base.chunks.query(key, { order: 'ascending', limit: 100_000, consistent: true }),
      );
    }
  }
  const query: OldTables['chunks']['query'] = async (key, { fromBase = 0n, toBase = MAX_OFFSET, limit }) =>
    (chunks.get(partitionPk(key)) ?? []).filter(({ base: at }) => at >= fromBase && at <= toBase).slice(0, limit);
  return {
    topics: {
      get: async (name) => topics.get(name) ?? null,
      list: async (after) => [...topics.keys()].filter((name) => after === null || name > after).toSorted(),
    },
    heads: { read: async (key) => heads.get(partitionPk(key)) ?? null },
    chunks: { query } as OldTables['chunks'],
  };
}

/** What cannot be read of tables: each store throws for a page as soon as one of its items is damaged. */
export interface SpoiltItems {
  readonly topics?: readonly string[];
  readonly heads?: readonly PartitionKey[];
  /** By their bases, of any partition. */
  readonly chunks?: readonly bigint[];
}

/** The tables with damaged items. */
export function spoilt(from: OldTables, { topics = [], heads = [], chunks = [] }: SpoiltItems): OldTables {
  const corrupt = (what: string) => new MillraceError('CORRUPT_OBJECT', `${what} is damaged`);
  return {
    topics: {
      ...from.topics,
      get: async (name) => {
        if (topics.includes(name)) throw corrupt(name);
        return from.topics.get(name);
      },
    },
    heads: {
      read: async (key, options) => {
        if (heads.some((one) => partitionPk(one) === partitionPk(key))) throw corrupt('the head');
        return from.heads.read(key, options);
      },
    },
    chunks: {
      ...from.chunks,
      query: async (key, query) => {
        const page = await from.chunks.query(key, query);
        if (page.some(({ base }) => chunks.includes(base))) throw corrupt('a chunk');
        return page;
      },
    },
  };
}
