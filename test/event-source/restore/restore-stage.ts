/** A log with groups, subscriptions and delayed records beside it, which loses all its tables. */
import { delayedObjectKey } from '../../../lib/delay/delayed-object.ts';
import type { DueRecord } from '../../../lib/delay/due-record.ts';
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { subscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { emptyGroup, type Group } from '../../../lib/group/group.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { idAt } from '../../log/log-stage.ts';
import { HOUR_MS, type MaintenanceStage, maintenanceStage, START_MS } from '../../maintenance/maintenance-stage.ts';
import { savedTables, withoutTables } from '../../maintenance/rebuild/rebuild-stage.ts';

export const FUTURE_MS = START_MS + 1_000 * HOUR_MS;
const BATCH = new Uint8Array(100).fill(1);

export const waiting = (dueMs: number, at: number, content: object = { kind: 'batch', batch: BATCH }) =>
  ({ dueMs, id: idAt(at), state: 'waiting', topic: 'orders', sentMs: START_MS, content }) as DueRecord;

/** Groups of each kind, one subscription that works, and delayed records of each kind. */
export async function besideLog() {
  const stage = maintenanceStage();
  const [first, second] = (await stage.topic('orders', { partitionCount: 2 })) as [PartitionKey, PartitionKey];
  const { topicId } = first;
  await stage.append(first, ['a', 'b', 'c'], { inline: true, roll: false });
  const { groups, offsets, leases, subscriptions, dueRecords, objects, prefix } = stage.base;
  const topics = [{ name: 'orders', topicId, partitionCount: 2 }];
  const member = {
    ...{ id: 'm1', instanceId: null, clientId: 'program', topics: ['orders'], pattern: null },
    ...{ assignors: ['range' as const], sessionMs: 45_000 },
  };
  const consumers: Group = {
    ...emptyGroup('billing', '0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d01'),
    ...{ version: 9, generation: 7, assignor: 'range', topics, members: [member] },
    ...{ assignment: new Map([['m1', [first, second]]]), handovers: [{ partition: first, from: 'm0', since: 7 }] },
  };
  const classic: Group = {
    ...emptyGroup('kafka', '0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d02', 'classic'),
    ...{ generation: 3, topics, coordination: { gateway: 'gw', tenure: 't', state: { protocolType: 'consumer' } } },
  };
  const going: Group = { ...emptyGroup('going', '0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d03'), state: 'deleting' };
  const ofFunction: Group = { ...emptyGroup('mailer', '0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d04', 'subscription'), topics };
  for (const group of [consumers, classic, going, ofFunction]) await groups.create(group);
  const claim = { topic: 'orders', generation: 7, owner: 'm1', committed: null, atMs: 0 };
  await offsets.claim('billing', first, claim);
  await offsets.commit('billing', first, { generation: 7, sequence: 4, offset: 2n, metadata: 'at two', atMs: 123 });
  await offsets.claim('billing', second, claim);
  await offsets.claim('kafka', first, { ...claim, generation: 3, owner: 'gw', committed: 1n, atMs: 99 });
  const subscription: FunctionSubscription = {
    ...{ group: 'mailer', topic: 'orders', topicId, domain: 'shared', version: 4, target: 'mailer' },
    ...{ options: subscriptionOptions({ batchSize: 7 }, 'mailer'), retry: null },
  };
  await subscriptions.create(subscription);
  // One who works on it, and remembers something.
  const taken = { topic: 'orders', owner: 'worker', seen: 0, nowMs: START_MS, expiresAtMs: FUTURE_MS };
  await leases.take('mailer', first, taken);
  await leases.update('mailer', first, {
    ...{ owner: 'worker', epoch: 1, sequence: 1, committed: 1n, attempts: 2, progress: '{"some":"thing"}' },
    ...{ expiresAtMs: FUTURE_MS, notBeforeMs: START_MS + 5, atMs: 77 },
  });
  await leases.take('mailer', second, taken);
  await leases.update('mailer', second, {
    ...{ owner: 'worker', epoch: 1, sequence: 1, committed: 0n, attempts: 0, progress: '' },
    ...{ expiresAtMs: 0, notBeforeMs: 0, atMs: 78 },
  });
  const object = (at: number) => delayedObjectKey({ prefix, domain: 'shared' }, { dueMs: FUTURE_MS, id: idAt(at) });
  await objects.put(object(3), BATCH);
  const inObject = (at: number) => waiting(FUTURE_MS, at, { kind: 'object', key: object(at), lengthBytes: 100 });
  await dueRecords.raiseHorizon(first, START_MS - HOUR_MS);
  for (const record of [
    waiting(START_MS - 2 * HOUR_MS, 9),
    waiting(START_MS - 60_000, 1),
    waiting(FUTURE_MS, 2),
    inObject(3),
    inObject(4),
    { dueMs: FUTURE_MS, id: idAt(5), state: 'cancelled', objectKey: null } as const,
  ])
    await dueRecords.put(first, record);
  await dueRecords.put(second, waiting(FUTURE_MS + HOUR_MS, 6));
  return { stage, first, second, topicId, consumers, subscription };
}

/** The tables as they are now, as a backup has them, and the log without any. */
export async function lose(stage: MaintenanceStage, faults: Parameters<typeof withoutTables>[1] = {}) {
  const from = await savedTables(stage);
  const after = await withoutTables(stage, faults);
  // What it misses is asked of the store behind it.
  const deps = { ...after.deps, store: { ...after.base, ...after.faulty.store } };
  return { after, deps, request: { from, groupsFrom: stage.base } };
}
