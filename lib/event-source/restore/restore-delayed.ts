/**
 * Delayed records beside a log that was rebuilt: those of a backup are stored again, and all that wait are announced. Due minutes stand in the table of the log, which was lost, so without that nobody would come for what waits.
 *
 * Each record is stored IF there is nothing under its key, and its minute is rung behind it: a ring that came before could be heard, and its minute removed, while the record is still on its way.
 */
import { minuteOf } from '../../delay/due-minute.ts';
import { type DueRecord, objectKeyOf } from '../../delay/due-record.ts';
import { ALWAYS_MS, type DueRecords } from '../../delay/due-records.ts';
import { freshUuid } from '../../log/fresh-uuid.ts';
import { inParallel, mapInParallel } from '../../log/in-parallel.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import { readOrDamage } from '../../maintenance/read-or-damage.ts';
import type { OldGroups, RestoreDeps, RestoredCount, RestoreRequest } from './restore-deps.ts';
import { DUE_PAGE } from './restore-plan.ts';

/** What became of delayed records that wait. */
export interface RestoredDelayed extends RestoredCount {
  /** Of those that were restored: due before now. They may have been delivered since the backup was made. */
  readonly overdue: number;
  /** Their bytes stood in objects that are gone: they were delivered or cancelled since. */
  readonly gone: number;
  /** They wait for a topic of another name than theirs has now: nobody is told of them. */
  readonly misnamed: number;
}

type Counts = { -readonly [K in keyof RestoredDelayed]: RestoredDelayed[K] };

/** What is restored. */
export interface RestoreDelayedRequest extends RestoreRequest {
  readonly topics: readonly Topic[];
}

const PARALLEL = 16;

/**
 * See the top of this file. `from`: null where there is no backup of them.
 *
 * Requests: for each partition a query or two of each table, and a read; a write for each KB of a record, and one for each minute in which something is due; a read for each object. Throws what the store throws after ten attempts.
 */
export async function restoreDelayed(
  deps: RestoreDeps,
  from: OldGroups | null,
  request: RestoreDelayedRequest,
): Promise<RestoredDelayed> {
  const counts: Counts = { restored: 0, there: 0, overdue: 0, gone: 0, misnamed: 0 };
  for (const topic of request.topics) {
    await inParallel(Array(topic.partitionCount).keys(), PARALLEL, async (partition) => {
      const one = { ...request, topic, partition: { topicId: topic.topicId, partition }, counts };
      if (from !== null) await restorePartition(deps, from, one);
      if (!request.dryRun) await announcePartition(deps, one);
    });
    await request.onProgress();
  }
  return counts;
}

interface OnePartition extends RestoreRequest {
  readonly topic: Topic;
  readonly partition: PartitionKey;
  readonly counts: Counts;
}

async function restorePartition(deps: RestoreDeps, from: OldGroups, request: OnePartition): Promise<void> {
  const { partition, topic, counts, dryRun, onDamagedItem } = request;
  const { dueRecords, objects, serverClock } = deps.store;
  const nowMs = serverClock.nowMs();
  const horizon = await readOrDamage(deps, () => from.dueRecords.readHorizon(partition));
  if ('damage' in horizon) onDamagedItem(`the horizon of ${topic.name}-${partition.partition}`, horizon.damage);
  const horizonMs = 'answer' in horizon ? horizon.answer : 0;
  for await (const page of readableDue(deps, from.dueRecords, request)) {
    // What is due before the horizon waits no more.
    const live = page.filter(({ dueMs }) => dueMs >= horizonMs);
    await mapInParallel(live, PARALLEL, async (record) => {
      const isWaiting = record.state === 'waiting';
      const key = objectKeyOf(record);
      if (isWaiting && key !== null && (await repeatRequest(deps, () => objects.size(key))).answer === null) {
        counts.gone += 1;
        return;
      }
      const restored = isWaiting ? { ...record, topic: topic.name } : record;
      const isNew = dryRun
        ? (await repeatRequest(deps, () => dueRecords.get(partition, record))).answer === null
        : (await repeatRequest(deps, () => dueRecords.put(partition, restored))).answer.outcome === 'done';
      if (!isWaiting) return;
      counts[isNew ? 'restored' : 'there'] += 1;
      if (isNew && record.dueMs <= nowMs) counts.overdue += 1;
    });
    await request.onProgress();
  }
}

/** Rings each minute in which something waits. */
async function announcePartition(deps: RestoreDeps, request: OnePartition): Promise<void> {
  const { partition, topic, counts } = request;
  const { dueRecords, dueMinutes } = deps.store;
  let rungMs: number | null = null;
  for await (const page of readableDue(deps, dueRecords, request)) {
    for (const record of page) {
      if (record.state !== 'waiting') continue;
      if (record.topic !== topic.name) counts.misnamed += 1;
      const minuteMs = minuteOf(record.dueMs);
      if (record.topic !== topic.name || minuteMs === rungMs) continue;
      const stamp = freshUuid(deps.random);
      await repeatRequest(deps, () => dueMinutes.ring({ partition, minuteMs, stamp }));
      rungMs = minuteMs;
    }
    await request.onProgress();
  }
}

/** All that can be read, by due time. A query that meets a damaged one tells nothing of its neighbours, so its range is halved until it is a millisecond. */
async function* readableDue(
  deps: RestoreDeps,
  dueRecords: Pick<DueRecords, 'query'>,
  { partition, topic, onDamagedItem }: OnePartition,
): AsyncGenerator<readonly DueRecord[]> {
  const ranges: { fromMs: number; toMs: number; after: DueRecord | null }[] = [];
  for (let range: (typeof ranges)[number] | undefined = { fromMs: 0, toMs: ALWAYS_MS, after: null }; range; ) {
    const { fromMs, toMs, after } = range;
    const read = await readOrDamage(deps, () => dueRecords.query(partition, { fromMs, toMs, after, limit: DUE_PAGE }));
    if ('answer' in read) {
      if (read.answer.length > 0) {
        yield read.answer;
        ranges.push({ fromMs, toMs, after: read.answer.at(-1)! });
      }
    } else if (toMs - fromMs <= 1) {
      const what = `delayed records of ${topic.name}-${partition.partition} that are due at ${fromMs}`;
      onDamagedItem(what, read.damage);
    } else {
      const middleMs = Math.floor((fromMs + toMs) / 2);
      ranges.push({ fromMs: middleMs, toMs, after }, { fromMs, toMs: middleMs, after });
    }
    range = ranges.pop();
  }
}
