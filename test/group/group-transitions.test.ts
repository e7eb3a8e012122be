import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyGroup } from '../../lib/group/group.ts';
import type { GroupOffset } from '../../lib/group/group-offset.ts';
import {
  beatTransition,
  claimTransition,
  commitOffsetTransition,
  createGroupTransition,
  mayRemoveGroup,
  updateGroupTransition,
} from '../../lib/group/group-transitions.ts';
import type { Heartbeat } from '../../lib/group/heartbeat.ts';

const group = { ...emptyGroup('g', 'id-1'), version: 4 };
const partition = { topicId: 't', partition: 0 };

describe('a group', () => {
  it('is made where there is none', () => {
    expect(createGroupTransition(undefined, group)).toEqual({ outcome: 'done', item: group });
    expect(createGroupTransition(group, { ...group, groupId: 'id-2' })).toEqual({ outcome: 'refused', item: group });
  });

  it('is replaced only as it was read, and counts its versions', () => {
    const next = { ...group, generation: 9 };
    expect(updateGroupTransition(group, next)).toEqual({ outcome: 'done', item: { ...next, version: 5 } });
    for (const other of [undefined, { ...group, version: 5 }, { ...group, groupId: 'id-2' }]) {
      expect(updateGroupTransition(other, next)).toEqual({ outcome: 'refused', item: other });
    }
  });

  it('is removed only while it is being deleted, and only itself', () => {
    const deleting = { ...group, state: 'deleting' as const };
    expect(mayRemoveGroup(deleting, 'id-1')).toBe(true);
    expect(mayRemoveGroup(deleting, 'id-2')).toBe(false);
    expect(mayRemoveGroup(group, 'id-1')).toBe(false);
  });
});

describe('a heartbeat', () => {
  const current: Heartbeat = { memberId: 'm', count: 3, generation: 2, atMs: 1 };

  it('beats upwards, and not once it is gone', () => {
    const args = { count: 4, generation: 3, atMs: 2 };
    expect(beatTransition(current, args)).toEqual({ outcome: 'done', item: { memberId: 'm', ...args } });
    expect(beatTransition(current, { ...args, count: 3 })).toEqual({ outcome: 'refused', item: current });
    expect(beatTransition(undefined, args)).toEqual({ outcome: 'refused', item: undefined });
  });
});

describe('an offset, whatever is asked in whatever order', () => {
  const claim = fc.record({
    kind: fc.constant('claim' as const),
    generation: fc.integer({ min: 0, max: 6 }),
    owner: fc.constantFrom('a', 'b'),
    committed: fc.option(fc.bigInt({ min: 0n, max: 9n })),
  });
  const commit = fc.record({
    kind: fc.constant('commit' as const),
    generation: fc.integer({ min: 0, max: 6 }),
    sequence: fc.integer({ min: 1, max: 6 }),
    offset: fc.bigInt({ min: 0n, max: 9n }),
  });

  it('never goes back in generation, nor in number under one, and only its claim moves it', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(claim, commit), { maxLength: 40 }), (operations) => {
        let current: GroupOffset | undefined;
        for (const operation of operations) {
          const change =
            operation.kind === 'claim'
              ? claimTransition(current, partition, { topic: 't', atMs: 1, ...operation })
              : commitOffsetTransition(current, { metadata: '', atMs: 1, ...operation });
          const before = current;
          if (change.outcome === 'refused') {
            expect(change.item).toBe(before);
            continue;
          }
          current = change.item;
          if (operation.kind === 'claim') {
            expect(current.generation).toBeGreaterThan(before?.generation ?? -1);
            expect(current.committed).toBe(operation.committed ?? before?.committed ?? null);
            expect(current.sequence).toBe(0);
          } else {
            expect([current.generation, current.owner]).toEqual([before!.generation, before!.owner]);
            expect(current.generation).toBe(operation.generation);
            expect(current.sequence).toBeGreaterThan(before!.sequence);
          }
        }
      }),
    );
  });
});
