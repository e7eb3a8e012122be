/** Whatever workers, zombies and administrators do with a lease, in whatever order, its invariants hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../lib/event-source/lease.ts';
import {
  seekLeaseTransition,
  takeLeaseTransition,
  updateLeaseTransition,
} from '../../lib/event-source/lease-transitions.ts';
import type { Change } from '../../lib/log/head-transitions.ts';

const partition = { topicId: 'b5a2f1de-0d4e-4c7a-9c55-0a4b4f6e8d10', partition: 0 };
const small = fc.integer({ min: 0, max: 6 });
const offset = fc.bigInt({ min: 0n, max: 9n });
const time = fc.integer({ min: 0, max: 20 });

// Mostly the same, so that updates come about.
const worker = fc.constantFrom('one', 'one', 'one', 'one', 'one', 'other');

interface Stepped {
  readonly kind: string;
  readonly owner?: string;
  readonly change: Change<Lease>;
}
type Step = (current: Lease | undefined) => Stepped;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ owner: worker, seen: small, nowMs: time, expiresAtMs: time }).map(
    (args): Step =>
      (current) => ({
        kind: 'take',
        change: takeLeaseTransition(current, partition, { topic: 't', ...args }),
      }),
  ),
  fc
    .record({
      owner: worker,
      epochDelta: fc.constantFrom(-1, 0, 0, 0, 1),
      sequenceDelta: fc.constantFrom(-1, 0, 1, 1, 2),
      committed: fc.option(offset),
      attempts: small,
      expiresAtMs: time,
    })
    .map(
      ({ epochDelta, sequenceDelta, ...rest }): Step =>
        (current) => {
          const epoch = (current?.generation ?? 1) + epochDelta;
          const sequence = (current?.sequence ?? 0) + sequenceDelta;
          const args = { ...rest, epoch, sequence, progress: '', notBeforeMs: 0, atMs: 1 };
          return { kind: 'update', owner: args.owner, change: updateLeaseTransition(current, args) };
        },
    ),
  fc.record({ seen: small, committed: offset }).map(
    (args): Step =>
      (current) => ({
        kind: 'seek',
        change: seekLeaseTransition(current, partition, { topic: 't', owner: 'a', atMs: 1, ...args }),
      }),
  ),
);

describe('a lease', () => {
  it('never goes back but by a seek, and changes for one owner at a time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let lease: Lease | undefined;
        for (const one of steps) {
          const before = lease;
          const { kind, owner, change } = one(before);
          if (change.outcome === 'refused') {
            expect(change.item).toBe(before);
            continue;
          }
          lease = change.item;
          const epoch = before?.generation ?? 0;
          if (kind === 'update') {
            expect(lease.generation).toBe(epoch);
            expect(before!.owner).toBe(owner);
            expect(lease.sequence).toBeGreaterThan(before!.sequence);
            if (before!.committed !== null) expect(lease.committed).toBeGreaterThanOrEqual(before!.committed);
          } else {
            expect([lease.generation, lease.sequence]).toEqual([epoch + 1, 0]);
            if (kind === 'take') expect(lease.committed).toBe(before?.committed ?? null);
            if (kind === 'take') expect(lease.attempts).toBe((before?.attempts ?? 0) + 1);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is taken from nobody whose time is not over', () => {
    fc.assert(
      fc.property(time, time, (expiresAtMs, nowMs) => {
        const first = takeLeaseTransition(undefined, partition, {
          topic: 't',
          owner: 'a',
          seen: 0,
          nowMs: 0,
          expiresAtMs,
        });
        const next = { topic: 't', owner: 'b', seen: 1, nowMs, expiresAtMs: 99 };
        const { outcome } = takeLeaseTransition(first.item, partition, next);
        expect(outcome).toBe(expiresAtMs <= nowMs ? 'done' : 'refused');
      }),
    );
  });
});
