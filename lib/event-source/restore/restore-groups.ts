import { type Group, partitionText } from '../../group/group.ts';
import { inParallel, mapInParallel } from '../../log/in-parallel.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import { readOrDamage } from '../../maintenance/read-or-damage.ts';
import type { SubscriptionName } from '../function-subscriptions.ts';
import type { Lease } from '../lease.ts';
import type { OldGroups, RestoreDeps, RestoredCount, RestoreRequest } from './restore-deps.ts';
import { isRestored, type RestoredOffset, restoredGroup, restoredOffset } from './restore-plan.ts';

/** What became of the groups. */
export interface RestoredGroups extends RestoredCount {
  /** Partitions in which something was committed, of the groups that were restored. */
  readonly offsets: number;
  /** The subscriptions that the groups of the backup are of. */
  readonly subscriptions: readonly SubscriptionName[];
}

/** Names, and offsets, of one query. */
const PAGE = 1_000;
const PARALLEL = 16;

/**
 * Makes the groups of a backup again, with what they have committed. One that is there is left as it is, unless a run before this one has made it.
 *
 * Requests: a read and a conditional write for each group, a query for 1,000 offsets, a write for each, and two more where a worker remembers something. Throws what the store throws after ten attempts.
 */
export async function restoreGroups(
  deps: RestoreDeps,
  from: OldGroups,
  request: RestoreRequest,
): Promise<RestoredGroups> {
  const counts = { restored: 0, there: 0, offsets: 0 };
  const subscriptions: SubscriptionName[] = [];
  for (let after: string | null = null; ; ) {
    const { answer: names } = await repeatRequest(deps, () => from.groups.list(after, PAGE));
    if (names.length === 0) return { ...counts, subscriptions };
    for (const name of names) {
      const read = await readOrDamage(deps, () => from.groups.get(name));
      if ('damage' in read) request.onDamagedItem(`group ${name}`, read.damage);
      const old = 'answer' in read ? read.answer : null;
      if (old === null || old.state === 'deleting') continue;
      if (old.kind === 'subscription')
        subscriptions.push(...old.topics.map(({ topicId }) => ({ topicId, group: name })));
      const group = restoredGroup(old, request.names);
      if (await makeGroup(deps, group, request)) {
        counts.restored += 1;
        counts.offsets += await restoreOffsets(deps, from, { ...request, group });
      } else counts.there += 1;
      await request.onProgress();
    }
    after = names.at(-1)!;
  }
}

/** Whether it is to be filled. */
async function makeGroup(deps: RestoreDeps, group: Group, { dryRun }: RestoreRequest): Promise<boolean> {
  const { groups } = deps.store;
  if (dryRun) return (await repeatRequest(deps, () => groups.get(group.name))).answer === null;
  const { answer } = await repeatRequest(deps, () => groups.create(group));
  return answer.outcome === 'done' || isRestored(answer.item, group);
}

async function restoreOffsets(
  deps: RestoreDeps,
  from: OldGroups,
  request: RestoreRequest & { readonly group: Group },
): Promise<number> {
  const nowMs = Math.floor(deps.store.serverClock.nowMs());
  let count = 0;
  for await (const page of oldLeases(deps, from, request)) {
    count += page.length;
    if (request.dryRun) continue;
    await inParallel(page, PARALLEL, (lease) =>
      writeOffset(deps, { group: request.group.name, lease }, restoredOffset(lease, { ...request, nowMs })),
    );
    await request.onProgress();
  }
  return count;
}

/** What a group has committed. Where one of a page is damaged, those of the topics that the group knows are read one by one. */
async function* oldLeases(
  deps: RestoreDeps,
  { leases }: OldGroups,
  { group, onDamagedItem }: RestoreRequest & { readonly group: Group },
): AsyncGenerator<readonly Lease[]> {
  const { name } = group;
  const given = new Set<string>();
  for (let after: PartitionKey | null = null; ; ) {
    const read = await readOrDamage(deps, () => leases.list(name, after, PAGE));
    if ('damage' in read) break;
    if (read.answer.length === 0) return;
    for (const { partition } of read.answer) given.add(partitionText(partition));
    yield read.answer;
    after = read.answer.at(-1)!.partition;
  }
  for (const { name: topic, topicId, partitionCount } of group.topics) {
    const found = await mapInParallel([...Array(partitionCount).keys()], PARALLEL, async (partition) => {
      const place = { group: name, partition: { topicId, partition } };
      if (given.has(partitionText(place.partition))) return [];
      const one = await readOrDamage(deps, () => leases.readMany([place]));
      if ('answer' in one) return one.answer.flatMap((lease) => lease ?? []);
      onDamagedItem(`the offset of group ${name} in ${topic}-${partition}`, one.damage);
      return [];
    });
    yield found.flat();
  }
}

async function writeOffset(
  deps: RestoreDeps,
  { group, lease: { partition } }: { readonly group: string; readonly lease: Lease },
  { claim, commit, remembered }: RestoredOffset,
): Promise<void> {
  const { offsets, leases } = deps.store;
  await repeatRequest(deps, () => offsets.claim(group, partition, claim));
  if (commit !== null) await repeatRequest(deps, () => offsets.commit(group, partition, commit));
  if (remembered === null) return;
  await repeatRequest(deps, () => leases.take(group, partition, remembered.take));
  await repeatRequest(deps, () => leases.update(group, partition, remembered.update));
}
