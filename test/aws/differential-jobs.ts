/** Random operations on jobs of maintenance. */
import fc from 'fast-check';
import { broken, type Draw, type Ports } from './differential-model.ts';

const name = fc.constantFrom('retention', 'retention', 'retention', 'collection');
/** A job of 0 was released, one of 50 may have run out. */
const expiresAtMs = fc.constantFrom(0, 0, 50, 100);
const epochDelta = fc.constantFrom(-1, 0, 0, 0, 0, 1);

export const takeJob = fc.record({ name, epochDelta, owner: fc.constantFrom('a', 'b'), expiresAtMs }).map(
  ({ name: job, epochDelta: delta, owner, expiresAtMs: until }): Draw =>
    async (_world, ports) => {
      const current = await ports.jobs.read(job);
      const seen = Math.max(0, (current?.epoch ?? 0) + delta);
      const clauses = current
        ? { 'same epoch': current.epoch === seen, 'free or expired': current.expiresAtMs <= 50 }
        : { 'none was seen': seen === 0 };
      const args = { owner, seen, nowMs: 50, expiresAtMs: until };
      const ask = ({ jobs }: Ports) => jobs.take(job, args);
      return { operation: 'take job', broken: broken(clauses), ask };
    },
);

export const updateJob = fc
  .record({
    name,
    isOwner: fc.constantFrom(true, true, true, true, false),
    epochDelta,
    sequenceDelta: fc.constantFrom(-1, 0, 1, 1, 1, 2),
    dueAtMs: fc.constantFrom(0, 70),
    state: fc.constantFrom('', '{}'),
    expiresAtMs,
  })
  .map(
    ({ name: job, isOwner, epochDelta: delta, sequenceDelta, ...rest }): Draw =>
      async (_world, ports) => {
        const current = await ports.jobs.read(job);
        const epoch = Math.max(0, (current?.epoch ?? 1) + delta);
        const sequence = Math.max(0, (current?.sequence ?? 0) + sequenceDelta);
        const owner = isOwner ? (current?.owner ?? 'nobody') : 'somebody else';
        const clauses = current
          ? {
              'same owner': current.owner === owner,
              'same epoch': current.epoch === epoch,
              'sequence rises': current.sequence < sequence,
            }
          : { 'job exists': false };
        const ask = ({ jobs }: Ports) => jobs.update(job, { ...rest, owner, epoch, sequence });
        return { operation: 'update job', broken: broken(clauses), ask };
      },
  );

export const readJob = name.map(
  (job): Draw =>
    async () => {
      const ask = ({ jobs }: Ports) => jobs.read(job);
      return { operation: 'read job', broken: [], ask };
    },
);
