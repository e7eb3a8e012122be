/** The invariants of offsets and heartbeats over random sequences of every change, whatever order and arguments they come in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupOffset } from '../../lib/group/group-offset.ts';
import { beatTransition, claimTransition, commitOffsetTransition } from '../../lib/group/group-transitions.ts';
import type { Heartbeat } from '../../lib/group/heartbeat.ts';

const partition = { topicId: 't', partition: 0 };

type Step =
  | { readonly kind: 'claim'; readonly generation: number; readonly owner: string; readonly committed: bigint | null }
  | { readonly kind: 'commit'; readonly generation: number; readonly sequence: number; readonly offset: bigint };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('claim' as const),
    generation: fc.integer({ min: 1, max: 8 }),
    owner: fc.constantFrom('a', 'b', 'c'),
    committed: fc.option(fc.bigInt({ min: 0n, max: 50n }), { freq: 4 }),
  }),
  fc.record({
    kind: fc.constant('commit' as const),
    generation: fc.integer({ min: 1, max: 8 }),
    sequence: fc.integer({ min: 1, max: 6 }),
    offset: fc.bigInt({ min: 0n, max: 50n }),
  }),
);

function apply(current: GroupOffset | undefined, one: Step) {
  return one.kind === 'claim'
    ? claimTransition(current, partition, { ...one, topic: 'orders', atMs: 1 })
    : commitOffsetTransition(current, { ...one, metadata: 'm', atMs: 2 });
}

describe('offsets', () => {
  it('go forward in (generation, number) only, and are moved by nobody but the owner or a seek', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let current: GroupOffset | undefined;
        for (const one of steps) {
          const { outcome, item } = apply(current, one);
          if (outcome === 'refused') {
            expect(item).toBe(current);
            continue;
          }
          const before = current;
          current = item as GroupOffset;
          const isNewer =
            before === undefined ||
            current.generation > before.generation ||
            (current.generation === before.generation && current.sequence > before.sequence);
          expect(isNewer).toBe(true);
          expect(current.generation).toBe(one.generation);
          if (one.kind === 'commit') {
            expect([before?.generation, current.owner]).toEqual([one.generation, before?.owner]);
            expect(current.committed).toBe(one.offset);
          } else expect(current.committed).toBe(one.committed ?? before?.committed ?? null);
        }
      }),
    );
  });

  it('take no step twice, and none late', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(19), (steps, at) => {
        let current: GroupOffset | undefined;
        const done: Step[] = [];
        for (const one of steps) {
          const change = apply(current, one);
          if (change.outcome === 'done') done.push(one);
          current = change.item;
        }
        const late = done[at % Math.max(1, done.length)];
        if (late !== undefined) expect(apply(current, late)).toEqual({ outcome: 'refused', item: current });
      }),
    );
  });
});

describe('heartbeats', () => {
  it('only rise, and none comes back that was taken away', () => {
    const beat = fc.record({ count: fc.nat(20), generation: fc.nat(5), atMs: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(fc.option(beat, { freq: 8 }), { maxLength: 30 }), (beats) => {
        let current: Heartbeat | undefined = { memberId: 'm', count: 0, generation: 0, atMs: 0 };
        for (const one of beats) {
          if (one === null) current = undefined;
          else {
            const before: Heartbeat | undefined = current;
            const { outcome, item } = beatTransition(before, one);
            if (before === undefined) expect(outcome).toBe('refused');
            else expect(outcome).toBe(one.count > before.count ? 'done' : 'refused');
            current = item as Heartbeat | undefined;
          }
        }
      }),
    );
  });
});
