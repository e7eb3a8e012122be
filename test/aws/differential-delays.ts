/** Random operations on delayed records and due minutes. */
import fc from 'fast-check';
import { type DueMinute, dueMinuteKey } from '../../lib/delay/due-minute.ts';
import { type DuePlace, timeText } from '../../lib/delay/due-record.ts';
import { releaseArgs, waitingRecord } from '../log/contract/delays.contract.ts';
import { idNumbered } from '../log/contract/fresh.ts';
import { broken, type Draw, type Ports, partitionAt, place } from './differential-model.ts';

/** Few, so that they are met again and again. */
const duePlace = fc.record({ dueMs: fc.constantFrom(10, 10, 20, 70_000), number: fc.constantFrom(1, 1, 2) });
/** More than are ever settled. */
const anyPlace = fc.record({ dueMs: fc.constantFrom(10, 20), number: fc.integer({ min: 1, max: 9 }) });
const placeOf = ({ dueMs, number }: { dueMs: number; number: number }): DuePlace => ({ dueMs, id: idNumbered(number) });

const content = fc.constantFrom(
  { kind: 'batch', batch: Uint8Array.of(1, 2) } as const,
  { kind: 'object', key: 'shared/delayed/0/x', lengthBytes: 9 } as const,
);

export const putDue = fc.record({ place, due: duePlace, content, isTrace: fc.constantFrom(false, false, true) }).map(
  ({ place: where, due, content: held, isTrace }): Draw =>
    async (world, ports) => {
      const partition = partitionAt(world, where);
      const at = placeOf(due);
      const record = isTrace
        ? ({ ...at, state: 'cancelled', objectKey: null } as const)
        : waitingRecord({ ...at, content: held });
      const current = await ports.dueRecords.get(partition, at);
      const ask = ({ dueRecords }: Ports) => dueRecords.put(partition, record);
      return { operation: 'put delayed', broken: broken({ 'no record': current === null }), ask };
    },
);

export const cancelDue = fc.record({ place, due: duePlace }).map(
  ({ place: where, due }): Draw =>
    async (world, ports) => {
      const partition = partitionAt(world, where);
      const current = await ports.dueRecords.get(partition, placeOf(due));
      const clauses = { 'record exists': current !== null, waits: current === null || current.state === 'waiting' };
      const ask = ({ dueRecords }: Ports) => dueRecords.cancel(partition, placeOf(due));
      return { operation: 'cancel delayed', broken: broken(clauses), ask };
    },
);

export const releaseDue = fc
  .record({
    place,
    /** Puts the records first, so that they wait if they are new. */
    isPrepared: fc.constantFrom(true, true, true, false),
    due: fc.uniqueArray(anyPlace, { minLength: 1, maxLength: 2, selector: (one) => timeText(one.dueMs) + one.number }),
    entry: fc.integer({ min: 20, max: 40 }),
    minId: fc.constantFrom(30, 30, 30, 1, 1, 2).map(idNumbered),
    tailEntriesCap: fc.constantFrom(90, 90, 90, 90, 1),
    tailBytesCap: fc.constantFrom(100_000, 100_000, 100_000, 100_000, 1),
  })
  .map(
    ({ place: where, isPrepared, due, entry, ...changes }): Draw =>
      async (world, ports) => {
        const partition = partitionAt(world, where);
        const places = due.map(placeOf);
        const prepared = isPrepared ? places.map((one) => waitingRecord(one)) : [];
        const head = await ports.heads.read(partition, { consistent: true });
        const found = await Promise.all(places.map((one) => ports.dueRecords.get(partition, one)));
        const clauses = {
          'head exists': head !== null,
          'id above floor': head === null || head.floor < changes.minId,
          'tail has room': head === null || head.tail.length < changes.tailEntriesCap,
          'tail has bytes': head === null || head.tailBytes < changes.tailBytesCap,
          'records wait': found.every((one) => (one === null ? isPrepared : one.state === 'waiting')),
        };
        const ask = async ({ dueRecords }: Ports) => {
          for (const record of prepared) await dueRecords.put(partition, record);
          return dueRecords.release(partition, releaseArgs(entry, places, changes));
        };
        return { operation: 'release delayed', broken: broken(clauses), ask };
      },
  );

export const lookAtDue = fc
  .record({ place, fromMs: fc.constantFrom(0, 10, 20), toMs: fc.constantFrom(5, 11, 80_000), due: fc.option(duePlace) })
  .map(
    ({ place: where, fromMs, toMs, due }): Draw =>
      async (world) => {
        const partition = partitionAt(world, where);
        const query = { fromMs, toMs, after: due && placeOf(due), limit: 100 };
        const ask = ({ dueRecords }: Ports) => dueRecords.query(partition, query);
        return { operation: 'query delayed', broken: [], ask };
      },
  );

export const forgetDue = fc.record({ place, due: duePlace }).map(
  ({ place: where, due }): Draw =>
    async (world) => {
      const ask = ({ dueRecords }: Ports) => dueRecords.forget(partitionAt(world, where), [placeOf(due)]);
      return { operation: 'forget delayed', broken: [], ask };
    },
);

export const raiseHorizon = fc.record({ place, beforeMs: fc.constantFrom(1, 2, 2, 3) }).map(
  ({ place: where, beforeMs }): Draw =>
    async (world, ports) => {
      const partition = partitionAt(world, where);
      const current = await ports.dueRecords.readHorizon(partition);
      const ask = ({ dueRecords }: Ports) => dueRecords.raiseHorizon(partition, beforeMs);
      return { operation: 'raise horizon', broken: broken({ 'horizon rises': current < beforeMs }), ask };
    },
);

const stamp = fc.constantFrom('a', 'b');
const minuteMs = fc.constantFrom(0, 60_000);

export const ringMinute = fc.record({ place, minuteMs, stamp }).map(
  ({ place: where, ...minute }): Draw =>
    async (world) => {
      const rung = { ...minute, partition: partitionAt(world, where) };
      const ask = async ({ dueMinutes }: Ports) => [await dueMinutes.ring(rung), await dueMinutes.list(10)];
      return { operation: 'ring minute', broken: [], ask };
    },
);

export const removeMinute = fc.record({ place, minuteMs, stamp, rung: fc.option(stamp) }).map(
  ({ place: where, rung, ...minute }): Draw =>
    async (world, ports) => {
      const removed = { ...minute, partition: partitionAt(world, where) };
      const { pk, sk } = dueMinuteKey(removed);
      const isIt = (one: DueMinute) => dueMinuteKey(one).pk === pk && dueMinuteKey(one).sk === sk;
      const current = rung ?? (await ports.dueMinutes.list(100)).find(isIt)?.stamp ?? minute.stamp;
      const ask = async ({ dueMinutes }: Ports) => {
        if (rung !== null) await dueMinutes.ring({ ...removed, stamp: rung });
        return dueMinutes.remove(removed);
      };
      return { operation: 'remove minute', broken: broken({ 'same stamp': current === minute.stamp }), ask };
    },
);
